package provider_test

import (
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestSecretRotatedOutside: what another principal made is not touched, so ours
// makes room for a new one; the version goes on.
func TestSecretRotatedOutside(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	before := m.state
	theirs := p.hand(t).rotate(agent.id(), m.secretID()).SecretID
	plan := m.plan(m.configured())
	saysAll(t, "the plan", plan.problems.warnings(), "grace period ends early", m.secretID())
	if did := m.apply(m.configured()); did != updates {
		t.Errorf("the apply did %s, want an update", did)
	}
	expectReplacedDead(t, before, m)
	p.expectLive(t, agent.id(), m.secretID(), theirs)
	p.expectStatus(t, agent.id(), m.secretID(), api.Active)
}

// TestSecretLeftAlone: on_drift = warn and ignore wait for the trigger.
func TestSecretLeftAlone(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	for _, policy := range []string{"warn", "ignore"} {
		agent, m := p.newSecret(t, attrs{"on_drift": policy})
		before := m.state
		theirs := p.hand(t).rotate(agent.id(), m.secretID()).SecretID
		if did := m.apply(m.configured()); did != noAction || m.state["drift"] != true {
			t.Errorf("%s: the apply did %s, drift is %v", policy, did, m.state["drift"])
		}
		p.expectLive(t, agent.id(), theirs, m.secretID())
		m.apply(m.configured().with("rotation_trigger", trigger("1")))
		expectReplacedDead(t, before, m)
		p.expectLive(t, agent.id(), m.secretID(), theirs)
	}
}

func TestSecretRevokedOutside(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		before := m.state
		revokedOutside(p, m)
		if did := m.apply(m.configured()); did != updates {
			t.Errorf("the apply did %s, want an update in place", did)
		}
		expectReplacedDead(t, before, m)
		p.expectLive(t, agent.id(), m.secretID())
	})
}

// TestSecretForgotten: a secret that is dead for so long that no list has it
// any more heals in place too.
func TestSecretForgotten(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	before := m.state
	h := p.hand(t)
	h.revoke(agent.id(), m.secretID())
	for range 12 {
		h.revoke(agent.id(), h.add(agent.id(), api.SecretRequest{}).SecretID)
	}
	m.apply(m.configured())
	if got, was := m.state.version(), before.version(); got <= was {
		t.Errorf("version is %d, and was %d", got, was)
	}
	p.expectLive(t, agent.id(), m.secretID())
}

// TestSecretInterrupted: a rotation was carried out, and the state never heard
// of it. The next apply makes one that is known, and ends the one that nobody
// knows; ours keeps its grace.
func TestSecretInterrupted(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	before := m.state
	lost := p.as(t, adminToken).rotate(agent.id(), m.secretID()).SecretID
	if did := m.apply(m.configured()); did != updates {
		t.Errorf("the apply did %s, want an update", did)
	}
	expectRotated(t, before, m)
	p.expectLive(t, agent.id(), m.secretID(), before.text("secret_id"))
	p.expectStatus(t, agent.id(), lost, api.Revoked)
}

// TestSecretInterruptedAfterReplacement: what create_before_destroy left in its
// grace was made before ours, if only by a moment, and is nothing that an
// interrupted run left.
func TestSecretInterruptedAfterReplacement(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	m.cbd = true
	m.taint()
	deposed := m.secretID()
	m.apply(m.configured())
	p.hand(t).revoke(agent.id(), m.secretID())
	lost := p.as(t, adminToken).add(agent.id(), api.SecretRequest{}).SecretID
	m.apply(m.configured())
	p.expectLive(t, agent.id(), m.secretID(), deposed)
	p.expectStatus(t, agent.id(), lost, api.Revoked)
}

// TestSecretStalePlan: a plan that was saved before somebody rotated does not
// go through.
func TestSecretStalePlan(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	before := m.state
	config := m.configured().with("rotation_trigger", trigger("1"))
	plan := m.plan(config)
	theirs := p.hand(t).rotate(agent.id(), m.secretID()).SecretID
	_, d := m.carryOut(config, plan)
	mustSay(t, "the apply of a stale plan", d, "Cannot rotate", "Somebody changed it", theirs)
	if m.secretID() != before["secret_id"] {
		t.Errorf("the state has another secret: %s", m.secretID())
	}
	p.expectLive(t, agent.id(), theirs, m.secretID())
	m.apply(config)
	expectReplacedDead(t, before, m)
}

// TestSecretOfBlockedAgent: it waits, and goes on when the agent is back.
func TestSecretOfBlockedAgent(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		before := m.state
		revokedOutside(p, m)
		agent.apply(agent.configured().with("enabled", false))
		if did := m.apply(m.configured()); did != noAction {
			t.Errorf("the apply did %s", did)
		}
		_, d := m.try(m.configured().with("rotation_trigger", trigger("1")))
		mustSay(t, "rotating the secret of a blocked agent", d, "Cannot rotate", "blocked", "enabled = true")
		agent.apply(agent.configured().with("enabled", true))
		m.apply(m.configured())
		expectReplacedDead(t, before, m)
		p.expectLive(t, agent.id(), m.secretID())
	})
}

// TestRevokedAgent: the panic button survives every apply until
// reinstate_trigger changes; then the secret is made anew.
func TestRevokedAgent(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		before := m.state
		agentRevoked(p, m)
		if did := agent.apply(agent.configured()); did != noAction || agent.state["revoked_at"] == nil || agent.state["enabled"] != true {
			t.Errorf("the apply of the agent did %s; revoked_at is %v, enabled %v", did, agent.state["revoked_at"], agent.state["enabled"])
		}
		if did := m.apply(m.configured()); did != noAction || m.state["drift"] != true {
			t.Errorf("the apply of the secret did %s; drift is %v", did, m.state["drift"])
		}
		p.expectLive(t, agent.id())
		if !p.hand(t).agent(agent.id()).Blocked() {
			t.Fatal("the agent is in service again")
		}
		_, d := agent.try(agent.configured().with("display_name", "new"))
		mustSay(t, "changing a revoked agent", d, "revoked", "reinstate_trigger")
		_, d = m.try(m.configured().with("rotation_trigger", trigger("1")))
		mustSay(t, "rotating the secret of a revoked agent", d, "Cannot rotate", "reinstate_trigger")

		agent.apply(agent.configured().with("reinstate_trigger", trigger("1")))
		if agent.state["revoked_at"] != nil || p.hand(t).agent(agent.id()).Blocked() {
			t.Errorf("revoked_at is %v after the reinstatement", agent.state["revoked_at"])
		}
		p.expectLive(t, agent.id())
		m.apply(m.configured())
		expectReplacedDead(t, before, m)
		p.expectLive(t, agent.id(), m.secretID())
	})
}

// TestSecretNoRoom: what others keep alive is theirs; the error says what to do.
func TestSecretNoRoom(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent := p.newAgent(t, nil)
	theirs := []string{p.hand(t).add(agent.id(), api.SecretRequest{}).SecretID}
	theirs = append([]string{p.hand(t).add(agent.id(), api.SecretRequest{}).SecretID}, theirs...)
	m := p.resource(t, secretType)
	_, d := m.try(agent.owns(nil))
	mustSay(t, "a secret without room", d, "Cannot create", "2 live secrets", "Revoke one")
	p.expectLive(t, agent.id(), theirs...)
	m.apply(agent.owns(attrs{"on_existing": "replace"}))
	p.expectLive(t, agent.id(), m.secretID(), theirs[0])
}
