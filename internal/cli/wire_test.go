package cli_test

import (
	"path/filepath"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/apitest"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// serve keeps every promise of the wire, over a real connection.
func TestWire(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, "--database", database)
	apitest.Run(t, func(t *testing.T) *client.Client { return s.client(t, database) })
}

// TestWire_asgardeo: an M2M application that has the scopes of the guide, and no
// other, may do with the agents of the profile whatever the suite does, as with
// those of a tenant.
func TestWire_asgardeo(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	m2m := makeClient(t, database, "terraform",
		"--scope", "internal_agent_mgt_create", "--scope", "internal_agent_mgt_list", "--scope", "internal_agent_mgt_view",
		"--scope", "internal_agent_mgt_update", "--scope", "internal_agent_mgt_delete")
	s := serve(t, "--database", database, "--profile", "asgardeo", "--rate-limit", "0")
	apitest.Compare(t, func(t *testing.T) *client.Client {
		c, err := client.New(client.Config{BaseURL: s.url, Auth: client.ClientCredentials(m2m.ID, secret.New(m2m.Secret)), RequestsPerMinute: -1})
		if err != nil {
			t.Fatal(err)
		}
		return c
	})
}
