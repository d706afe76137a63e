package cli_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// house is a server with two management clients: one manages agents, as
// Terraform does, one looks at tokens, as a resource server does.
type house struct {
	*serving
	database  string
	manager   credentials
	inspector credentials
	client    *client.Client
}

type credentials struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// newHouse makes the clients by the command, and signs in as the first. The
// server takes more flags.
func newHouse(t testing.TB, flags ...string) *house {
	t.Helper()
	h := &house{database: filepath.Join(t.TempDir(), "agents.db")}
	h.manager = makeClient(t, h.database, "terraform", "--scope-set", "terraform")
	h.inspector = makeClient(t, h.database, "gateway", "--scope-set", "introspect")
	h.serving = serve(t, append([]string{"--database", h.database}, flags...)...)
	h.client = h.signIn(t, h.manager)
	return h
}

func makeClient(t testing.TB, database, name string, scopes ...string) (c credentials) {
	t.Helper()
	out, err := command(t, append([]string{"client", "create", "--database", database, "--name", name, "--json"}, scopes...)...)
	if err == nil {
		err = json.Unmarshal([]byte(out), &c)
	}
	if err != nil {
		t.Fatalf("client create: %v\n%s", err, out)
	}
	return c
}

// command runs a command and returns what it printed; of one that failed, what
// it said.
func command(t testing.TB, args ...string) (string, error) {
	t.Helper()
	cmd := program(t, args...)
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // it is what Output returns
		return string(exit.Stderr), err
	}
	return string(out), err
}

func (h *house) signIn(t testing.TB, c credentials) *client.Client {
	t.Helper()
	made, err := client.New(client.Config{
		BaseURL: h.url, Auth: client.ClientCredentials(c.ID, secret.New(c.Secret)), MaxRetries: -1, TLS: h.trust(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// trust is for clients of a server with a certificate of its own; nil where
// none is spoken of.
func (h *house) trust(t testing.TB) *tls.Config {
	t.Helper()
	if strings.HasPrefix(h.url, "http:") {
		return nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(readFile(t, h.certificate()))) {
		t.Fatal("there is no certificate in the file")
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// certificate is the file with the certificate that the server made.
func (h *house) certificate() string { return h.database + ".tls-cert" }

// token signs in as an agent by the command.
func (h *house) token(t *testing.T, id string, value secret.Text) (string, error) {
	t.Helper()
	cmd := program(t, "token", "--endpoint", h.url, "--agent-id", id)
	cmd.Stdin = strings.NewReader(value.Reveal() + "\n")
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// mustToken is a token that is in force.
func (h *house) mustToken(t *testing.T, id string, value secret.Text) string {
	t.Helper()
	token, err := h.token(t, id, value)
	if err != nil {
		t.Fatalf("a live secret gets no token: %v", err)
	}
	if !h.active(t, token) {
		t.Fatal("a new token is not active")
	}
	return token
}

// active asks the server whether a token is in force.
func (h *house) active(t *testing.T, token string) bool {
	t.Helper()
	status, text := h.post(t, "/oauth2/introspect", h.inspector, url.Values{"token": {token}})
	var told struct{ Active bool }
	if err := json.Unmarshal([]byte(text), &told); err != nil || status != http.StatusOK {
		t.Fatalf("introspect: %d %s, %v", status, text, err)
	}
	if !told.Active && strings.TrimSpace(text) != `{"active":false}` {
		t.Errorf("more is told of a token that is not in force: %s", text)
	}
	return told.Active
}

func (h *house) post(t *testing.T, path string, who credentials, form url.Values) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(who.ID, who.Secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, text, err := exchange(r)
	if err != nil {
		t.Fatal(err)
	}
	return status, text
}

func (h *house) newAgent(t testing.TB, name string) (id string, first secret.Text) {
	t.Helper()
	a, err := h.client.CreateAgent(t.Context(), newBot(name))
	if err != nil {
		t.Fatal(err)
	}
	return a.ID, a.Password
}

func newBot(name string) api.Agent {
	return api.Agent{ExternalID: name, Profile: api.AgentProfile{DisplayName: name}}
}

// The whole life of an agent, as Terraform and the agent live it: its secret is
// rotated with a grace, both secrets work in it, and what is revoked is over.
func TestLife(t *testing.T) {
	h := newHouse(t)
	id, first := h.newAgent(t, "bot")
	before := h.mustToken(t, id, first)
	secrets, err := h.client.Secrets(t.Context(), id)
	if err != nil || len(secrets) != 1 {
		t.Fatalf("the secrets are %+v, %v", secrets, err)
	}
	old := secrets[0].SecretID
	second, err := h.client.AddSecret(t.Context(), id, api.SecretRequest{
		Previous: &api.Retire{SecretID: old, ExpiresAt: time.Now().Add(time.Hour).Unix()},
	})
	if err != nil || second.CreatedBy != "client:"+h.manager.ID {
		t.Fatalf("AddSecret = %+v, %v", second, err)
	}
	graced, after := h.mustToken(t, id, first), h.mustToken(t, id, second.SecretValue)
	if !h.active(t, before) {
		t.Error("a rotation with grace ended a token")
	}
	if err := h.client.RevokeSecret(t.Context(), id, old, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.token(t, id, first); err == nil {
		t.Error("a revoked secret gets a token")
	}
	if h.active(t, before) || h.active(t, graced) {
		t.Error("tokens of a revoked secret are active")
	}
	if !h.active(t, after) {
		t.Error("revoking one secret ended a token of the other")
	}
	waitUsed(t, h, id)
	if err := h.client.DeleteAgent(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.token(t, id, second.SecretValue); err == nil || h.active(t, after) {
		t.Error("a deleted agent has tokens")
	}
	if code := h.stop(t); code != 0 || strings.Contains(h.text(), "agcs_") || strings.Contains(h.text(), "eyJ") {
		t.Errorf("exit code %d, or a secret in the log\n%s", code, h.text())
	}
}

// waitUsed waits until it shows when the secrets were used: a second at most.
func waitUsed(t *testing.T, h *house, id string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		secrets, err := h.client.Secrets(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if secrets[0].FirstUsedAt > 0 && secrets[0].LastUsedAt >= secrets[0].FirstUsedAt {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the use of a secret does not show: %+v", secrets)
		}
	}
}
