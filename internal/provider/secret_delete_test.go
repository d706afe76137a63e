package provider_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func TestSecretDestroy(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		rotatedOnce(p, m)
		current, previous := m.secretID(), m.previous()
		if did := m.apply(nil); did != deletes || m.state != nil {
			t.Errorf("the destroy did %s and left %v", did, m.state)
		}
		// Both, at once.
		p.expectStatus(t, agent.id(), current, api.Revoked)
		p.expectStatus(t, agent.id(), previous, api.Revoked)
	})
}

func TestSecretAbandon(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, attrs{"deletion_policy": "abandon"})
		rotatedOnce(p, m)
		current, previous := m.secretID(), m.previous()
		m.apply(nil)
		p.expectLive(t, agent.id(), current, previous)
	})
}

// TestSecretDestroyGone: what is gone already is no error.
func TestSecretDestroyGone(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	for name, then := range map[string]event{
		"revoked":       revokedOutside,
		"agent blocked": agentBlocked,
		"agent revoked": agentRevoked,
		"agent deleted": func(p *place, m *managed) { p.hand(m.t).delete(m.agentID()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, m := p.newSecret(t, nil)
			rotatedOnce(p, m)
			then(p, m)
			// Without a refresh: the state does not know.
			if _, d := m.carryOut(nil, planned{private: m.private}); len(d.errors()) > 0 || m.state != nil {
				t.Errorf("destroy: %v", d)
			}
		})
	}
}

// TestSecretTaint: the emergency path. The old secrets are dead before the new
// one is there, and the version goes on.
func TestSecretTaint(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		rotatedOnce(p, m)
		before, older := m.state, m.previous()
		config := m.configured()
		m.taint()
		if did := m.apply(config); did != replaces {
			t.Errorf("the apply did %s, want a replacement", did)
		}
		if got, was := m.state.version(), before.version(); got <= was {
			t.Errorf("version is %d, and was %d", got, was)
		}
		if m.state["previous"] != nil {
			t.Errorf("previous is %v, want none: it was revoked", m.state["previous"])
		}
		p.expectLive(t, agent.id(), m.secretID())
		p.expectStatus(t, agent.id(), before.text("secret_id"), api.Revoked)
		p.expectStatus(t, agent.id(), older, api.Revoked)
	})
}

// TestSecretCreateBeforeDestroy: the new secret survives the destruction of the
// old one, which gets its grace; also when there is no room for a third.
func TestSecretCreateBeforeDestroy(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, attrs{"grace_period": "2h"})
		m.cbd = true
		rotatedOnce(p, m) // two live ones
		for range 2 {
			before, config := m.state, m.configured()
			m.taint()
			if did := m.apply(config); did != replaces {
				t.Fatalf("the apply did %s, want a replacement", did)
			}
			if got, was := m.state.version(), before.version(); got <= was {
				t.Errorf("version is %d, and was %d", got, was)
			}
			p.expectLive(t, agent.id(), m.secretID(), before.text("secret_id"))
			p.expectStatus(t, agent.id(), m.secretID(), api.Active)
			old := p.hand(t).secret(agent.id(), before.text("secret_id"))
			about(t, "the end of the old secret", old.ExpiresAt, time.Now().Add(2*time.Hour))
		}
	})
}

// TestSecretRotateAfterReplacement: the secret that create_before_destroy left
// behind makes room like any other of ours.
func TestSecretRotateAfterReplacement(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		m.cbd = true
		m.taint()
		m.apply(m.configured())
		before := m.state
		m.apply(m.configured().with("rotation_trigger", trigger("1")))
		expectRotated(t, before, m)
		p.expectLive(t, agent.id(), m.secretID(), before.text("secret_id"))
	})
}

// TestSecretDestroySuperseded: a secret that somebody replaced is not worth
// more than its grace, and the newer one is not ours to end.
func TestSecretDestroySuperseded(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, attrs{"grace_period": "1h"})
		mine := m.secretID()
		theirs := p.hand(t).add(agent.id(), api.SecretRequest{}).SecretID
		m.apply(nil)
		p.expectLive(t, agent.id(), theirs, mine)
		about(t, "the end of ours", p.hand(t).secret(agent.id(), mine).ExpiresAt, time.Now().Add(time.Hour))
	})
}
