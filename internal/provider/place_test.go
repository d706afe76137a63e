package provider_test

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/embedded"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// place is a server that a test works against: the embedded one over a file of
// its own, or a remote one.
type place struct {
	args   attrs   // of the provider block
	remote *remote // nil for the embedded server
	logs   io.Writer
	shared *plugin // the one process of all phases; nil: each has its own

	compared bool // with the framework, whose requests are on top: see bothWays
}

func newEmbedded(t *testing.T) *place {
	t.Helper()
	return &place{args: attrs{"embedded_path": filepath.Join(t.TempDir(), "agents.db")}}
}

func newRemotePlace(t *testing.T) *place {
	t.Helper()
	return remoteOver(t, filepath.Join(t.TempDir(), "server.db"))
}

// remoteOver is a remote place whose server works on the file.
func remoteOver(t *testing.T, path string) *place {
	t.Helper()
	r := newRemote(t, path)
	return &place{args: attrs{"endpoint": r.url, "access_token": adminToken}, remote: r}
}

// path is the file of an embedded place.
func (p *place) path() string { return p.args.text("embedded_path") }

// everywhere runs a test against both kinds of servers.
func everywhere(t *testing.T, test func(*testing.T, *place)) {
	t.Helper()
	for name, make := range map[string]func(*testing.T) *place{"embedded": newEmbedded, "remote": newRemotePlace} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, make(t))
		})
	}
}

// hand is somebody who works on the server past Terraform: through the real
// client, and not as the principal of the provider when the server can tell.
type hand struct {
	*client.Client
	t *testing.T
}

// hand gives one with a fresh view.
func (p *place) hand(t *testing.T) hand { return p.as(t, otherToken) }

// as gives a hand that signs in with a token; the embedded server knows only
// one principal.
func (p *place) as(t *testing.T, token string) hand {
	t.Helper()
	var c *client.Client
	var err error
	if p.remote == nil {
		c, err = embedded.New(embedded.Config{Path: p.path(), Version: "test"})
	} else {
		c, err = client.New(client.Config{BaseURL: p.remote.calm, Auth: client.BearerToken(secret.New(token))})
	}
	if err != nil {
		t.Fatal(err)
	}
	return hand{c, t}
}

// check ends the test when something done by hand did not work.
func (h hand) check(what string, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%s by hand: %v", what, err)
	}
}

// ctx outlives the test's own, which ends before its clean-up.
func (h hand) ctx() context.Context { return context.WithoutCancel(h.t.Context()) }

// agent reads an agent.
func (h hand) agent(id string) api.Agent {
	h.t.Helper()
	a, err := h.Agent(h.ctx(), id)
	h.check("read agent "+id, err)
	return a
}

// secrets lists the secrets of an agent, newest first.
func (h hand) secrets(agentID string) []api.Secret {
	h.t.Helper()
	list, err := h.Secrets(h.ctx(), agentID)
	h.check("list the secrets of "+agentID, err)
	return list
}

// live are the secrets that open the door, newest first.
func (h hand) live(agentID string) []api.Secret {
	h.t.Helper()
	var out []api.Secret
	for _, s := range h.secrets(agentID) {
		if s.Live() {
			out = append(out, s)
		}
	}
	return out
}

// secretOf reads one secret, however dead.
func (h hand) secret(agentID, id string) api.Secret {
	h.t.Helper()
	s, err := h.Secret(h.ctx(), agentID, id)
	h.check("read secret "+id, err)
	return s
}

// create makes an agent without a secret.
func (h hand) create(a api.Agent) api.Agent {
	h.t.Helper()
	if a.Profile.DisplayName == "" {
		a.Profile.DisplayName = "by hand"
	}
	if a.Extension == nil {
		a.Extension = &api.AgentSecurity{}
	}
	a.Extension.Secret = api.SecretNone
	made, err := h.CreateAgent(h.ctx(), a)
	h.check("create an agent", err)
	return made
}

// add adds a secret and says which.
func (h hand) add(agentID string, req api.SecretRequest) api.Secret {
	h.t.Helper()
	s, err := h.AddSecret(h.ctx(), agentID, req)
	h.check("add a secret to "+agentID, err)
	return s
}

// rotate does what another tool would: a new secret, the old one gone in an hour.
func (h hand) rotate(agentID, old string) api.Secret {
	h.t.Helper()
	return h.add(agentID, api.SecretRequest{Previous: &api.Retire{SecretID: old, ExpiresAt: time.Now().Add(time.Hour).Unix()}})
}

func (h hand) revoke(agentID, id string) {
	h.t.Helper()
	h.check("revoke secret "+id, h.RevokeSecret(h.ctx(), agentID, id, ""))
}

func (h hand) patch(id string, ops ...api.Operation) api.Agent {
	h.t.Helper()
	a, err := h.PatchAgent(h.ctx(), id, ops)
	h.check("change agent "+id, err)
	return a
}

func (h hand) delete(id string) {
	h.t.Helper()
	h.check("delete agent "+id, h.DeleteAgent(h.ctx(), id, ""))
}

// count is how many agents there are.
func (h hand) count() int {
	h.t.Helper()
	n := 0
	for _, err := range h.FindAgents(h.ctx(), nil) {
		h.check("list agents", err)
		n++
	}
	return n
}

// expectNoFile checks that nothing made the file.
func expectNoFile(t *testing.T, path string) {
	t.Helper()
	if found, err := filepath.Glob(path + "*"); err != nil || len(found) > 0 {
		t.Errorf("there is %v (%v)", found, err)
	}
}
