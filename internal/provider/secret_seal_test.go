package provider_test

import (
	"fmt"
	"testing"

	"filippo.io/age"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// ageKey is the two halves of an age key.
type ageKey struct{ recipient, identity string }

func newAgeKey(t *testing.T) ageKey {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return ageKey{id.Recipient().String(), id.String()}
}

func newHybridKey(t *testing.T) ageKey {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return ageKey{id.Recipient().String(), id.String()}
}

// opens gives what is in the envelope of a state.
func (k ageKey) opens(t *testing.T, state attrs) secret.Envelope {
	t.Helper()
	ids, err := secret.ParseIdentities(secret.New(k.identity))
	if err != nil {
		t.Fatal(err)
	}
	e, err := secret.OpenEnvelope(state.text("sealed_secret"), ids, state.text("agent_id"), state.version())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// logsIn checks that the agent has the value as the secret of the state: the
// same again, by its id, changes nothing.
func (p *place) logsIn(t *testing.T, state attrs, value secret.Text) {
	t.Helper()
	p.hand(t).logsIn(state, value)
}

func (h hand) logsIn(state attrs, value secret.Text) {
	h.t.Helper()
	if _, err := h.PutSecret(h.ctx(), state.text("agent_id"), state.text("secret_id"), api.SecretRequest{SecretValue: value}, ""); err != nil {
		h.t.Errorf("the value is not that of secret %s: %v", state.text("secret_id"), err)
	}
}

// expectSealed checks that the value is in the envelope and nowhere else.
func (p *place) expectSealed(t *testing.T, state attrs, by ageKey) {
	t.Helper()
	e := by.opens(t, state)
	if e.AgentID != state.text("agent_id") || e.SecretID != state.text("secret_id") || e.Version != state.version() {
		t.Errorf("the envelope is of agent %s, secret %s, version %d", e.AgentID, e.SecretID, e.Version)
	}
	leaking := needles{}
	leaking.add("the sealed secret", e.Value.Reveal())
	leaking.expectNone(t, "the state", fmt.Sprint(state))
	if state["secret"] != nil || state["hint"] != e.Value.Hint() {
		t.Errorf("secret is %v, and hint %v", state["secret"] != nil, state["hint"])
	}
	p.logsIn(t, state, e.Value)
}

// TestSealTo: a life in envelopes.
func TestSealTo(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		one, two := newAgeKey(t), newAgeKey(t)
		_, m := p.newSecret(t, attrs{"seal_to": words(one.recipient), "rotation_trigger": trigger("1")})
		p.expectSealed(t, m.state, one)

		before := m.state
		m.apply(m.configured().with("rotation_trigger", trigger("2")))
		p.expectSealed(t, m.state, one)
		expectVersionGrew(t, before, m.state)
		p.expectLive(t, m.agentID(), m.secretID(), before.text("secret_id"))

		before = m.state
		m.apply(m.configured().with("seal_to", words(one.recipient, two.recipient)))
		p.expectSealed(t, m.state, one)
		p.expectSealed(t, m.state, two)
		expectVersionGrew(t, before, m.state)

		for _, cbd := range []bool{false, true} {
			before = m.state
			m.cbd = cbd
			m.taint()
			m.apply(m.configured())
			p.expectSealed(t, m.state, two)
			expectVersionGrew(t, before, m.state)
		}

		revokedOutside(p, m)
		before = m.state
		m.apply(m.configured())
		p.expectSealed(t, m.state, two)
		expectVersionGrew(t, before, m.state)

		before = m.state
		m.apply(m.configured().with("seal_to", nil))
		if m.state["sealed_secret"] != nil {
			t.Error("the envelope is still there")
		}
		p.logsIn(t, m.state, secret.New(m.state.text("secret")))
		expectVersionGrew(t, before, m.state)

		q := newHybridKey(t)
		before = m.state
		m.apply(m.configured().with("seal_to", words(q.recipient)))
		p.expectSealed(t, m.state, q)
		expectVersionGrew(t, before, m.state)
		m.apply(nil)
	})
}

func expectVersionGrew(t *testing.T, before, now attrs) {
	t.Helper()
	if now.version() <= before.version() || now["secret_id"] == before["secret_id"] {
		t.Errorf("the version was %d and is %d", before.version(), now.version())
	}
}

// TestSealPlan: which changes of seal_to rotate, and what the plan says of it.
func TestSealPlan(t *testing.T) {
	t.Parallel()
	a, b := newAgeKey(t).recipient, newAgeKey(t).recipient
	at := newRemotePlace(t)
	for _, tt := range []struct {
		name       string
		first, now any
		rotates    bool
		says       string
	}{
		{"same", words(a, b), words(b, a), false, ""},
		{"set", nil, words(a), true, "seal_to is set"},
		{"set after nothing", []any{}, words(a), true, "seal_to is set"},
		{"one more", words(a), words(a, b), true, "for the new recipients"},
		{"another", words(a), words(b), true, "for the new recipients"},
		{"gone", words(a), nil, true, "readable for whoever reads the state"},
		{"emptied", words(a), []any{}, true, "readable for whoever reads the state"},
		{"nothing to nothing", nil, []any{}, false, ""},
		{"unknown", words(a), unknown, true, "nothing is rotated"},
		{"unknown element", words(a), []any{unknown}, true, "for the new recipients"},
		{"unknown, from none", nil, unknown, true, "nothing is rotated"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, m := at.newSecret(t, attrs{"seal_to": tt.first})
			p := at.plugin(t)
			p.mustPass("refresh", m.refreshBy(p))
			plan := m.planTwice(p, m.configured().with("seal_to", tt.now))
			p.mustPass("plan", plan.problems)
			var unknowns, changes []string
			if tt.rotates {
				unknowns = rotation
			}
			if holdsUnknown(tt.now) {
				unknowns = sorted(unknowns, "seal_to")
			} else if fmt.Sprint(tt.first) != fmt.Sprint(tt.now) {
				changes = []string{"seal_to"}
			}
			expectPlan(t, m.instance, plan, unknowns, changes...)
			said := plan.problems.warnings()
			if tt.says == "" && len(said) > 0 {
				t.Errorf("the plan warns: %v", said)
			}
			if tt.says != "" {
				saysAll(t, "the plan", said, "kept otherwise", tt.says)
			}
		})
	}
}

// TestSealBaseline: nothing of an imported secret can be sealed, so the first
// seal_to rotates nothing, whenever it comes; the next rotation seals.
func TestSealBaseline(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		one, two := newAgeKey(t), newAgeKey(t)
		_, m := p.newSecret(t, nil)
		m = p.importOf(t, m, nil)
		id := m.secretID()
		config := attrs{"agent_id": m.agentID(), "rotation_trigger": trigger("1")}
		m.apply(config)
		config = config.with("seal_to", words(one.recipient))
		m.apply(config)
		config = config.with("seal_to", words(two.recipient))
		m.apply(config)
		if m.secretID() != id || m.state["sealed_secret"] != nil {
			t.Fatalf("the baseline rotated: %v", m.state)
		}
		before := m.state
		m.apply(config.with("rotation_trigger", trigger("2")))
		p.expectSealed(t, m.state, two)
		expectVersionGrew(t, before, m.state)
	})
}

// TestSealRefused: what cannot be sealed to is an error of the plan, and when it
// becomes known at the apply only, one before the call.
func TestSealRefused(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	var log lines
	at.logs = &log
	key := newAgeKey(t)
	agent := at.newAgent(t, nil)
	for _, tt := range []struct {
		name string
		to   []any
		says string
	}{
		{"SSH", words("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW"), "SSH"},
		{"typing error", words("age1abc"), "typing error"},
		{"both kinds", words(key.recipient, newHybridKey(t).recipient), "do not go together"},
		{"private", words(key.identity), "private key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := at.resource(t, secretType)
			_, d := m.try(agent.owns(attrs{"seal_to": tt.to}))
			mustSay(t, "the plan", d, "Invalid recipient", tt.says)
			leaking := needles{}
			leaking.add("the identity", key.identity)
			leaking.expectNone(t, "the error", d.String())

			p := at.plugin(t)
			late := m.planBy(p, agent.owns(attrs{"seal_to": unknown}))
			p.mustPass("plan", late.problems)
			late.attrs["seal_to"] = tt.to
			_, d = p.applyPlan(secretType, instance{}, agent.owns(attrs{"seal_to": tt.to}), late)
			mustSay(t, "the apply", d, "Cannot create the agent secret", tt.says)
			leaking.expectNone(t, "the error", d.String())
			leaking.expectNone(t, "the log", log.String())
		})
	}
	if n := len(at.hand(t).secrets(agent.id())); n != 0 {
		t.Errorf("%d secrets were made", n)
	}
}

// TestSealToNobody: an empty set may be an empty variable, so somebody is told
// that the secret is readable; without the argument nobody is.
func TestSealToNobody(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	agent := p.newAgent(t, nil)
	for name, tt := range map[string]struct {
		config attrs
		warns  bool
	}{"empty": {attrs{"seal_to": []any{}}, true}, "unset": {nil, false}} {
		d := p.plugin(t).validate(secretType, object(t, value(t, schemas().ResourceSchemas[secretType].ValueType(), agent.owns(tt.config))))
		if tt.warns {
			saysAll(t, name, d.warnings(), "sealed to nobody", "readable in the state")
		}
		if len(d.errors()) > 0 || (len(d) > 0) != tt.warns {
			t.Errorf("%s: %v", name, d)
		}
	}
}
