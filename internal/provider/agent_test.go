package provider_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// fullAgent is an agent with every argument set that says something of it.
func fullAgent() attrs {
	return attrs{
		"display_name": "bot", "description": "a bot", "owner": "ann@example.com", "external_id": "team/bot",
		"attributes": attrs{"Team": "support", "Tier": "1"}, "is_user_serving_agent": true, "enabled": false,
		"scopes": words("read", "write"), "audiences": words("https://a.example", "https://b.example"),
		"allowed_auth_methods": words("client_secret_basic"),
	}
}

func TestAgentCreate(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		m := p.newAgent(t, fullAgent())
		a := p.hand(t).agent(m.id())
		yes := true
		if diff := cmp.Diff(api.AgentProfile{
			DisplayName: "bot", Description: "a bot", Owner: "ann@example.com", IsUserServingAgent: &yes,
			Attributes: map[string]string{"Team": "support", "Tier": "1"},
		}, a.Profile); diff != "" {
			t.Error(diff)
		}
		ext := *a.Extension
		if ext.OwnerToken == "" {
			t.Error("the agent has no owner token")
		}
		ext.OwnerToken = ""
		if diff := cmp.Diff(api.AgentSecurity{
			Scopes: []string{"read", "write"}, Audiences: []string{"https://a.example", "https://b.example"}, AllowedAuthMethods: []string{"client_secret_basic"},
		}, ext); diff != "" {
			t.Error(diff)
		}
		if !a.Blocked() || a.ExternalID != "team/bot" {
			t.Errorf("blocked: %v, external id: %q", a.Blocked(), a.ExternalID)
		}
		if got, want := at(t, m.state["created_at"]), at(t, a.Meta.Created); got != want {
			t.Errorf("created_at is %d, want %d", got, want)
		}
		if diff := cmp.Diff(any([]any{}), m.state["roles"]); diff != "" {
			t.Error("roles:", diff)
		}
	})
}

func TestAgentUpdate(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		m := p.newAgent(t, fullAgent())
		before := m.state
		for _, next := range []attrs{
			{"display_name": "other"},
			{"description": nil, "owner": nil},
			{"description": "back", "owner": "bob@example.com"},
			{"external_id": "team/other"},
			{"external_id": nil},
			{"attributes": attrs{"Tier": "2", "Zone": "eu"}},
			{"attributes": attrs{}},
			{"attributes": nil},
			{"attributes": attrs{"Team": "sales"}},
			{"scopes": words("write")},
			{"scopes": nil},
			{"scopes": []any{}},
			{"audiences": nil, "allowed_auth_methods": nil},
			{"allowed_auth_methods": []any{}},
			{"enabled": true},
			{"enabled": false, "display_name": "both"},
		} {
			if did := m.apply(m.configured().merge(next)); did != updates && !cmp.Equal(next["scopes"], any([]any{})) {
				t.Errorf("%v: the apply did %s, want an update", next, did)
			}
			for _, name := range []string{"id", "created_at", "roles", "revoked_at"} {
				if !cmp.Equal(m.state[name], before[name]) {
					t.Errorf("%v: %s is %v, and was %v", next, name, m.state[name], before[name])
				}
			}
		}
		a := p.hand(t).agent(m.id())
		want := api.AgentProfile{
			DisplayName: "both", Description: "back", Owner: "bob@example.com", IsUserServingAgent: a.Profile.IsUserServingAgent,
			Attributes: map[string]string{"Team": "sales"},
		}
		if diff := cmp.Diff(want, a.Profile); diff != "" {
			t.Error(diff)
		}
		if len(a.Extension.Scopes)+len(a.Extension.Audiences)+len(a.Extension.AllowedAuthMethods) > 0 || a.ExternalID != "" || !a.Blocked() {
			t.Errorf("the agent is %+v", a)
		}
	})
}

// TestAgentChangedOutside: what the configuration names is put right, and what
// it does not name is nobody's business here.
func TestAgentChangedOutside(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		m := p.newAgent(t, attrs{"attributes": attrs{"Team": "support"}, "scopes": words("read")})
		config := m.configured().with("enabled", nil)
		h := p.hand(t)
		h.patch(m.id(), api.Replace(api.SchemaWSO2Agent+":Zone", "eu"), api.Replace(api.SchemaWSO2+":accountLocked", true))
		if did := m.apply(config); did != noAction || m.state["enabled"] != false {
			t.Errorf("the apply did %s; enabled is %v", did, m.state["enabled"])
		}
		h.patch(m.id(), api.Replace(api.SchemaWSO2Agent+":Team", "sales"), api.Replace(api.SchemaWSO2Agent+":DisplayName", "theirs"),
			api.Replace(api.SchemaWSO2Agent+":Owner", "eve"), api.Replace(api.SchemaCredentials+":scopes", []string{"read", "admin"}))
		if did := m.apply(config); did != updates {
			t.Errorf("the apply did %s, want an update", did)
		}
		a := h.agent(m.id())
		want := api.AgentProfile{DisplayName: "bot", Attributes: map[string]string{"Team": "support", "Zone": "eu"}}
		if diff := cmp.Diff(want, a.Profile); diff != "" {
			t.Error(diff)
		}
		if !slices.Equal(a.Extension.Scopes, []string{"read"}) || !a.Blocked() {
			t.Errorf("scopes: %v, blocked: %v", a.Extension.Scopes, a.Blocked())
		}
	})
}

func TestAgentReplace(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	for _, cbd := range []bool{false, true} {
		m := p.newAgent(t, nil)
		m.cbd = cbd
		before := m.id()
		if did := m.apply(m.configured().with("is_user_serving_agent", true)); did != replaces || m.id() == before {
			t.Errorf("the apply did %s; the id was %s and is %s", did, before, m.id())
		}
		if _, err := p.hand(t).Agent(t.Context(), before); err == nil {
			t.Errorf("agent %s is still there", before)
		}
	}
}

func TestAgentDelete(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		gone, kept, left := p.newAgent(t, nil), p.newAgent(t, attrs{"deletion_policy": "disable"}), p.newAgent(t, attrs{"deletion_policy": "abandon"})
		ids := []string{gone.id(), kept.id(), left.id()}
		for _, m := range []*managed{gone, kept, left} {
			if did := m.apply(nil); did != deletes || m.state != nil {
				t.Errorf("the destroy did %s and left %v", did, m.state)
			}
		}
		h := p.hand(t)
		if _, err := h.Agent(h.ctx(), ids[0]); err == nil {
			t.Error("the deleted agent is still there")
		}
		if !h.agent(ids[1]).Blocked() {
			t.Error("the disabled agent is in service")
		}
		if h.agent(ids[2]).Blocked() {
			t.Error("the abandoned agent is blocked")
		}
	})
}

// TestAgentDeletePrevented: a destroy, a replacement and a taint change nothing.
func TestAgentDeletePrevented(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	m := p.newAgent(t, attrs{"deletion_policy": "prevent"})
	id := m.id()
	p.remote.forget()
	_, d := m.try(nil)
	mustSay(t, "the destroy", d, "deletion_policy", "prevent", id)
	_, d = m.try(m.configured().with("is_user_serving_agent", true))
	mustSay(t, "the replacement", d, "deletion_policy", "prevent", id)
	config := m.configured()
	m.taint()
	_, d = m.try(config)
	mustSay(t, "the replacement of a tainted one", d, "deletion_policy", "prevent", id)
	if n := p.remote.count("DELETE", anyPath) + p.remote.count("POST", anyPath); n > 0 || m.id() != id {
		t.Errorf("%d requests that change something were sent; the state has %s, want %s", n, m.id(), id)
	}
	m.tainted = false
	m.apply(config.with("deletion_policy", "delete"))
	m.apply(nil)
}

// TestAgentDeletedOutside: it is created again, with all that it was.
func TestAgentDeletedOutside(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		config, id := agent.configured(), agent.id()
		p.hand(t).delete(id)
		agent.refresh()
		m.refresh()
		if agent.state != nil || m.state != nil {
			t.Fatalf("the refresh left %v and %v", agent.state, m.state)
		}
		if did := agent.apply(config); did != creates || agent.id() == id {
			t.Errorf("the apply did %s; the id is %s", did, agent.id())
		}
		m.apply(agent.owns(nil))
	})
}

// TestAgentDestroyGone: an agent that is gone already is no error.
func TestAgentDestroyGone(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		for _, policy := range []string{"delete", "disable"} {
			m := p.newAgent(t, attrs{"deletion_policy": policy})
			p.hand(t).delete(m.id())
			if _, d := m.carryOut(nil, planned{private: m.private}); len(d.errors()) > 0 || m.state != nil {
				t.Errorf("%s: %v", policy, d)
			}
		}
	})
}
