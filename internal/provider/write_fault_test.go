package provider_test

import (
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// TestCreateAnswerLost: an agent whose creation was answered by nothing, or by
// a failure, is found again by its key in the same run, and made once.
func TestCreateAnswerLost(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"broken connection": nil,
		"500":               scim(http.StatusInternalServerError, "trouble"),
		"502 of a proxy":    html(http.StatusBadGateway),
		"HTML":              html(http.StatusOK),
		"an empty success":  says(http.StatusCreated, "", ""),
		"503 without a wait": scim(http.StatusServiceUnavailable,
			"trouble"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newRemotePlace(t)
			lost := fault{method: http.MethodPost, path: regexp.MustCompile(allAgents), times: 1, first: true, answer: answer}
			p.remote.fail(lost)
			m := p.newAgent(t, fullAgent())
			if n := p.remote.count(http.MethodPost, allAgents); n != 1 {
				t.Errorf("the create was sent %d times", n)
			}
			if n := p.hand(t).count(); n != 1 {
				t.Errorf("there are %d agents", n)
			}
			// It is ours to delete.
			m.apply(nil)
			if n := p.hand(t).count(); n != 0 {
				t.Errorf("there are %d agents after the destroy", n)
			}

			// Without a key nothing can be found: an error that says so.
			p.remote.fail(lost)
			p.remote.forget()
			orphan := p.resource(t, agentType)
			_, d := orphan.try(attrs{"display_name": "bot"})
			mustSay(t, "the create without a key", d, "Cannot create the agent", "not known whether", "orphan", "external_id")
			if n := p.remote.count(http.MethodPost, allAgents); n != 1 || orphan.state != nil {
				t.Errorf("the create was sent %d times; the state is %v", n, orphan.state)
			}
		})
	}
}

// TestCreateNotBegun: what was lost on its way there is not sent again either,
// because nobody can tell; the next apply is free to.
func TestCreateNotBegun(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	p.remote.fail(fault{method: http.MethodPost, path: regexp.MustCompile(allAgents), times: 1})
	m := p.resource(t, agentType)
	config := attrs{"display_name": "bot", "external_id": "team/bot"}
	_, d := m.try(config)
	mustSay(t, "the create", d, "Cannot create the agent", "apply again")
	if n := p.remote.count(http.MethodPost, allAgents); n != 1 || m.state != nil {
		t.Errorf("the create was sent %d times; the state is %v", n, m.state)
	}
	m.apply(config)
}

// TestCreateAnswerAndLookUpLost: when nothing can be found out, the next run
// tells whose agent it is.
func TestCreateAnswerAndLookUpLost(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	p.remote.fail(fault{method: http.MethodPost, path: regexp.MustCompile(allAgents), times: 1, first: true})
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(allAgents), times: 1, answer: scim(http.StatusForbidden, "no listing")})
	m := p.resource(t, agentType)
	config := attrs{"display_name": "bot", "external_id": "team/bot"}
	_, d := m.try(config)
	mustSay(t, "the create", d, "Cannot create the agent", "no listing")
	_, d = m.try(config)
	mustSay(t, "the next create", d, "exists already", "import {")
	m.apply(config.with("on_existing", "adopt"))
	if n := p.hand(t).count(); n != 1 {
		t.Errorf("there are %d agents", n)
	}
}

// TestSecretAnswerLost: a secret that was made is asked for again, and is the
// same one: the state has the value that works.
func TestSecretAnswerLost(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"broken connection": nil,
		"500":               scim(http.StatusInternalServerError, "trouble"),
		"504 of a proxy":    html(http.StatusGatewayTimeout),
	} {
		for _, done := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := newRemotePlace(t)
				agent := p.newAgent(t, nil)
				lost := fault{method: http.MethodPut, path: regexp.MustCompile(anySecret), times: 2, first: done, answer: answer}
				p.remote.fail(lost)
				m := p.resource(t, secretType)
				m.apply(agent.owns(nil))
				p.expectLive(t, agent.id(), m.secretID())
				p.expectValue(t, m)

				before := m.state
				p.remote.fail(lost)
				p.remote.forget()
				m.apply(m.configured().with("rotation_trigger", trigger("1")))
				expectRotated(t, before, m)
				p.expectLive(t, agent.id(), m.secretID(), before.text("secret_id"))
				if sent := p.remote.requests(http.MethodPut, anySecret); len(sent) != 3 || len(slices.Compact(paths(sent))) != 1 {
					t.Errorf("the rotation was sent as %v", sent)
				}
				p.expectValue(t, m)
			})
		}
	}
}

func paths(requests []request) []string {
	var out []string
	for _, r := range requests {
		out = append(out, r.Path)
	}
	return out
}

// expectValue checks that the value of the state is that of the secret: the
// server takes the same PUT again for nothing, and refuses another value.
func (p *place) expectValue(t *testing.T, m *managed) {
	t.Helper()
	h := p.hand(t)
	_, err := h.PutSecret(h.ctx(), m.agentID(), m.secretID(), api.SecretRequest{SecretValue: secret.New(m.state.text("secret"))}, "")
	if err != nil {
		t.Errorf("the secret of the state is not the server's: %v", err)
	}
}

// TestSecretAnswerLostForGood: the state keeps the old secret, and the next
// apply makes one that it knows, once, and ends the one that nobody knows; also
// when the trigger is taken back instead, because the old one is on its way out.
func TestSecretAnswerLostForGood(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	for _, back := range []bool{false, true} {
		agent, m := p.newSecret(t, attrs{"rotation_trigger": trigger("1")})
		before, next := m.state, m.configured()
		config := next.with("rotation_trigger", trigger("2"))
		p.remote.fail(fault{method: http.MethodPut, path: regexp.MustCompile(anySecret), first: true})
		_, d := m.try(config)
		mustSay(t, "the rotation", d, "Cannot rotate", "Plan and apply again")
		p.remote.mend()
		if !cmp.Equal(m.state.with("drift", false), before) {
			t.Errorf("the state changed: %v", cmp.Diff(before, m.state))
		}
		if !back {
			next = config
		}
		lost := p.hand(t).secrets(agent.id())[0].SecretID
		m.apply(next)
		expectRotated(t, before, m)
		p.expectLive(t, agent.id(), m.secretID(), before.text("secret_id"))
		p.expectStatus(t, agent.id(), lost, api.Revoked)
	}
}

// TestRotationIsTheLastCall: after the call that changes the server nothing can
// fail before the state has it.
func TestRotationIsTheLastCall(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	config := m.configured().with("rotation_trigger", trigger("1"))
	plan := m.plan(config)
	p.remote.fail(fault{method: http.MethodPut, after: 1})
	p.remote.forget()
	if _, d := m.carryOut(config, plan); len(d) > 0 {
		t.Fatal(d)
	}
	sent := p.remote.requests("", anyPath)
	if last := sent[len(sent)-1]; last.Method != http.MethodPut || last.Status != http.StatusCreated {
		t.Errorf("the last of %v is not the rotation", sent)
	}
	p.remote.mend()
	p.expectStatus(t, agent.id(), m.secretID(), api.Active)
}

// TestRepeatedWrites: what twice is as once is repeated: change, revoke, delete.
func TestRepeatedWrites(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, attrs{"grace_period": "1h"})
	rotatedOnce(p, m)
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		p.remote.fail(fault{method: method, times: 1, first: true})
	}
	agent.apply(agent.configured().with("display_name", "new"))
	p.remote.fail(fault{method: http.MethodPatch, times: 1, first: true})
	m.apply(m.configured().with("grace_period", "2h"))
	m.apply(nil)
	p.expectLive(t, agent.id())
	p.remote.fail(fault{method: http.MethodDelete, times: 1, first: true})
	agent.apply(nil)
	if n := p.hand(t).count(); n != 0 {
		t.Errorf("there are %d agents", n)
	}
}
