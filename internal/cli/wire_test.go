package cli_test

import (
	"path/filepath"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/apitest"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// serve keeps every promise of the wire, over a real connection.
func TestWire(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, "--database", database)
	apitest.Run(t, func(t *testing.T) *client.Client { return s.client(t, database) })
}
