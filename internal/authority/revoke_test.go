package authority_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

func TestRevokeSecret(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	first := w.add(t, authority.NewSecret{AgentID: id})
	second := w.add(t, authority.NewSecret{AgentID: id})
	if err := w.RevokeSecret(t.Context(), admin, id, first.ID, nil); err != nil {
		t.Fatal(err)
	}
	w.wantStatuses(t, id, "ACTIVE REVOKED")
	if err := w.RevokeSecret(t.Context(), admin, id, second.ID, nil); err != nil { // the last one too
		t.Fatal(err)
	}
	w.wantStatuses(t, id, "REVOKED REVOKED")
	if got := w.get(t, id).Epoch; got != 0 {
		t.Errorf("revoking secrets raised the epoch to %d", got)
	}

	events, when := len(w.trail(t)), w.get(t, id).Secrets[0].Revoked
	w.clock.Add(time.Hour)
	if err := w.RevokeSecret(t.Context(), admin, id, second.ID, nil); err != nil {
		t.Errorf("revoking again: %v", err)
	}
	if got := w.get(t, id).Secrets[0].Revoked; !got.Equal(when) {
		t.Errorf("revoking again moved the time from %v to %v", when, got)
	}
	if got := len(w.trail(t)); got != events {
		t.Error("revoking again left an audit entry")
	}

	wantKind(t, w.RevokeSecret(t.Context(), admin, id, idOne, nil), authority.NoSecret)
	wantKind(t, w.RevokeSecret(t.Context(), admin, idOne, second.ID, nil), authority.NoAgent)
}

// The panic button: all credentials, all tokens, and the agent is blocked until
// it is reinstated.
func TestRevokeAgent(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	w.add(t, authority.NewSecret{AgentID: id, Expires: w.clock.in(time.Minute)})
	w.clock.Add(time.Minute)
	retiring := w.add(t, authority.NewSecret{AgentID: id})
	w.add(t, authority.NewSecret{AgentID: id, Previous: &authority.Retire{ID: retiring.ID, Expires: w.clock.in(time.Hour)}})

	a, err := w.RevokeAgent(t.Context(), admin, id)
	if err != nil {
		t.Fatal(err)
	}
	w.wantStatuses(t, id, "REVOKED REVOKED EXPIRED")
	if !a.Blocked() || a.Epoch != 1 || !a.RevokedAt.Equal(w.clock.Now()) || len(a.Secrets) != 3 {
		t.Errorf("the agent is %+v", a)
	}

	w.clock.Add(time.Hour)
	again, err := w.RevokeAgent(t.Context(), admin, id)
	if err != nil {
		t.Fatal(err)
	}
	if !again.RevokedAt.Equal(a.RevokedAt) || again.Epoch <= a.Epoch {
		t.Errorf("revoked again: %v, epoch %d; first %v, epoch %d", again.RevokedAt, again.Epoch, a.RevokedAt, a.Epoch)
	}

	w.refusedAdd(t, authority.NewSecret{AgentID: id}, authority.Blocked)
	for name, c := range map[string]authority.AgentChange{
		"unlock":   {Locked: new(false)},
		"password": {Password: chosen()},
	} {
		_, err := w.ChangeAgent(t.Context(), admin, id, c)
		if wantKind(t, err, authority.RevokedKind); t.Failed() {
			t.Fatal(name)
		}
	}
	// What it shows (locked, not inactive) may be written back, and the rest
	// may be changed.
	w.change(t, id, authority.AgentChange{Locked: new(true), Active: new(true), DisplayName: new("gone bad")})

	back := w.change(t, id, authority.AgentChange{Reinstate: true, Locked: new(false)})
	if back.Blocked() || !back.RevokedAt.IsZero() {
		t.Errorf("reinstated, it is %+v", back.Agent)
	}
	w.wantStatuses(t, id, "REVOKED REVOKED EXPIRED")
	w.add(t, authority.NewSecret{AgentID: id})

	_, err = w.RevokeAgent(t.Context(), admin, idOne)
	wantKind(t, err, authority.NoAgent)
}

// An agent that was blocked before it was revoked is blocked after it is
// reinstated.
func TestReinstate_keepsTheBlock(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	w.change(t, id, authority.AgentChange{Active: new(false)})
	if _, err := w.RevokeAgent(t.Context(), admin, id); err != nil {
		t.Fatal(err)
	}
	_, err := w.ChangeAgent(t.Context(), admin, id, authority.AgentChange{Active: new(true)})
	wantKind(t, err, authority.RevokedKind)
	if a := w.change(t, id, authority.AgentChange{Reinstate: true}); !a.Blocked() || !a.Inactive || !a.RevokedAt.IsZero() {
		t.Errorf("reinstated, it is %+v", a.Agent)
	}
	if a := w.change(t, id, authority.AgentChange{Active: new(true)}); a.Blocked() {
		t.Errorf("active, it is %+v", a.Agent)
	}
	events := len(w.trail(t))
	w.change(t, id, authority.AgentChange{Reinstate: true})
	if len(w.trail(t)) != events {
		t.Error("reinstating what was not revoked left an audit entry")
	}
}

// WSO2's password ends every other secret and every token.
func TestPassword(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	w.add(t, authority.NewSecret{AgentID: id})
	w.add(t, authority.NewSecret{AgentID: id})
	value := chosen()
	a := w.change(t, id, authority.AgentChange{Password: value, Description: new("reset")})
	w.wantStatuses(t, id, "ACTIVE REVOKED REVOKED")
	if a.Epoch != 1 || a.Description != "reset" {
		t.Errorf("the agent is %+v", a.Agent)
	}
	s := a.Secrets[0]
	if !secret.Digest(s.Digest).Matches(id, value) || s.Hint != "" || s.Creator != admin.Name {
		t.Errorf("the new secret is %+v", s)
	}
	trail := w.trail(t)
	last := trail[len(trail)-1]
	if last.Action != audit.SecretReset || last.Target != s.ID || len(last.Detail) != 3 || last.Detail["changed"] != "Description" {
		t.Errorf("the audit says %+v", last)
	}

	_, err := w.ChangeAgent(t.Context(), admin, id, authority.AgentChange{Password: weak()})
	wantKind(t, err, authority.Weak)
	w.wantStatuses(t, id, "ACTIVE REVOKED REVOKED")
	_, err = w.ChangeAgent(t.Context(), admin, idOne, authority.AgentChange{Password: value})
	wantKind(t, err, authority.NoAgent)
}

func TestDeleteAgent(t *testing.T) {
	w := newWorld(t, 2)
	a, _, err := w.CreateAgent(t.Context(), admin, authority.NewAgent{AgentChange: authority.AgentChange{OwnerToken: new("mine")}})
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, w.DeleteAgent(t.Context(), admin, a.ID, "yours"), authority.Stale)
	w.change(t, a.ID, authority.AgentChange{OwnerToken: new("yours")}) // adopted
	wantKind(t, w.DeleteAgent(t.Context(), admin, a.ID, "mine"), authority.Stale)
	if err := w.DeleteAgent(t.Context(), admin, a.ID, "yours"); err != nil {
		t.Fatal(err)
	}
	_, err = w.Agent(t.Context(), a.ID)
	wantKind(t, err, authority.NoAgent)
	_, err = w.Secrets(t.Context(), a.ID)
	wantKind(t, err, authority.NoAgent)
	wantKind(t, w.DeleteAgent(t.Context(), admin, a.ID, ""), authority.NoAgent)

	id := w.agent(t)
	w.change(t, id, authority.AgentChange{OwnerToken: new("mine")})
	if err := w.DeleteAgent(t.Context(), admin, id, ""); err != nil { // a plain client names no owner
		t.Fatal(err)
	}
}
