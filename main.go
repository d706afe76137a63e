// Command terraform-provider-agentcreds is the Terraform plugin and, by its
// commands, the server behind it.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
)

// version is set by the linker.
var version = "dev"

func main() {
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/agentcreds/agentcreds", ProtocolVersion: 6,
	})
	if err != nil {
		log.Fatal(err)
	}
}
