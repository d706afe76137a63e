package provider_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	roleType = "agentcreds_agent_role"
	// exampleRoleID stands for a role that is there before.
	exampleRoleID = "97e4626a-b16e-4735-9896-536bc4f4481e"
	unknownID     = "11111111-2222-4333-8444-555555555555"
)

// role makes a role as the Console, or the command role, does.
func (h hand) role(name string, scopes []string, members ...string) string {
	h.t.Helper()
	r, err := h.CreateRole(h.ctx(), api.RoleResource{DisplayName: name, Permissions: api.References(scopes), Users: api.References(members)})
	h.check("make a role", err)
	return r.ID
}

// members are who has a role.
func (h hand) members(id string) (out []string) {
	h.t.Helper()
	r, err := h.Role(h.ctx(), id)
	h.check("read role "+id, err)
	for _, u := range r.Users {
		out = append(out, u.Value)
	}
	slices.Sort(out)
	return out
}

// oldRoles is a server before Identity Server 7.2, which has no version 3 of the
// role API.
type oldRoles struct{ http.Handler }

func (s oldRoles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, api.PathRolesV3) {
		scim(http.StatusNotFound, "Specified resource (e.g., User) or endpoint does not exist.")(w, r)
		return
	}
	s.Handler.ServeHTTP(w, r)
}

// rolePlaces are the servers that roles are on.
func rolePlaces(t *testing.T, test func(*testing.T, *place)) {
	t.Helper()
	everywhere(t, test)
	t.Run("WSO2", func(t *testing.T) { t.Parallel(); test(t, newAsgardeo(t)) })
	t.Run("WSO2 before 7.2", func(t *testing.T) {
		t.Parallel()
		p := newAsgardeo(t)
		p.remote.handler = oldRoles{p.remote.handler}
		test(t, p)
	})
}

// TestRole: an agent gets a role and loses it, and nobody else does.
func TestRole(t *testing.T) {
	t.Parallel()
	rolePlaces(t, func(t *testing.T, p *place) {
		agent := p.newAgent(t, nil)
		jane := p.hand(t).create(api.Agent{}).ID
		role := p.hand(t).role("reader", []string{"read"}, jane)
		config := attrs{"role_id": role, "agent_id": agent.id()}
		m := p.resource(t, roleType)
		m.apply(config)
		agent.refresh()
		held, _ := agent.state["roles"].([]any)
		if got := p.hand(t).members(role); !slices.Equal(got, sorted(nil, jane, agent.id())) || !slices.Contains(held, any("reader")) {
			t.Errorf("members %v, roles of the agent %v", got, agent.state["roles"])
		}
		for name, id := range map[string]attrs{role + "/" + agent.id(): nil, "": {"role_id": role, "agent_id": agent.id()}} {
			if imported, d := p.imports(t, roleType, name, id); len(d) > 0 || imported.apply(config) != noAction {
				t.Errorf("the import by %q, %v: %v", name, id, d)
			}
		}
		p.hand(t).check("take the role away", p.hand(t).RemoveRole(t.Context(), role, agent.id()))
		if did := m.apply(config); did != creates {
			t.Errorf("a membership that is gone: %s", did)
		}
		other := p.hand(t).role("writer", nil)
		if did := m.apply(config.with("role_id", other)); did != replaces {
			t.Errorf("another role: %s", did)
		}
		if got, now := p.hand(t).members(role), p.hand(t).members(other); !slices.Equal(got, []string{jane}) || !slices.Equal(now, []string{agent.id()}) {
			t.Errorf("the first role has %v, the other %v", got, now)
		}
		m.apply(nil)
		if now := p.hand(t).members(other); len(now) > 0 {
			t.Errorf("the destroy left %v", now)
		}
	})
}

// TestRole_refused: what is wrong is told, and changes nothing.
func TestRole_refused(t *testing.T) {
	t.Parallel()
	rolePlaces(t, func(t *testing.T, p *place) {
		agent := p.newAgent(t, nil)
		role := p.hand(t).role("reader", nil)
		config := attrs{"role_id": role, "agent_id": agent.id()}
		_, d := p.imports(t, roleType, role+"/"+agent.id(), nil)
		mustSay(t, "the import", d, "does not have the role")
		_, d = p.imports(t, roleType, role, nil)
		mustSay(t, "the import", d, "<role_id>/<agent_id>")
		for _, bad := range []attrs{config.with("agent_id", `x] or users[value ne `), config.with("role_id", "../Users")} {
			_, d = p.resource(t, roleType).try(bad)
			mustSay(t, "an id that is none", d, "is not the id of")
		}
		_, d = p.resource(t, roleType).try(config.with("role_id", unknownID))
		mustSay(t, "an unknown role", d, "Cannot give the agent a role", "404")
		_, d = p.resource(t, roleType).try(config.with("agent_id", unknownID))
		mustSay(t, "an unknown agent", d, "Cannot give the agent a role", unknownID)
		if got := p.hand(t).members(role); len(got) > 0 {
			t.Errorf("members %v", got)
		}
	})
}

// TestRole_gone: role and agent may be deleted past Terraform; then the
// membership is gone, and its destroy does nothing.
func TestRole_gone(t *testing.T) {
	t.Parallel()
	rolePlaces(t, func(t *testing.T, p *place) {
		for what, remove := range map[string]func(h hand, role, agent string) error{
			"role":  func(h hand, role, _ string) error { return h.DeleteRole(h.ctx(), role) },
			"agent": func(h hand, _, agent string) error { return h.DeleteAgent(h.ctx(), agent, "") },
		} {
			agent := p.hand(t).create(api.Agent{}).ID
			role := p.hand(t).role("reader of "+what, nil)
			m := p.resource(t, roleType)
			m.apply(attrs{"role_id": role, "agent_id": agent})
			kept := m.instance
			p.hand(t).check("delete the "+what, remove(p.hand(t), role, agent))
			if _, d := m.carryOut(nil, planned{private: m.private}); len(d) > 0 {
				t.Errorf("the destroy after the %s was deleted: %v", what, d)
			}
			m.instance = kept
			if m.refresh(); m.state != nil {
				t.Errorf("the %s was deleted; the state has %v", what, m.state)
			}
		}
	})
}

// TestRole_person: an id that may be a person's gets no role, and loses none.
func TestRole_person(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	agent := p.hand(t).create(api.Agent{}).ID
	role := p.hand(t).role("reader", nil)
	config := attrs{"role_id": role, "agent_id": agent}
	m := p.resource(t, roleType)
	m.apply(config)
	jane := `{"schemas":["` + api.SchemaUser + `"],"id":"` + agent + `","userName":"DEFAULT/jane","roles":[{"value":"` + role + `"}]}`
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(anyAgent), answer: says(http.StatusOK, api.MediaType, jane)})
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(allAgents), answer: scim(http.StatusForbidden, "no")})
	p.remote.forget()
	_, d := p.resource(t, roleType).try(config)
	mustSay(t, "the create", d, "not an agent")
	_, d = m.carryOut(nil, planned{private: m.private})
	mustSay(t, "the destroy", d, "not an agent")
	_, d = p.imports(t, roleType, role+"/"+agent, nil)
	mustSay(t, "the import", d, "Not an agent", "jane")
	if n := p.remote.count(http.MethodPatch, anyPath); n > 0 {
		t.Errorf("%d changes were sent", n)
	}
}

// TestRole_together: many agents get one role at once, by one process and by
// several, and all have it; then one leaves.
func TestRole_together(t *testing.T) {
	t.Parallel()
	rolePlaces(t, func(t *testing.T, p *place) {
		const n = 20
		role := p.hand(t).role("reader", nil)
		ids, all := make([]string, n), make([]*managed, n)
		for i := range ids {
			ids[i] = p.hand(t).create(api.Agent{}).ID
			all[i] = p.resource(t, roleType)
		}
		each(n, func(i int) { all[i].apply(attrs{"role_id": role, "agent_id": ids[i]}) })
		if got := p.hand(t).members(role); !slices.Equal(got, sorted(ids)) {
			t.Errorf("%d members, want %d", len(got), n)
		}
		all[0].apply(nil)
		if got := p.hand(t).members(role); !slices.Equal(got, sorted(ids[1:])) {
			t.Errorf("after one left there are %d members, want %d", len(got), n-1)
		}
	})
}

// TestRole_token: a token has the scope of the role, beside those of the agent,
// and is worth nothing once the role is taken away; the next has it no more.
func TestRole_token(t *testing.T) {
	t.Parallel()
	at, issuer := newTokenPlace(t)
	agent, m := at.newSecret(t, nil)
	agent.apply(agent.configured().with("scopes", []any{"own"}))
	role := at.hand(t).role("reader", []string{"read"})
	p := at.plugin(t)
	token := func() (secret.Text, string) {
		got, _, said := p.open(attrs{"agent_id": m.agentID(), "secret": m.state.text("secret"), "scopes": []any{"own", "read"}})
		p.mustPass("open", said)
		return secret.New(got.text("access_token")), got.text("scope")
	}
	if _, scope := token(); scope != "own" {
		t.Errorf("without the role the scope is %q", scope)
	}
	membership := at.resource(t, roleType)
	membership.apply(attrs{"role_id": role, "agent_id": m.agentID()})
	value, scope := token()
	if c, err := issuer.Inspect(t.Context(), value); err != nil || scope != "own read" || c.Scope != scope {
		t.Errorf("with the role the scope is %q; Inspect = %+v, %v", scope, c, err)
	}
	membership.apply(nil)
	if _, err := issuer.Inspect(t.Context(), value); err == nil {
		t.Error("the token is in force after the role was taken away")
	}
	if _, scope := token(); scope != "own" {
		t.Errorf("afterwards the scope is %q", scope)
	}
}

// TestRole_scale: a thousand memberships of a thousand agents are refreshed from
// pages, together with the agents; none is asked for by itself.
func TestRole_scale(t *testing.T) {
	t.Parallel()
	const n, most = 1000, 20 - 1
	admin := authority.Principal{Name: "admin", Scopes: []string{authority.AllScopes}}
	for name, p := range map[string]*place{"serve": newRemotePlace(t), "WSO2": newAsgardeo(t)} {
		t.Run(name, func(t *testing.T) {
			ids := make([]string, n)
			for i := range ids {
				a, _, err := p.remote.authority.CreateAgent(t.Context(), admin, authority.NewAgent{NoSecret: true})
				if err != nil {
					t.Fatal(err)
				}
				ids[i] = a.ID
			}
			role, err := p.remote.authority.CreateRole(t.Context(), admin, authority.NewRole{Name: "reader", Members: ids})
			if err != nil {
				t.Fatal(err)
			}
			imports := p.plugin(t)
			all := make([]instance, n)
			each(n, func(i int) {
				var d problems
				if all[i], d = imports.importBy(roleType, role.ID+"/"+ids[i], nil); len(d) > 0 {
					t.Error(d)
				}
			})
			p.remote.forget()
			refresh := p.plugin(t)
			each(n, func(i int) {
				if out, d := refresh.read(roleType, all[i]); len(d) > 0 || out.state == nil {
					t.Errorf("%v, %v", out.state, d)
				}
			})
			if got := p.remote.count("", anyPath); got > most {
				t.Errorf("the refresh of %d memberships took %d requests, want at most %d", n, got, most)
			} else {
				t.Logf("%d requests", got)
			}
		})
	}
}

// TestRole_besideUpdate: a role that comes or goes while the agent is changed,
// as in one apply, does not break the promise of the plan: the next refresh
// tells of it. Terraform would call anything else a bug of the provider.
func TestRole_besideUpdate(t *testing.T) {
	t.Parallel()
	rolePlaces(t, func(t *testing.T, p *place) {
		agent := p.newAgent(t, nil)
		role := p.hand(t).role("reader", nil, agent.id())
		agent.refresh()
		before := agent.state["roles"]
		for name, change := range map[string]func(context.Context, string, string) error{"goes": p.hand(t).RemoveRole, "comes": p.hand(t).AddRole} {
			config := agent.configured().with("display_name", "the role "+name)
			plan := agent.plan(config)
			p.hand(t).check("change the role", change(t.Context(), role, agent.id()))
			if _, d := agent.carryOut(config, plan); len(d.errors()) > 0 {
				t.Fatalf("the role %s: %v", name, d)
			}
			agent.refresh()
		}
		p.hand(t).check("give the role", p.hand(t).AddRole(t.Context(), role, agent.id()))
		if agent.refresh(); !cmp.Equal(before, agent.state["roles"]) {
			t.Errorf("the roles are %v, want %v", agent.state["roles"], before)
		}
	})
}
