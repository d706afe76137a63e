//go:build unix

package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// sealFile is a seal key for replicas.
func sealFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "seal.key")
	if err := os.WriteFile(name, []byte(strings.Repeat("k", 42)+"8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// output runs the program and returns what it printed.
func output(t *testing.T, args ...string) string {
	t.Helper()
	cmd := program(t, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &stderr)
	}
	return string(out)
}

// Replicas share what matters: clients, agents, signing keys, revocations. The
// commands work on the same database while they run, and nothing prints the
// password of the database.
func TestReplicas(t *testing.T) {
	db := pgtest.Start(t)
	url, seal := db.URL(""), "file:"+sealFile(t)
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(output(t, "client", "create", "--name", "ops", "--scope-set", "admin", "--json", "--database", url)), &made); err != nil {
		t.Fatal(err)
	}
	const issuer = "http://127.0.0.1:9"
	replicas := []*serving{
		serve(t, "--database", url, "--seal-key", seal, "--issuer", issuer),
		serve(t, "--database", url, "--seal-key", seal, "--issuer", issuer),
	}
	var clients []*client.Client
	for _, s := range replicas {
		c, err := client.New(client.Config{BaseURL: s.url, MaxRetries: -1,
			Auth: client.ClientCredentials(made.ID, secret.New(made.Secret), api.Scopes()...)})
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	a, err := clients[0].CreateAgent(t.Context(), newAgent("bot"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := clients[1].Agent(t.Context(), a.ID); err != nil || got.Profile.DisplayName != "bot" {
		t.Errorf("on the other replica: %+v, %v", got, err)
	}
	if err := clients[1].DeleteAgent(t.Context(), a.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := clients[0].Agent(t.Context(), a.ID); err == nil {
		t.Error("an agent that one replica deleted is there on the other")
	}

	// One audit for all, whoever is asked.
	var found verified
	for _, where := range [][]string{{"--database", url}} {
		if err := json.Unmarshal([]byte(output(t, append([]string{"audit", "verify", "--json"}, where...)...)), &found); err != nil {
			t.Fatal(err)
		}
	}
	if len(found.Chains) != 3 || found.Entries < 8 {
		t.Errorf("audit verify = %+v, want three chains", found)
	}
	kept := filepath.Join(t.TempDir(), "checkpoint.json")
	if err := os.WriteFile(kept, []byte(output(t, "audit", "checkpoint", "--database", url)), 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, "audit", "verify", "--database", url, "--checkpoint", kept)
	if tail := output(t, "audit", "tail", "-n", "3", "--database", url); strings.Count(tail, "\n") != 3 || !strings.Contains(tail, "agent.delete") {
		t.Errorf("audit tail = %s", tail)
	}
	if keys := output(t, "keys", "list", "--json", "--database", url); strings.Count(keys, "signing") != 1 {
		t.Errorf("the replicas made more than one signing key, or none: %s", keys)
	}
	export := filepath.Join(t.TempDir(), "audit.ndjson")
	if err := os.WriteFile(export, []byte(output(t, "audit", "export", "--database", url)), 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, "audit", "verify", "--file", export)

	// Without its database a replica says so, and comes back by itself.
	ready := func(s *serving) int {
		t.Helper()
		resp, err := http.Get(s.url + api.PathReady) //nolint:noctx // of the test's own server
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	db.Stop()
	for _, s := range replicas {
		if got := ready(s); got != http.StatusServiceUnavailable {
			t.Errorf("readyz without a database = %d", got)
		}
	}
	resp, err := http.PostForm(replicas[0].url+api.PathToken, map[string][]string{ //nolint:noctx // of the test's own server
		"grant_type": {"client_credentials"}, "client_id": {made.ID}, "client_secret": {made.Secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a token without a database: %s", resp.Status)
	}
	db.Launch(t)
	for i, s := range replicas {
		if got := ready(s); got != http.StatusOK {
			t.Errorf("readyz with the database again = %d", got)
		}
		if _, err := clients[i].CreateAgent(t.Context(), newAgent("after")); err != nil && i == 0 {
			t.Error(err)
		}
	}
	for _, s := range replicas {
		if code := s.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if strings.Contains(s.text(), pgtest.Password) {
			t.Error("the password of the database is in the log")
		}
	}
}

// verified is what audit verify --json prints, as far as it matters here.
type verified struct {
	Entries int64 `json:"entries"`
	Chains  []struct{ Chain, Entries int64 }
}
