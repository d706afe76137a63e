package provider_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// given is a configuration that gives a secret.
func given(value string, version int) attrs {
	return attrs{"secret_wo": value, "secret_wo_version": int64(version)}
}

// gives is the configuration of the state, with secret_wo, which the state does
// not have.
func (m *managed) gives(value string, version int) attrs {
	return m.configured().merge(given(value, version))
}

// expectGiven checks that the agent has the value, and that it is nowhere.
func (p *place) expectGiven(t *testing.T, m *managed, value string) {
	t.Helper()
	p.logsIn(t, m.state, secret.New(value))
	leaking := needles{}
	leaking.add("the given secret", value)
	leaking.expectNone(t, "the state", fmt.Sprint(m.state)+string(m.private))
	for _, name := range []string{"secret", "sealed_secret", "hint", "secret_wo"} {
		if m.state[name] != nil {
			t.Errorf("%s is set", name)
		}
	}
}

// TestGivenSecret: a life of secrets that come from elsewhere, of our shape and
// of people's.
func TestGivenSecret(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		one, two, three := "Correct-Horse-42", secret.Generate().Reveal(), "Another.Value.7"
		_, m := p.newSecret(t, given(one, 1))
		p.expectGiven(t, m, one)

		before := m.state
		m.apply(m.gives("Not-Sent-At-All-9", 1)) // another value alone is no change
		if diff := cmp.Diff(before, m.state); diff != "" {
			t.Error(diff)
		}
		m.apply(m.gives(two, 2))
		p.expectGiven(t, m, two)
		expectVersionGrew(t, before, m.state)
		p.expectLive(t, m.agentID(), m.secretID(), before.text("secret_id"))

		before = m.state
		m.apply(m.gives(two, 3)) // the same value again is no error
		p.expectGiven(t, m, two)
		expectVersionGrew(t, before, m.state)
		m.apply(m.gives(one, 1)) // nor is going back
		p.expectGiven(t, m, one)

		for _, cbd := range []bool{false, true} {
			before = m.state
			m.cbd = cbd
			m.taint()
			m.apply(m.gives(one, 1))
			p.expectGiven(t, m, one)
			expectVersionGrew(t, before, m.state)
		}

		// To the other ways and back.
		key := newAgeKey(t)
		plainly := attrs{"agent_id": m.agentID()}
		for _, step := range []struct {
			config attrs
			check  func()
		}{
			{plainly, func() { p.logsIn(t, m.state, secret.New(m.state.text("secret"))) }},
			{plainly.with().merge(given(three, 1)), func() { p.expectGiven(t, m, three) }},
			{plainly.with("seal_to", words(key.recipient)), func() { p.expectSealed(t, m.state, key) }},
			{plainly.with().merge(given(one, 1)), func() { p.expectGiven(t, m, one) }},
		} {
			before = m.state
			m.apply(step.config)
			step.check()
			expectVersionGrew(t, before, m.state)
		}
		m.apply(nil)
	})
}

// TestGivenSecret_drift: the value of the configuration is in force again when
// the secret expired or was superseded, and not when somebody revoked it.
func TestGivenSecret_drift(t *testing.T) {
	t.Parallel()
	const value = "Correct-Horse-42"
	for _, tt := range []struct {
		name   string
		config attrs
		then   event
		resent bool
		says   string
	}{
		{"superseded", nil, rotatedOutside, true, ""},
		{"superseded, and its grace over", nil, both(rotatedOutside, later(25*time.Hour)), true, ""},
		{"expired", attrs{"expire_after": "48h"}, later(49 * time.Hour), true, ""},
		{"revoked", nil, revokedOutside, false, "revoked, and is not sent again"},
		{"revoked, warn", attrs{"on_drift": "warn"}, revokedOutside, false, "changed outside Terraform"},
		{"revoked, ignore", attrs{"on_drift": "ignore"}, revokedOutside, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := newRemotePlace(t)
			_, m := at.newSecret(t, given(value, 1).merge(tt.config))
			tt.then(at, m)
			before := m.state
			plan := m.plan(m.gives(value, 1))
			if said := plan.problems.warnings(); tt.says != "" {
				saysAll(t, "the plan", said, tt.says)
			}
			if did := m.apply(m.gives(value, 1)); (did == updates) != tt.resent || (m.secretID() != before.text("secret_id")) != tt.resent {
				t.Errorf("the apply did %s", did)
			}
			if tt.resent {
				at.expectGiven(t, m, value)
				return
			}
			if n := len(at.hand(t).live(m.agentID())); n != 0 {
				t.Errorf("%d secrets live", n)
			}
			m.apply(m.gives(value, 2)) // asked for
			at.expectGiven(t, m, value)
		})
	}
}

// TestGivenSecret_panicButton: what was revoked for good does not come back with
// the agent.
func TestGivenSecret_panicButton(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	agent, m := at.newSecret(t, given("Correct-Horse-42", 1))
	agentRevoked(at, m)
	m.apply(m.gives("Correct-Horse-42", 1))
	agent.apply(attrs{"display_name": "bot", "reinstate_trigger": trigger("1")})
	m.apply(m.gives("Correct-Horse-42", 1))
	if n := len(at.hand(t).live(m.agentID())); n != 0 {
		t.Errorf("%d secrets live", n)
	}
	m.apply(m.gives("New-Horse-43", 2))
	at.expectGiven(t, m, "New-Horse-43")
}

// TestGivenSecret_import: the first secret_wo is noted, and the plan says so.
func TestGivenSecret_import(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		_, m := p.newSecret(t, nil)
		m = p.importOf(t, m, nil)
		id := m.secretID()
		plan := m.plan(m.gives("Correct-Horse-42", 1))
		saysAll(t, "the plan", plan.problems.warnings(), "imported secret stays", "secret_wo_version")
		expectPlan(t, m.instance, plan, nil, "hint", "secret_wo_version")
		m.apply(m.gives("Correct-Horse-42", 1))
		if m.secretID() != id || m.state["hint"] != nil {
			t.Errorf("the import rotated, or has a hint: %v", m.state)
		}
		m.apply(m.gives("Correct-Horse-42", 2))
		p.expectGiven(t, m, "Correct-Horse-42")
	})
}

// TestGivenSecret_plan: the version alone decides; it may be late, and so may
// the value.
func TestGivenSecret_plan(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	for _, tt := range []struct {
		name     string
		next     attrs
		unknowns []string
		changes  []string
		says     string
	}{
		{"same", given("Correct-Horse-42", 1), nil, nil, ""},
		{"another value", given("Correct-Horse-43", 1), nil, nil, ""},
		{"late value", attrs{"secret_wo": unknown, "secret_wo_version": int64(1)}, nil, nil, ""},
		{"another version", given("Correct-Horse-42", 2), rotation, []string{"secret_wo_version"}, ""},
		{"late version", attrs{"secret_wo": "Correct-Horse-42", "secret_wo_version": unknown}, sorted(rotation, "secret_wo_version"), nil, ""},
		{"gone", attrs{"secret_wo_version": nil}, rotation, []string{"secret_wo_version"}, "secret_wo is gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, m := at.newSecret(t, given("Correct-Horse-42", 1))
			p := at.plugin(t)
			p.mustPass("refresh", m.refreshBy(p))
			plan := m.planTwice(p, m.configured().merge(tt.next))
			p.mustPass("plan", plan.problems)
			expectPlan(t, m.instance, plan, tt.unknowns, tt.changes...)
			saysAll(t, "the plan", plan.problems.warnings(), tt.says)
		})
	}
}

// TestGivenSecret_refused: what is weak or does not go together is refused at
// plan, and what is weak at the apply only, before the call.
func TestGivenSecret_refused(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	agent, m := at.newSecret(t, given("Correct-Horse-42", 1))
	for _, tt := range []struct {
		name   string
		config attrs
		says   []string
	}{
		{"short", given("Ab1defg", 2), []string{"Weak secret", "7 characters, 8 to 100"}},
		{"no digit", given("Abcdefghij", 2), []string{"Weak secret", "needs a digit"}},
		{"empty", given("", 2), []string{"Weak secret"}},
		{"no version", attrs{"secret_wo": "Correct-Horse-42"}, []string{"No version", "secret_wo_version"}},
		{"no value", attrs{"secret_wo_version": int64(2)}, []string{"secret_wo"}},
		{"trigger", given("Correct-Horse-42", 2).with("rotation_trigger", trigger("1")), []string{"rotation_trigger"}},
		{"rotate_after", given("Correct-Horse-42", 2).with("rotate_after", "24h"), []string{"rotate_after"}},
		{"seal_to", given("Correct-Horse-42", 2).with("seal_to", words(newAgeKey(t).recipient)), []string{"seal_to"}},
	} {
		d := at.plugin(t).validate(secretType, object(t, value(t, schemas().ResourceSchemas[secretType].ValueType(), agent.owns(tt.config))))
		mustSay(t, tt.name, d, tt.says...)
		if text := tt.config.text("secret_wo"); len(text) > 0 && contains(d.String(), text) {
			t.Errorf("%s: the error has the value", tt.name)
		}
		for _, e := range d.errors() {
			if at := e.Attribute.String(); contains(at, `"secret_wo")`) && tt.config["secret_wo"] != nil {
				t.Errorf("%s: the error leads Terraform to show the line with the value: %s", tt.name, at)
			}
		}
	}
	for name, late := range map[string]any{"weak": "abc", "nothing": nil} {
		p := at.plugin(t)
		plan := m.planBy(p, m.gives("Correct-Horse-42", 2).with("secret_wo", unknown))
		p.mustPass("plan", plan.problems)
		at.remote.forget()
		out, d := p.applyPlan(secretType, m.instance, m.gives("Correct-Horse-42", 2).with("secret_wo", late), plan)
		mustSay(t, name, d, "Cannot rotate the agent secret", "secret_wo")
		if !cmp.Equal(out.state, m.state) || at.remote.count(http.MethodPut, anySecret) != 0 {
			t.Errorf("%s: it was sent, or the state changed", name)
		}
	}
}

// TestGivenSecret_lostAnswer: the server took the value, the answer was lost,
// and an agent used it. Run again the value is in force, the old secret keeps
// its grace, and no third secret is left.
func TestGivenSecret_lostAnswer(t *testing.T) {
	t.Parallel()
	at, _ := newTokenPlace(t)
	one, two := secret.Generate().Reveal(), secret.Generate().Reveal()
	_, m := at.newSecret(t, given(one, 1))
	before := m.state
	ours := at.as(t, adminToken)
	lost := ours.add(m.agentID(), api.SecretRequest{SecretValue: secret.New(two), Previous: &api.Retire{SecretID: m.secretID(), ExpiresAt: time.Now().Add(24 * time.Hour).Unix()}})
	signedIn(at, &managed{t: t, instance: instance{state: m.state.with("secret", two, "secret_id", lost.SecretID)}})
	m.apply(m.gives(two, 2))
	at.expectGiven(t, m, two)
	at.expectLive(t, m.agentID(), m.secretID(), before.text("secret_id"))
	at.expectStatus(t, m.agentID(), lost.SecretID, api.Revoked)
}

// TestGivenSecret_echo: a server that says back what it was sent, or breaks, gets
// the value into no diagnostic, no log, no private state.
func TestGivenSecret_echo(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	var log lines
	at.logs = &log
	const value = "Correct-Horse-Canary-42"
	_, m := at.newSecret(t, given(value, 1))
	leaking := needles{}
	leaking.add("the given secret", value)
	next := "Next-" + value
	for i, status := range []int{http.StatusBadRequest, http.StatusBadGateway, http.StatusOK} {
		before := m.state
		at.remote.fail(fault{method: http.MethodPut, times: 1, answer: leaking.echo(status)})
		_, d := m.try(m.gives(next, 2+i))
		leaking.expectNone(t, "a diagnostic", d.String())
		leaking.expectNone(t, "the state", fmt.Sprint(m.state)+string(m.private))
		if len(d.errors()) > 0 && !cmp.Equal(before, m.state) {
			t.Errorf("%d: an error, and another state", status)
		}
	}
	agent := at.newAgent(t, nil)
	for _, status := range []int{http.StatusBadRequest, http.StatusBadGateway} {
		at.remote.fail(fault{method: http.MethodPut, answer: leaking.echo(status)})
		born := at.resource(t, secretType)
		_, d := born.try(agent.owns(given(next, 1)))
		at.remote.mend()
		leaking.expectNone(t, "a diagnostic", d.String())
		if len(d.errors()) == 0 || born.state != nil || len(born.private) > 0 {
			t.Errorf("%d: a create that failed says %v, and leaves a state: %v", status, d, born.state != nil)
		}
	}
	m.apply(m.gives(next, 9))
	at.expectGiven(t, m, next)
	if text := log.String(); !contains(text, `"@level":"trace"`) {
		t.Error("the log is not at trace")
	}
	leaking.expectNone(t, "the log", log.String())
}
