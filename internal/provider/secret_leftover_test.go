package provider_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestSecretCreateInterrupted: a create was carried out, and the state never
// heard of it. What it left stayed ACTIVE for ever, once, and every rotation
// after that was refused for lack of room.
func TestSecretCreateInterrupted(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent := p.newAgent(t, nil)
	for range 3 { // as often as it is interrupted
		lost := p.as(t, adminToken).add(agent.id(), api.SecretRequest{}).SecretID
		m := p.resource(t, secretType)
		m.apply(agent.owns(attrs{"grace_period": "2h"}))
		p.expectStatus(t, agent.id(), m.secretID(), api.Active)
		about(t, "the end of what was left", p.expectStatus(t, agent.id(), lost, api.Retiring).ExpiresAt, time.Now().Add(2*time.Hour))
		before := m.state
		m.apply(m.configured().with("rotation_trigger", trigger("1")))
		expectRotated(t, before, m)
		p.expectStatus(t, agent.id(), lost, api.Revoked)
		m.apply(nil)
	}
}

// TestSecretCreateBesideOthers: what others made stays as it is, and so does
// what somebody uses.
func TestSecretCreateBesideOthers(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent := p.newAgent(t, nil)
	theirs := p.hand(t).add(agent.id(), api.SecretRequest{}).SecretID
	m := p.resource(t, secretType)
	m.apply(agent.owns(nil))
	p.expectStatus(t, agent.id(), theirs, api.Active)
	p.expectLive(t, agent.id(), m.secretID(), theirs)
}

// TestSecretOfNewBlockedAgent: an agent that is made blocked gets its secret,
// also after one was lost.
func TestSecretOfNewBlockedAgent(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	for _, lost := range []int{0, 1} {
		agent := p.newAgent(t, attrs{"enabled": false})
		for range lost {
			p.as(t, adminToken).add(agent.id(), api.SecretRequest{})
		}
		m := p.resource(t, secretType)
		m.apply(agent.owns(nil))
		p.expectStatus(t, agent.id(), m.secretID(), api.Active)
	}
}
