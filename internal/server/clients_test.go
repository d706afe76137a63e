package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// client makes a management client as one who may do everything.
func (g *rig) client(name string, scopes ...string) api.ManagementClient {
	g.t.Helper()
	return decodeAs[api.ManagementClient](g.send("POST", api.PathClients, clientBody(name, scopes...)).is(201))
}

// managed is the id of a client that may do what the route is for, if that is
// about clients.
func (g *rig) managed(route server.Route) string {
	if !strings.HasPrefix(route.Pattern, api.PathClients) {
		return ""
	}
	return g.client("taken", route.Scope).ClientID
}

func clientBody(name string, scopes ...string) string {
	return `{"name":"` + name + `","scopes":["` + strings.Join(scopes, `","`) + `"]}`
}

func (g *rig) clients() []api.ManagementClient {
	g.t.Helper()
	return decodeAs[api.ClientList](g.send("GET", api.PathClients, "").is(200)).List
}

// A secret is told once, to who made it; the list has only what leads to it.
func TestManagementClients(t *testing.T) {
	g := newRig(t)
	if a := g.send("GET", api.PathClients, "").is(200); a.body != `{"count":0,"list":[]}` {
		t.Errorf("no clients are %s", a.body)
	}
	made := g.client("terraform", api.ScopeAgentView, api.ScopeAgentList, api.ScopeAgentView)
	if !made.ClientSecret.HasOurShape() || len(made.ClientID) != 36 || made.Name != "terraform" || made.CreatedBy != "ann" ||
		made.CreatedAt != g.clock.now().UnixMilli() || strings.Join(made.Scopes, " ") != api.ScopeAgentList+" "+api.ScopeAgentView || len(made.Secrets) != 1 {
		t.Errorf("made %+v", made)
	}
	g.send("POST", api.PathClients, clientBody("terraform", api.ScopeAgentView)).code(409, api.CodeUsedName)

	path := api.PathClientSecrets(made.ClientID)
	rotated := decodeAs[api.ManagementClient](g.send("POST", path, `{}`).is(201))
	if !rotated.ClientSecret.HasOurShape() || rotated.ClientSecret.Equal(made.ClientSecret) || len(rotated.Secrets) != 2 ||
		rotated.Secrets[1].SecretID != made.Secrets[0].SecretID || rotated.Secrets[1].ExpiresAt != g.clock.now().Add(api.ClientGrace).Unix() {
		t.Errorf("rotated %+v", rotated)
	}
	last := decodeAs[api.ManagementClient](g.send("POST", path, `{"graceSeconds":0}`).is(201))
	if len(last.Secrets) != 1 {
		t.Errorf("rotated without a grace %+v", last)
	}
	listed := g.send("GET", api.PathClients, "").is(200)
	for _, never := range []string{made.ClientSecret.Reveal(), rotated.ClientSecret.Reveal(), last.ClientSecret.Reveal(), "clientSecret\"", "sha256"} {
		if strings.Contains(listed.body+g.log.String(), never) {
			t.Errorf("the list, or the log, holds %q", never)
		}
	}
	if all := g.clients(); len(all) != 1 || len(all[0].Secrets) != 1 || all[0].Secrets[0] != last.Secrets[0] {
		t.Errorf("listed %+v", all)
	}
	g.send("DELETE", api.PathClient(made.ClientID), "").is(204)
	g.send("DELETE", api.PathClient(made.ClientID), "").code(404, api.CodeNoClient)
	g.send("POST", path, `{}`).code(404, api.CodeNoClient)
}

func TestManagementClientsRefused(t *testing.T) {
	g := newRig(t)
	id := g.client("old", api.ScopeAgentView).ClientID
	for _, tt := range []struct{ path, body, says string }{
		{api.PathClients, `{}`, "scopes is required"},
		{api.PathClients, `{"name":"x","scopes":[]}`, "scopes is required"},
		{api.PathClients, clientBody("x", "*"), `no scope "*"`},
		{api.PathClients, clientBody("x", api.ScopeAgentView, "read"), `no scope "read"`},
		{api.PathClients, clientBody("", api.ScopeAgentView), "needs a name"},
		{api.PathClients, clientBody(`a\n`, api.ScopeAgentView), "needs a name"},
		{api.PathClients, `{"name":"x","scopes":["` + api.ScopeAgentView + `"],"clientSecret":"` + strong + `"}`, "unknown field"},
		{api.PathClients, `{"name":"x","scopes":["` + api.ScopeAgentView + `"],"createdBy":"bob"}`, "unknown field"},
		{api.PathClientSecrets(id), `{"graceSeconds":-1}`, "from 0 to 2592000"},
		{api.PathClientSecrets(id), `{"graceSeconds":2592001}`, "from 0 to 2592000"},
		{api.PathClientSecrets(id), `{"graceSeconds":9223372036854775807}`, "from 0 to 2592000"},
		{api.PathClientSecrets(id), `{"graceSeconds":"1h"}`, "whole number"},
	} {
		if said := g.send("POST", tt.path, tt.body).code(400, api.CodeInvalid); !strings.Contains(said, tt.says) || strings.Contains(said, strong) {
			t.Errorf("%s is refused by %q, want %q", tt.body, said, tt.says)
		}
	}
	if all := g.clients(); len(all) != 1 || len(all[0].Secrets) != 1 {
		t.Errorf("refused requests left %+v", all)
	}
}

// Who may manage clients gets hold of no more than he has: neither by a client
// that he makes, nor by the secret of one that is there. Nor does he end one that
// may do more. Each attempt is in the audit, with who it was.
func TestNobodyHandsOnMore(t *testing.T) {
	g := newRig(t)
	above := g.client("above", api.ScopeAgentView, api.ScopeAgentDelete)
	beside := g.client("beside", api.ScopeAgentView)
	manager := "Bearer eve:" + strings.Join([]string{api.ScopeClientCreate, api.ScopeClientDelete, api.ScopeAgentView}, " ")
	before := len(g.clients())
	for _, tt := range []struct{ method, path, body string }{
		{"POST", api.PathClients, clientBody("own", api.ScopeAgentView, api.ScopeAgentDelete)},
		{"POST", api.PathClients, clientBody("own", api.ScopeClientView)},
		{"POST", api.PathClientSecrets(above.ClientID), `{"graceSeconds":0}`},
		{"POST", api.PathClientSecrets(above.ClientID), `{}`},
		{"DELETE", api.PathClient(above.ClientID), ""},
	} {
		a := g.send(tt.method, tt.path, tt.body, "Authorization", manager)
		a.code(403, api.CodeForbidden)
		if !strings.Contains(a.body, "is more than the caller has") || strings.Contains(a.body, "agcs_") || !strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_scope") {
			t.Errorf("%s %s: %s %v", tt.method, tt.path, a.body, a.header)
		}
		page := decodeAs[api.AuditPage](g.send("GET", events+"?action=client&actor=eve", "").is(200))
		if last := page.Events[len(page.Events)-1]; last.Outcome != string(audit.Refused) || !strings.Contains(last.Reason, "more than the caller has") {
			t.Errorf("%s %s left the entry %+v", tt.method, tt.path, last)
		}
	}
	all := g.clients()
	if len(all) != before || all[0].Secrets[0] != above.Secrets[0] || len(all[0].Secrets) != 1 {
		t.Errorf("refused requests left %+v", all)
	}
	// What is his to give, he gives.
	g.send("POST", api.PathClients, clientBody("own", api.ScopeAgentView, api.ScopeClientCreate), "Authorization", manager).is(201)
	g.send("POST", api.PathClientSecrets(beside.ClientID), `{}`, "Authorization", manager).is(201)
	g.send("DELETE", api.PathClient(beside.ClientID), "", "Authorization", manager).is(204)
}

// A client that is deleted, or loses its tokens, while its request is under way
// makes nothing that would outlive it.
func TestManagerEndsMeanwhile(t *testing.T) {
	for name, end := range map[string]func(g *rig, id string){
		"deleted": func(g *rig, id string) { g.send("DELETE", api.PathClient(id), "").is(204) },
		"rotated": func(g *rig, id string) { g.send("POST", api.PathClientSecrets(id), `{"graceSeconds":0}`).is(201) },
	} {
		t.Run(name, func(t *testing.T) {
			var who authority.Principal
			g := newRig(t, func(c *server.Config) {
				c.Authorize = func(r *http.Request) (authority.Principal, error) {
					if r.Header.Get("Authorization") == "Bearer manager" {
						return who, nil
					}
					return authorize(r)
				}
			})
			id := g.client("manager", api.ScopeClientCreate).ClientID
			who = authority.Principal{Name: "client:" + id, Scopes: api.Scopes(), ClientID: id}
			g.send("POST", api.PathClients, clientBody("before", api.ScopeAgentView), "Authorization", "Bearer manager").is(201)
			end(g, id)
			g.send("POST", api.PathClients, clientBody("after", api.ScopeAgentView), "Authorization", "Bearer manager").code(401, api.CodeUnauthorized)
			for _, c := range g.clients() {
				if c.Name == "after" {
					t.Error("it made a client")
				}
			}
		})
	}
}
