//go:build unix

package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// A server moves from its file to PostgreSQL: the same store, the same agents and
// secrets, and the tokens that were given before.
func TestMigrate(t *testing.T) {
	const issuer = "http://127.0.0.1:9"
	database, url := filepath.Join(t.TempDir(), "agents.db"), pgtest.Start(t).URL("")
	s := serve(t, "--database", database, "--issuer", issuer)
	c := s.client(t, database)
	a, err := c.CreateAgent(t.Context(), newAgent("bot"))
	if err != nil {
		t.Fatal(err)
	}
	before, err := c.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made := strings.Fields(output(t, "client", "create", "--name", "ops", "--scope-set", "admin", "--env", "--database", database))
	id, value := strings.TrimPrefix(made[0], "AGENTCREDS_CLIENT_ID="), strings.TrimPrefix(made[1], "AGENTCREDS_CLIENT_SECRET=")
	signIn := func(s *serving) *client.Client {
		c, err := client.New(client.Config{BaseURL: s.url, MaxRetries: -1, Auth: client.ClientCredentials(id, secret.New(value), api.Scopes()...)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if _, err := signIn(s).Agent(t.Context(), a.ID); err != nil { // which makes the signing key
		t.Fatal(err)
	}
	s.stop(t)
	if out := output(t, "migrate", "--from", database, "--to", url); !strings.Contains(out, "agents        1 rows  ") {
		t.Errorf("migrate prints\n%s", out)
	}
	s = serve(t, "--database", url, "--seal-key", "file:"+database+".key", "--issuer", issuer)
	c = signIn(s)
	if got, err := c.Agent(t.Context(), a.ID); err != nil || got.ExternalID != "bot" {
		t.Errorf("after the move: %+v, %v", got, err)
	}
	after, err := c.Server(t.Context())
	if err != nil || after.StoreID != before.StoreID || after.StoreID == "" {
		t.Errorf("the store is %+v, %v; it was %+v", after, err, before)
	}
	output(t, "audit", "verify", "--database", url)
	if keys := output(t, "keys", "list", "--database", url); strings.Count(keys, "signing") != 1 {
		t.Errorf("the server made another signing key:\n%s", keys)
	}
	for _, args := range [][]string{
		{"migrate", "--from", database, "--to", url}, {"migrate", "--from", url, "--to", url}, {"migrate", "--from", database, "--to", "x.db"},
		{"migrate", "--from", database + "x", "--to", url},
	} {
		cmd := program(t, args...)
		text, err := cmd.CombinedOutput()
		if err == nil || strings.Contains(string(text), pgtest.Password) || !strings.Contains(string(text), "hint: ") {
			t.Errorf("%v: %v\n%s", args, err, text)
		}
	}
}
