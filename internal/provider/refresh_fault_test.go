package provider_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// person answers with somebody who is no agent, as a WSO2 server can.
func person(id string) http.HandlerFunc {
	return says(http.StatusOK, api.MediaType, fmt.Sprintf(`{"schemas":[%q],"id":%q,"userName":"ann"}`, api.SchemaUser, id))
}

// TestRefreshNeverRemoves: only the server's own word that an agent is not
// there removes anything from the state.
func TestRefreshNeverRemoves(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   []string
	}{
		{"401", scim(http.StatusUnauthorized, "who are you"), []string{"401", "access_token", p.remote.url}},
		{"403", scim(http.StatusForbidden, "you may not"), []string{"403", "you may not", "scope"}},
		{"404 of a proxy", html(http.StatusNotFound), []string{"404"}},
		{"404 in JSON", says(http.StatusNotFound, "application/json", `{"message":"no such route"}`), []string{"404", "no such route"}},
		{"404 without a body", says(http.StatusNotFound, "", ""), []string{"404"}},
		{"410", scim(http.StatusGone, "gone"), []string{"410"}},
		{"500", scim(http.StatusInternalServerError, "trouble"), []string{"500"}},
		{"501", scim(http.StatusNotImplemented, "cannot"), []string{"501"}},
		{"502 of a proxy", html(http.StatusBadGateway), []string{"502"}},
		{"HTML", html(http.StatusOK), []string{"endpoint", "not an agent API"}},
		{"nothing", says(http.StatusNoContent, "", ""), []string{"204"}},
		{"half an answer", says(http.StatusOK, api.MediaType, `{"schemas":["urn`), []string{"JSON"}},
		{"another object", says(http.StatusOK, api.MediaType, `{}`), []string{"id"}},
		{"a redirect", says(http.StatusFound, "", "", "Location", "https://login.example.com/"), []string{"login.example.com"}},
		{"a person", person("0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"), []string{"Not an agent", `"ann"`, "AGENT/", "Nothing was changed"}},
		{"a broken connection", nil, []string{"GET"}},
	} {
		for _, kind := range []string{agentType, secretType} {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				t.Parallel()
				agent, m := p.newSecret(t, nil)
				id := agent.id()
				if kind == agentType {
					m = agent
				}
				before := m.instance
				p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile("/" + id + "$"), answer: tt.answer})
				d := m.refresh()
				mustSay(t, "the refresh", d, tt.want...)
				if !cmp.Equal(before.state, m.state) {
					t.Errorf("the state is %v", m.state)
				}
			})
		}
	}
}

// TestRefreshRemoves: the server's own word does.
func TestRefreshRemoves(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	p.hand(t).delete(agent.id())
	for _, m := range []*managed{agent, m} {
		if d := m.refresh(); len(d.errors()) > 0 || m.state != nil {
			t.Errorf("the refresh left %v: %v", m.state, d)
		}
	}
}

// TestEndpointIsNone: a wrong address is told as one, whoever answers there.
func TestEndpointIsNone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   []string
	}{
		{"HTML", html(http.StatusOK), []string{"endpoint", "not an agent API", "text/html"}},
		{"another API", says(http.StatusOK, "application/json", `{"hello":"world"}`), []string{"endpoint", "not an agent API"}},
		{"401", scim(http.StatusUnauthorized, "no"), []string{"401", "access_token"}},
		{"a broken connection", nil, []string{"ServiceProviderConfig"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newRemotePlace(t)
			_, m := p.newSecret(t, nil)
			p.remote.fail(fault{answer: tt.answer})
			mustSay(t, "the refresh", m.refresh(), tt.want...)
			if m.state == nil {
				t.Error("the state is gone")
			}
			created := p.resource(t, agentType)
			_, d := created.try(attrs{"display_name": "bot"})
			mustSay(t, "the create", d, tt.want...)
			if n := p.remote.count("POST", anyPath); n > 1 || created.state != nil {
				t.Errorf("%d agents were sent", n)
			}
		})
	}
}

// TestWrongToken: the real answer of the real server.
func TestWrongToken(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	_, m := p.newSecret(t, nil)
	p.args = p.args.with("access_token", "wrong")
	mustSay(t, "the refresh", m.refresh(), "401", "access_token", p.remote.url)
	_, d := p.imports(t, agentType, m.agentID(), nil)
	mustSay(t, "the import", d, "401", "access_token")
	if m.state == nil {
		t.Error("the state is gone")
	}
}

// TestPersonIsNoAgent: an id of a person, wherever it comes from, is neither
// imported nor written to nor deleted: on a server that has persons, and knows
// nothing of our extension.
func TestPersonIsNoAgent(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent := p.newAgent(t, nil)
	id := agent.id()
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(aboutItself), answer: html(http.StatusNotFound)})
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile("/" + id + "$"), answer: person(id)})
	p.remote.forget()
	_, d := p.imports(t, agentType, id, nil)
	mustSay(t, "the import", d, "Not an agent", id, `"ann"`)

	agent.private = nil // of that server
	mustSay(t, "the refresh", agent.refresh(), "Not an agent")
	run, config := p.plugin(t), agent.configured().with("display_name", "new")
	_, d = run.applyPlan(agentType, agent.instance, config, planned{attrs: agent.state.with("display_name", "new")})
	mustSay(t, "the update", d, "not an agent", id)
	for _, policy := range []string{"delete", "disable"} {
		agent.state["deletion_policy"] = policy
		_, d = p.plugin(t).applyPlan(agentType, agent.instance, nil, planned{})
		mustSay(t, policy, d, "not an agent", id)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "POST"} {
		if n := p.remote.count(method, anyPath); n > 0 {
			t.Errorf("%d %s were sent", n, method)
		}
	}
}

// TestAskedToWaitForDays: a server can ask for any wait; nobody waits so long.
func TestAskedToWaitForDays(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(anyAgent), answer: scim(http.StatusTooManyRequests, "slow down", "Retry-After", "999999")})
	p.remote.fail(fault{method: http.MethodPut, answer: scim(http.StatusTooManyRequests, "slow down", "Retry-After", "999999")})
	began := time.Now()
	mustSay(t, "the refresh", m.refresh(), "429", "wait", "requests_per_minute")
	_, d := p.resource(t, secretType).try(agent.owns(nil))
	mustSay(t, "the create", d, "429", "wait")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	if m.state == nil {
		t.Error("the state is gone")
	}
}

// TestAskedToWait: a wait that is reasonable is waited, also by what is sent
// once only: it was refused before it was begun.
func TestAskedToWait(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodGet} {
		p.remote.fail(fault{method: method, times: 1, answer: scim(http.StatusTooManyRequests, "slow down", "Retry-After", "1")})
	}
	p.newSecret(t, nil)
	if n := p.hand(t).count(); n != 1 {
		t.Errorf("there are %d agents", n)
	}
}
