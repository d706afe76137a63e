// Command terraform-provider-agentcreds is the Terraform plugin and, by its
// commands, the server behind it.
package main

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/cli"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
)

// version is set by the linker.
var version = "dev"

func main() {
	args := os.Args[1:]
	spareGC(os.Getenv)
	if debug := isDebug(args); debug || (!cli.Known(args) && os.Getenv(magicCookie) != "") {
		os.Exit(servePlugin(debug))
	}
	os.Exit(cli.Main(context.Background(), cli.Program{
		Args:    args,
		Version: version,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Getenv:  os.Getenv,
	}))
}

// servePlugin lets Terraform work with the provider until it hangs up. Whoever
// reads along gets the framework's own server, which logs every step.
func servePlugin(debug bool) int {
	newServer := providerserver.NewProtocol6(provider.New(version)())
	var opts []tf6server.ServeOpt
	if debug {
		opts = append(opts, tf6server.WithManagedDebug())
	} else if quiet(os.Environ(), os.Setenv) {
		newServer = provider.NewServer(version)
	}
	return cli.Tell(os.Stderr, tf6server.Serve("registry.terraform.io/agentcreds/agentcreds", newServer, opts...))
}
