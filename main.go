// Command terraform-provider-agentcreds is the Terraform plugin and, by its
// commands, the server behind it.
package main

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

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

// servePlugin lets Terraform work with the provider until it hangs up.
func servePlugin(debug bool) int {
	if !debug { // nobody reads along but Terraform
		quiet(os.Environ(), os.Setenv)
	}
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address:         "registry.terraform.io/agentcreds/agentcreds",
		ProtocolVersion: 6,
		Debug:           debug,
	})
	return cli.Tell(os.Stderr, err)
}
