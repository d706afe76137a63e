package provider_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

var secretShape = regexp.MustCompile(`^agcs_[A-Za-z0-9._-]{43,95}$`)

// trigger is a rotation_trigger.
func trigger(n any) attrs { return attrs{"n": n} }

// expectStatus checks what the server says of a secret.
func (p *place) expectStatus(t *testing.T, agentID, secretID string, want api.Status) api.Secret {
	t.Helper()
	s := p.hand(t).secret(agentID, secretID)
	if s.Status != want {
		t.Errorf("secret %s is %s, want %s", secretID, s.Status, want)
	}
	return s
}

// expectLive checks which secrets open the door, newest first.
func (p *place) expectLive(t *testing.T, agentID string, want ...string) {
	t.Helper()
	var got []string
	for _, s := range p.hand(t).live(agentID) {
		got = append(got, s.SecretID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("live secrets: %v, want %v", got, want)
	}
}

// about checks that a time, in unix seconds, is as expected within the seconds
// that clocks and tests take.
func about(t *testing.T, what string, got int64, want time.Time) {
	t.Helper()
	if d := time.Unix(got, 0).Sub(want); d < -15*time.Second || d > 15*time.Second {
		t.Errorf("%s is %s, want about %s", what, time.Unix(got, 0), want)
	}
}

func at(t *testing.T, text any) int64 {
	t.Helper()
	s, _ := text.(string)
	moment, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Errorf("%v is not a time: %v", text, err)
	}
	return moment.Unix()
}

// previous is the id of the previous secret of the state; "" for none.
func (m *managed) previous() string {
	p, _ := m.state["previous"].(attrs)
	return p.text("secret_id")
}

// expectRotated checks a state after a rotation against the one before it.
func expectRotated(t *testing.T, before attrs, m *managed) {
	t.Helper()
	if m.state["agent_id"] != before["agent_id"] {
		t.Errorf("the agent changed: %v, was %v", m.state["agent_id"], before["agent_id"])
	}
	for _, name := range []string{"secret_id", "secret", "hint"} {
		if m.state[name] == before[name] || m.state[name] == nil {
			t.Errorf("%s is %v, and was %v", name, m.state[name], before[name])
		}
	}
	if got, was := m.state.version(), before.version(); got <= was {
		t.Errorf("version is %d, and was %d", got, was)
	}
	if m.previous() != before["secret_id"] {
		t.Errorf("previous is %v, want %v", m.state["previous"], before["secret_id"])
	}
}

// expectReplacedDead checks a state after the rotation of a secret that was
// dead already.
func expectReplacedDead(t *testing.T, before attrs, m *managed) {
	t.Helper()
	if m.state["previous"] != nil {
		t.Errorf("previous is %v, want none: it was dead", m.state["previous"])
	}
	expectRotated(t, before, &managed{instance: instance{state: m.state.with("previous", attrs{"secret_id": before["secret_id"]})}})
}

func TestSecretCreate(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		s := p.expectStatus(t, agent.id(), m.secretID(), api.Active)
		value := m.state.text("secret")
		if !secretShape.MatchString(value) {
			t.Errorf("the secret has not the shape of one")
		}
		if hint := m.state.text("hint"); len(hint) != 4 || !strings.HasSuffix(value, hint) || hint != s.Hint {
			t.Errorf("hint is %q, the server says %q", hint, s.Hint)
		}
		if got := m.state.version(); got != s.CreatedAt {
			t.Errorf("version = %d, want the time of creation %d", got, s.CreatedAt)
		}
		if got := at(t, m.state["rotated_at"]); got != s.CreatedAt/1000 {
			t.Errorf("rotated_at = %d, want %d", got, s.CreatedAt/1000)
		}
		for name, want := range (attrs{"expires_at": nil, "previous": nil, "rotation_due": false, "drift": false}) {
			if m.state[name] != want {
				t.Errorf("%s = %v, want %v", name, m.state[name], want)
			}
		}
		if s.ExpiresAt != 0 {
			t.Errorf("the secret expires at %d; it must not", s.ExpiresAt)
		}
		// The agent was made without a secret of its own.
		p.expectLive(t, agent.id(), m.secretID())
	})
}

func TestSecretRotate(t *testing.T) {
	t.Parallel()
	for grace, want := range map[string]time.Duration{"": 24 * time.Hour, "1h": time.Hour, "720h": 720 * time.Hour} {
		t.Run("grace "+grace, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, p *place) {
				config := attrs{"rotation_trigger": trigger("1")}
				if grace != "" {
					config["grace_period"] = grace
				}
				agent, m := p.newSecret(t, config)
				before := m.state
				if did := m.apply(m.configured().with("rotation_trigger", trigger("2"))); did != updates {
					t.Errorf("the apply did %s, want an update in place", did)
				}
				expectRotated(t, before, m)
				p.expectStatus(t, agent.id(), m.secretID(), api.Active)
				old := p.expectStatus(t, agent.id(), before.text("secret_id"), api.Retiring)
				about(t, "the end of the old secret", old.ExpiresAt, time.Now().Add(want))
				previous, _ := m.state["previous"].(attrs)
				if got := at(t, previous["expires_at"]); got != old.ExpiresAt {
					t.Errorf("previous.expires_at is %d, and the server says %d", got, old.ExpiresAt)
				}
			})
		})
	}
}

func TestSecretRotateWithoutGrace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, attrs{"rotation_trigger": trigger("1"), "grace_period": "0s"})
		before := m.state
		m.apply(m.configured().with("rotation_trigger", trigger("2")))
		expectRotated(t, before, m)
		p.expectLive(t, agent.id(), m.secretID())
		p.expectStatus(t, agent.id(), before.text("secret_id"), api.Expired)
	})
}

// TestSecretRotateInGrace: a third secret has no room, so the oldest one's
// grace ends early.
func TestSecretRotateInGrace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, attrs{"rotation_trigger": trigger("1")})
		first := m.secretID()
		m.apply(m.configured().with("rotation_trigger", trigger("2")))
		second := m.state
		plan := m.plan(m.configured().with("rotation_trigger", trigger("3")))
		saysAll(t, "the plan", plan.problems.warnings(), "grace period ends early", first)
		m.apply(m.configured().with("rotation_trigger", trigger("3")))
		expectRotated(t, second, m)
		p.expectLive(t, agent.id(), m.secretID(), second.text("secret_id"))
		p.expectStatus(t, agent.id(), first, api.Revoked)
	})
}

// TestSecretRotateInEmergency: no grace from now on leaves none of what there
// was before, either.
func TestSecretRotateInEmergency(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		rotatedOnce(p, m)
		before := m.state
		m.apply(m.configured().with("rotation_trigger", trigger("2"), "grace_period", "0s"))
		expectRotated(t, before, m)
		p.expectLive(t, agent.id(), m.secretID())
	})
}

func TestSecretExpiry(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, attrs{"expire_after": "48h"})
		expires := func(want time.Duration) {
			t.Helper()
			s := p.expectStatus(t, agent.id(), m.secretID(), api.Active)
			if want == 0 {
				if s.ExpiresAt != 0 || m.state["expires_at"] != nil {
					t.Errorf("the secret expires at %d, the state says %v; want never", s.ExpiresAt, m.state["expires_at"])
				}
				return
			}
			about(t, "the expiry", s.ExpiresAt, time.UnixMilli(s.CreatedAt).Add(want))
			if got := at(t, m.state["expires_at"]); got != s.ExpiresAt {
				t.Errorf("expires_at is %d, and the server says %d", got, s.ExpiresAt)
			}
		}
		expires(48 * time.Hour)
		id := m.secretID()
		m.apply(m.configured().with("expire_after", "72h"))
		expires(72 * time.Hour)
		m.apply(m.configured().with("expire_after", nil))
		expires(0)
		m.apply(m.configured().with("expire_after", "24h"))
		expires(24 * time.Hour)
		if m.secretID() != id {
			t.Errorf("moving the expiry rotated the secret")
		}
		// An old secret never outlives its own expiry, however long the grace.
		m.apply(m.configured().with("rotation_trigger", trigger("1"), "expire_after", "24h"))
		old := p.expectStatus(t, agent.id(), id, api.Retiring)
		about(t, "the end of the old secret", old.ExpiresAt, time.Now().Add(24*time.Hour))
	})
}

func TestSecretGraceMoves(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, attrs{"grace_period": "1h"})
		old := m.secretID()
		m.apply(m.configured().with("rotation_trigger", trigger("1")))
		current := m.secretID()
		for grace, want := range map[any]time.Duration{"2h": 2 * time.Hour, "30m": 30 * time.Minute, nil: 24 * time.Hour} {
			m.apply(m.configured().with("grace_period", grace))
			s := p.expectStatus(t, agent.id(), old, api.Retiring)
			about(t, "the end of the old secret", s.ExpiresAt, time.Now().Add(want))
			previous, _ := m.state["previous"].(attrs)
			if got := at(t, previous["expires_at"]); got != s.ExpiresAt {
				t.Errorf("previous.expires_at is %d, and the server says %d", got, s.ExpiresAt)
			}
		}
		m.apply(m.configured().with("grace_period", "0s"))
		p.expectStatus(t, agent.id(), old, api.Expired)
		if m.secretID() != current {
			t.Errorf("moving the grace rotated the secret")
		}
		p.expectLive(t, agent.id(), current)
	})
}

// TestSecretDue: the age is judged by the server's clock.
func TestSecretDue(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	_, m := p.newSecret(t, attrs{"rotate_after": "720h"})
	before := m.state
	config := m.configured()
	p.remote.skew.advance(719 * time.Hour)
	if did := m.apply(config); did != noAction {
		t.Errorf("the apply before it is due did %s", did)
	}
	p.remote.skew.advance(2 * time.Hour)
	if did := m.apply(config); did != updates {
		t.Errorf("the apply when it is due did %s, want an update", did)
	}
	expectRotated(t, before, m)

	// A changed age is decided when it is applied: older than that, rotate.
	before = m.state
	p.remote.skew.advance(3 * time.Hour)
	m.apply(config.with("rotate_after", "4h"))
	if m.secretID() != before["secret_id"] || m.state["version"] != before["version"] {
		t.Errorf("a secret of 3h was rotated by rotate_after = 4h")
	}
	m.apply(config.with("rotate_after", "2h"))
	expectRotated(t, before, m)
}

// TestSecretExpired: an expired secret is drift, and heals in place.
func TestSecretExpired(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, attrs{"expire_after": "24h"})
	before := m.state
	p.remote.skew.advance(25 * time.Hour)
	if did := m.apply(m.configured()); did != updates {
		t.Errorf("the apply did %s, want an update", did)
	}
	expectReplacedDead(t, before, m)
	p.expectLive(t, agent.id(), m.secretID())
}

// TestLateTrigger: a trigger that is known only after apply, and comes to the
// same, changes nothing.
func TestLateTrigger(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, attrs{"rotation_trigger": trigger("1")})
	before := m.state
	plan := m.plan(m.configured().with("rotation_trigger", trigger(unknown)))
	if did := m.does(plan); did != updates {
		t.Fatalf("the plan is to %s, want an update", did)
	}
	p.remote.forget()
	if _, d := m.carryOut(m.configured(), plan); len(d.errors()) > 0 {
		t.Fatal(d)
	}
	if m.secretID() != before["secret_id"] || p.remote.count("PUT", anyPath) > 0 {
		t.Errorf("the same trigger rotated the secret")
	}
	plan = m.plan(m.configured().with("rotation_trigger", trigger(unknown)))
	if _, d := m.carryOut(m.configured().with("rotation_trigger", trigger("2")), plan); len(d.errors()) > 0 {
		t.Fatal(d)
	}
	expectRotated(t, before, m)
	p.expectLive(t, agent.id(), m.secretID(), before.text("secret_id"))
}
