package cli_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Each kind of revocation ends the tokens that it is about when it is answered,
// and the next login; enabling an agent again brings no token back.
func TestRevocations(t *testing.T) {
	h := newHouse(t)
	patch := func(path string, value any) func(string) error {
		return func(id string) error {
			_, err := h.client.PatchAgent(t.Context(), id, []api.Operation{api.Replace(path, value)})
			return err
		}
	}
	password, err := api.PasswordPatch(secret.Generate())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		revoke func(id string) error
		undo   func(id string) error // nil: there is no way back
		opens  bool                  // after undo, the secret is good again
	}{
		{"inactive", patch("active", false), patch("active", true), true},
		{"locked", patch(api.SchemaWSO2+":accountLocked", true), patch(api.SchemaWSO2+":accountLocked", false), true},
		{"password", func(id string) error {
			_, err := h.client.PatchAgent(t.Context(), id, password.Operations)
			return err
		}, nil, false},
		{"everything", func(id string) error { return h.client.RevokeAll(t.Context(), id) }, nil, false},
		{"deleted", func(id string) error { return h.client.DeleteAgent(t.Context(), id, "") }, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, value := h.newAgent(t, tt.name)
			token := h.mustToken(t, id, value)
			if err := tt.revoke(id); err != nil {
				t.Fatal(err)
			}
			if _, err := h.token(t, id, value); err == nil {
				t.Error("it still gets tokens")
			}
			if h.active(t, token) {
				t.Error("its token is active")
			}
			if tt.undo == nil {
				return
			}
			if err := tt.undo(id); err != nil {
				t.Fatal(err)
			}
			if h.active(t, token) {
				t.Error("its token came back to life")
			}
			if _, err := h.token(t, id, value); (err == nil) != tt.opens {
				t.Errorf("a login after it was enabled again: %v", err)
			}
		})
	}
}

// An agent ends its own token, and nobody else's.
func TestRevokeToken(t *testing.T) {
	h := newHouse(t)
	id, value := h.newAgent(t, "bot")
	other, otherValue := h.newAgent(t, "other")
	one, two := h.mustToken(t, id, value), h.mustToken(t, id, value)
	status, _ := h.post(t, "/oauth2/revoke", credentials{other, otherValue.Reveal()}, url.Values{"token": {one}})
	if !h.active(t, one) {
		t.Errorf("another agent ended a token, with status %d", status)
	}
	status, text := h.post(t, "/oauth2/revoke", credentials{id, value.Reveal()}, url.Values{"token": {one}})
	if status != http.StatusOK || h.active(t, one) {
		t.Errorf("the token is still active: %d %s", status, text)
	}
	if !h.active(t, two) {
		t.Error("the other token ended too")
	}
}

// The manager's own credential is rotated while it works, and ends at once when
// it is told to; a withdrawn signing key ends every token.
func TestRevoke_above(t *testing.T) {
	h := newHouse(t)
	id, value := h.newAgent(t, "bot")
	token := h.mustToken(t, id, value)
	out, err := command(t, "keys", "list", "--database", h.database)
	kid, _, _ := strings.Cut(strings.Split(out, "\n")[1], " ")
	if err != nil || kid == "" {
		t.Fatalf("keys list: %v\n%s", err, out)
	}
	if out, err = command(t, "keys", "revoke", kid, "--database", h.database); err != nil {
		t.Fatalf("keys revoke: %v\n%s", err, out)
	}
	if h.active(t, token) {
		t.Error("a token of a withdrawn key is active")
	}
	h.mustToken(t, id, value)
	if _, err := h.client.Agent(t.Context(), id); err != nil {
		t.Errorf("the manager does not get over a withdrawn key: %v", err)
	}

	if out, err = command(t, "client", "rotate", h.manager.ID, "--database", h.database); err != nil {
		t.Fatalf("client rotate: %v\n%s", err, out)
	}
	if _, err := h.signIn(t, h.manager).Agent(t.Context(), id); err != nil {
		t.Errorf("the old secret of the manager is refused in its grace: %v", err)
	}
	if out, err = command(t, "client", "rotate", h.manager.ID, "--grace", "0s", "--database", h.database); err != nil {
		t.Fatalf("client rotate: %v\n%s", err, out)
	}
	if _, err := h.client.Agent(t.Context(), id); err == nil {
		t.Error("the manager works on after its secrets ended")
	}
	if out, err = command(t, "client", "delete", h.inspector.ID, "--database", h.database); err != nil {
		t.Fatalf("client delete: %v\n%s", err, out)
	}
	if status, _ := h.post(t, "/oauth2/introspect", h.inspector, url.Values{"token": {token}}); status != http.StatusUnauthorized {
		t.Errorf("a deleted client may introspect: %d", status)
	}
}
