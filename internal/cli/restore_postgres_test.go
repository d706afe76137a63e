//go:build unix

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// A PostgreSQL database that was brought back by its own tools is quarantined by a
// command: replicas that run let nobody in from then on, and go on when it is
// accepted with the audit of all chains.
func TestRestore_postgres(t *testing.T) {
	url, dir := pgtest.Start(t).URL(""), t.TempDir()
	seal, log := filepath.Join(dir, "seal.key"), filepath.Join(dir, "audit.ndjson")
	if err := os.WriteFile(seal, []byte(strings.Repeat("k", 42)+"8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := strings.Fields(output(t, "client", "create", "--name", "ops", "--scope-set", "admin", "--env", "--database", url))
	id, value := strings.TrimPrefix(made[0], "AGENTCREDS_CLIENT_ID="), strings.TrimPrefix(made[1], "AGENTCREDS_CLIENT_SECRET=")
	s := serve(t, "--database", url, "--seal-key", "file:"+seal, "--issuer", "http://127.0.0.1:9")
	signIn := func() *client.Client {
		c, err := client.New(client.Config{BaseURL: s.url, MaxRetries: -1, Auth: client.ClientCredentials(id, secret.New(value), api.Scopes()...)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := signIn()
	bot, err := before.CreateAgent(t.Context(), newAgent("bot"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, []byte(output(t, "audit", "export", "--database", url)), 0o600); err != nil {
		t.Fatal(err)
	}

	if out := output(t, "restore", "--quarantine", "--database", url); !strings.Contains(out, "what was done after entry ") {
		t.Errorf("restore --quarantine prints %s", out)
	}
	for name, c := range map[string]*client.Client{"a token from before": before, "a login": signIn()} {
		if _, err := c.Agent(t.Context(), bot.ID); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "quarantined") {
			t.Errorf("%s in quarantine: %v", name, err)
		}
	}
	cmd := program(t, "backup", "--recipient", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "--out", filepath.Join(dir, "x"), "--database", url)
	if text, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(text), "its own tools") || strings.Contains(string(text), pgtest.Password) {
		t.Errorf("backup of a PostgreSQL database: %v\n%s", err, text)
	}
	if out := output(t, "restore", "--accept", "--audit-log", log, "--database", url); !strings.HasPrefix(out, "accepted; the audit of the lost server was replayed up to entry ") {
		t.Errorf("restore --accept prints %s", out)
	}
	if _, err := signIn().Agent(t.Context(), bot.ID); err != nil {
		t.Errorf("after it was accepted: %v", err)
	}
	output(t, "audit", "verify", "--database", url)
}
