package server_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// step is a request to a route and the entry that it must leave: {id} is an
// agent, {secretId} its secret, {clientId} a client, {other} an agent that is not there.
type step struct {
	target string // "" is the route's own, with {id} and {secretId}
	body   string
	status int

	action audit.Action // "" when it leaves none
	secret string       // the Target of the entry: a secret, a client, or a role
	agent  string       // who it is about, where the path names none
	reason string       // a part of it, for a refusal
	detail string       // a key that its detail must have
}

const (
	putName = `{"userName":"AGENT/{id}","` + schemaAgent + `":{"DisplayName":"new"}}`

	otherKey     = `{"jwk":{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}`
	otherSubject = `{"subject":{"sanDns":"other.example"}}`

	schemaAgent = "urn:scim:wso2:agent:schema"
	other       = "99999999-2222-4333-8444-555555555555"
)

// trails are the acts and refusals of each route that needs a scope (S10). The
// first of a route that leaves an entry is also asked for without the scope.
var trails = map[string][]step{
	"POST /scim2/Agents": {
		{body: `{"externalId":"new"}`, status: 201, action: audit.AgentCreate},
		{body: `{"externalId":"taken"}`, status: 409, action: audit.AgentCreate, reason: "taken"},
		{body: `{"password":"x"}`, status: 400, action: audit.AgentCreate, reason: "secret"},
		{body: `{"nosuch":1}`, status: 400},
	},
	"GET /scim2/Agents":          {{status: 200}},
	"POST /scim2/Agents/.search": {{body: `{}`, status: 200}},
	"GET /scim2/Agents/{id}":     {{status: 200}, {target: agents + "/" + other, status: 404}},
	"PUT /scim2/Agents/{id}": {
		{body: putName, status: 200, action: audit.AgentUpdate, detail: "changed"},
		{body: putName, status: 200}, // the same again
		{target: agents + "/" + other, body: strings.ReplaceAll(putName, "{id}", other), status: 404, action: audit.AgentUpdate, reason: "no agent"},
	},
	"PATCH /scim2/Agents/{id}": {
		{body: `{"Operations":[{"op":"replace","path":"active","value":false}]}`, status: 200, action: audit.AgentBlock, detail: "changed"},
		{body: `{"Operations":[{"op":"replace","path":"active","value":false}]}`, status: 200},
		{body: `{"Operations":[{"op":"replace","path":"active","value":true}]}`, status: 200, action: audit.AgentUnblock, detail: "changed"},
		{body: `{"Operations":[{"op":"replace","path":"password","value":"` + stronger + `"}]}`, status: 200, action: audit.SecretReset, detail: "revoked:{secretId}"},
		{body: `{"Operations":[{"op":"replace","path":"password","value":"weak"}]}`, status: 400, action: audit.SecretReset, reason: "secret"},
		{body: `{"Operations":[]}`, status: 400},
		{target: agents + "/" + other, body: `{"Operations":[{"op":"replace","path":"active","value":true}]}`, status: 404, action: audit.AgentUpdate, reason: "no agent"},
	},
	"DELETE /scim2/Agents/{id}": {
		{status: 204, action: audit.AgentDelete},
		{status: 404, action: audit.AgentDelete, reason: "no agent"},
	},
	"POST /scim2/v2/Roles": {
		{body: `{"displayName":"new","permissions":[{"value":"a"}]}`, status: 201, action: audit.RoleCreate, secret: "*", detail: "scopes"},
		{body: `{"displayName":"taken"}`, status: 409, action: audit.RoleCreate, reason: "taken"},
		{body: `{"displayName":"x","permissions":[{"value":"internal_x"}]}`, status: 400, action: audit.RoleCreate, reason: "internal_x"},
		{body: `{"displayName":"x","users":[{"value":"` + other + `"}]}`, status: 400, action: audit.RoleCreate, reason: "no agent"},
		{body: `{}`, status: 400},
	},
	"GET /scim2/v2/Roles":          {{status: 200}},
	"POST /scim2/v2/Roles/.search": {{body: `{}`, status: 200}},
	"GET /scim2/v2/Roles/{roleId}": {{status: 200}, {target: api.PathRoles + "/" + other, status: 404}},
	"PUT /scim2/v2/Roles/{roleId}": {
		{body: `{"displayName":"new","users":[{"value":"{id}"}]}`, status: 200, action: audit.RoleUpdate, secret: "{roleId}", detail: "changed"},
		{body: `{"displayName":"new","users":[{"value":"{id}"}]}`, status: 200}, // the same again
		{body: `{"displayName":"new"}`, status: 200, action: audit.RoleUnassign, agent: "{id}", secret: "{roleId}", detail: "role"},
		{target: api.PathRoles + "/" + other, body: `{"displayName":"new"}`, status: 404, action: audit.RoleUpdate, secret: other, reason: "no role"},
	},
	"PATCH /scim2/v2/Roles/{roleId}": {
		{body: `{"Operations":[{"op":"replace","path":"displayName","value":"new"}]}`, status: 200, action: audit.RoleUpdate, secret: "{roleId}", detail: "changed"},
		{body: `{"Operations":[{"op":"add","path":"users","value":[{"value":"{id}"}]}]}`, status: 200}, // it has it
		{body: `{"Operations":[{"op":"remove","path":"users[value eq {id}]"}]}`, status: 200, action: audit.RoleUnassign, agent: "{id}", secret: "{roleId}", detail: "role"},
		{body: `{"Operations":[{"op":"add","path":"users","value":[{"value":"{id}"}]}]}`, status: 200, action: audit.RoleAssign, agent: "{id}", secret: "{roleId}", detail: "role"},
		{body: `{"Operations":[{"op":"add","path":"users","value":[{"value":"` + other + `"}]}]}`, status: 400, action: audit.RoleAssign, agent: other, secret: "{roleId}", reason: "no agent"},
		{body: `{"Operations":[]}`, status: 400},
	},
	"DELETE /scim2/v2/Roles/{roleId}": {
		{target: api.PathRoles + "/{bareRole}", status: 204, action: audit.RoleDelete, secret: "{bareRole}", detail: "name"},
		{target: api.PathRoles + "/" + other, status: 404, action: audit.RoleDelete, secret: other, reason: "no role"},
	},
	"POST /scim2/v3/Roles": {
		{body: `{"displayName":"new"}`, status: 201, action: audit.RoleCreate, secret: "*", detail: "name"},
		{body: `{"displayName":"taken"}`, status: 409, action: audit.RoleCreate, reason: "taken"},
	},
	"GET /scim2/v3/Roles":          {{status: 200}},
	"POST /scim2/v3/Roles/.search": {{body: `{}`, status: 200}},
	"GET /scim2/v3/Roles/{roleId}": {{status: 200}, {target: api.PathRolesV3 + "/" + other, status: 404}},
	"PUT /scim2/v3/Roles/{roleId}": {
		{body: `{"displayName":"new"}`, status: 200, action: audit.RoleUpdate, secret: "{roleId}", detail: "changed"},
		{body: `{"displayName":"new"}`, status: 200}, // its members stay
		{body: `{"displayName":"taken"}`, status: 409, action: audit.RoleUpdate, secret: "{roleId}", reason: "taken"},
	},
	"PATCH /scim2/v3/Roles/{roleId}": {
		{body: `{"Operations":[{"op":"add","value":{"permissions":[{"value":"b"}]}}]}`, status: 200, action: audit.RoleUpdate, secret: "{roleId}", detail: "scopes"},
		{body: `{"Operations":[{"op":"add","path":"permissions","value":{"value":"b"}}]}`, status: 200},
		{body: `{"Operations":[{"op":"add","path":"nosuch","value":"b"}]}`, status: 400},
	},
	"DELETE /scim2/v3/Roles/{roleId}": {
		{target: api.PathRolesV3 + "/{bareRole}", status: 204, action: audit.RoleDelete, secret: "{bareRole}", detail: "name"},
		{target: api.PathRolesV3 + "/{bareRole}", status: 404, action: audit.RoleDelete, secret: "{bareRole}", reason: "no role"},
	},
	"PUT /scim2/v3/Roles/{roleId}/Users": {
		{body: `[]`, status: 200, action: audit.RoleUnassign, agent: "{id}", secret: "{roleId}", detail: "role"},
		{body: `[]`, status: 200},
		{body: `[{"value":"{id}"}]`, status: 200, action: audit.RoleAssign, agent: "{id}", secret: "{roleId}", detail: "role"},
		{body: `[{"value":""}]`, status: 400},
	},
	"PATCH /scim2/v3/Roles/{roleId}/Users": {
		{body: `{"Operations":[{"op":"remove","path":"value eq {id}"}]}`, status: 200, action: audit.RoleUnassign, agent: "{id}", secret: "{roleId}", detail: "role"},
		{body: `{"Operations":[{"op":"remove","path":"value eq {id}"}]}`, status: 200},
		{body: `{"Operations":[{"op":"add","value":[{"value":"{id}"}]}]}`, status: 200, action: audit.RoleAssign, agent: "{id}", secret: "{roleId}", detail: "role"},
		{target: api.PathRolesV3 + "/" + other + "/Users", body: `{"Operations":[{"op":"add","value":[{"value":"{id}"}]}]}`, status: 404, action: audit.RoleUpdate, secret: other, reason: "no role"},
	},
	"POST /api/server/v1/agents/{id}/secrets": {
		{body: `{}`, status: 201, action: audit.SecretCreate, secret: "*"},
		{body: `{}`, status: 409, action: audit.SecretCreate, reason: "live secrets"},
		{body: `{"expiresAt":"soon"}`, status: 400},
	},
	"GET /api/server/v1/agents/{id}/secrets": {{status: 200}, {target: service + other + "/secrets", status: 404}},
	"PUT /api/server/v1/agents/{id}/secrets/{secretId}": {
		{target: service + "{id}/secrets/" + other, body: `{"secretValue":"` + stronger + `"}`, status: 201, action: audit.SecretCreate, secret: other},
		{body: `{"secretValue":"` + strong + `"}`, status: 200}, // the same again
		{body: `{"secretValue":"` + stronger + `"}`, status: 409, action: audit.SecretCreate, secret: newID, reason: "another secret"},
	},
	"GET /api/server/v1/agents/{id}/secrets/{secretId}": {{status: 200}},
	"PATCH /api/server/v1/agents/{id}/secrets/{secretId}": {
		{body: `{"expiresAt":4000000000}`, status: 200, action: audit.SecretExpire, secret: newID, detail: "expires"},
		{body: `{"expiresAt":4000000000}`, status: 200},
		{target: service + "{id}/secrets/" + other, body: `{"expiresAt":4000000000}`, status: 404, action: audit.SecretExpire, secret: other, reason: "no secret"},
	},
	"DELETE /api/server/v1/agents/{id}/secrets/{secretId}": {
		{status: 204, action: audit.SecretRevoke, secret: newID},
		{target: service + "{id}/secrets/" + other, status: 404, action: audit.SecretRevoke, secret: other, reason: "no secret"},
	},
	"POST /api/server/v1/agents/{id}/keys": {
		{body: otherKey, status: 201, action: audit.PublicKeyCreate, secret: "*"},
		{body: otherKey, status: 200}, // the same again
		{body: `{"jwk":{"kty":"oct","k":"AA"}}`, status: 400, action: audit.PublicKeyCreate, reason: "symmetric"},
		{body: `{"expiresAt":"soon"}`, status: 400},
	},
	"GET /api/server/v1/agents/{id}/keys": {{status: 200}, {target: service + other + "/keys", status: 404}},
	"PUT /api/server/v1/agents/{id}/keys/{kid}": {
		{target: service + "{id}/keys/" + other, body: otherKey, status: 201, action: audit.PublicKeyCreate, secret: other},
		{body: publicKey, status: 200}, // the same again
		{body: otherKey, status: 409, action: audit.PublicKeyCreate, secret: newID, reason: "another key"},
	},
	"GET /api/server/v1/agents/{id}/keys/{kid}": {{status: 200}},
	"PATCH /api/server/v1/agents/{id}/keys/{kid}": {
		{body: `{"expiresAt":4000000000}`, status: 200, action: audit.PublicKeyExpire, secret: newID, detail: "expires"},
		{body: `{"expiresAt":4000000000}`, status: 200},
		{target: service + "{id}/keys/" + other, body: `{"expiresAt":4000000000}`, status: 404, action: audit.PublicKeyExpire, secret: other, reason: "no key"},
	},
	"DELETE /api/server/v1/agents/{id}/keys/{kid}": {
		{status: 204, action: audit.PublicKeyRevoke, secret: newID},
		{target: service + "{id}/keys/" + other, status: 404, action: audit.PublicKeyRevoke, secret: other, reason: "no key"},
	},
	"POST /api/server/v1/agents/{id}/certificates": {
		{body: otherSubject, status: 201, action: audit.CertificateCreate, secret: "*", detail: "dns"},
		{body: otherSubject, status: 200}, // the same again
		{body: `{"subject":{"sanDns":"*.example"}}`, status: 400, action: audit.CertificateCreate, reason: "wildcards"},
		{body: `{"expiresAt":"soon"}`, status: 400},
	},
	"GET /api/server/v1/agents/{id}/certificates": {{status: 200}, {target: service + other + "/certificates", status: 404}},
	"PUT /api/server/v1/agents/{id}/certificates/{serial}": {
		{target: service + "{id}/certificates/" + other, body: otherSubject, status: 201, action: audit.CertificateCreate, secret: other},
		{body: subject, status: 200}, // the same again
		{body: otherSubject, status: 409, action: audit.CertificateCreate, secret: newID, reason: "another certificate"},
	},
	"GET /api/server/v1/agents/{id}/certificates/{serial}": {{status: 200}},
	"PATCH /api/server/v1/agents/{id}/certificates/{serial}": {
		{body: `{"expiresAt":4000000000}`, status: 200, action: audit.CertificateExpire, secret: newID, detail: "expires"},
		{body: `{"expiresAt":4000000000}`, status: 200},
		{target: service + "{id}/certificates/" + other, body: `{"expiresAt":4000000000}`, status: 404, action: audit.CertificateExpire, secret: other, reason: "no certificate"},
	},
	"DELETE /api/server/v1/agents/{id}/certificates/{serial}": {
		{status: 204, action: audit.CertificateRevoke, secret: newID},
		{target: service + "{id}/certificates/" + other, status: 404, action: audit.CertificateRevoke, secret: other, reason: "no certificate"},
	},
	"POST /api/server/v1/agents/{id}/revoke": {
		{status: 200, action: audit.AgentRevoke},
		{target: service + other + "/revoke", status: 404, action: audit.AgentRevoke, reason: "no agent"},
	},
	"POST /api/server/v1/clients": {
		{body: clientBody("new", api.ScopeClientCreate), status: 201, action: audit.ClientCreate, detail: "scopes"},
		{body: clientBody("taken", api.ScopeClientCreate), status: 409, action: audit.ClientCreate, reason: "taken"},
		{body: clientBody("more", api.ScopeAuditView), status: 403, action: audit.ClientCreate, reason: "more than the caller has"},
		{body: clientBody("", api.ScopeClientCreate), status: 400, action: audit.ClientCreate, reason: "name"},
		{body: clientBody("other", "*"), status: 400},
	},
	"GET /api/server/v1/clients": {{status: 200}},
	"POST /api/server/v1/clients/{clientId}/secrets": {
		{body: `{}`, status: 201, action: audit.ClientRotate, secret: "{clientId}", detail: "secret"},
		{body: `{"graceSeconds":-1}`, status: 400},
		{target: api.PathClientSecrets(other), body: `{}`, status: 404, action: audit.ClientRotate, secret: other, reason: "no management client"},
	},
	"POST /api/server/v1/clients/{clientId}/credentials": {
		{body: `{"subject":{"sanDns":"tf.example"}}`, status: 201, action: audit.ClientRotate, secret: "{clientId}", detail: "dns"},
		{body: `{"secret":true,"endCertificates":true}`, status: 201, action: audit.ClientRotate, secret: "{clientId}", detail: "ends"},
		{body: `{"endSecrets":true}`, status: 400, action: audit.ClientRotate, secret: "{clientId}", reason: "nothing left to sign in with"},
		{body: `{}`, status: 400, action: audit.ClientRotate, secret: "{clientId}", reason: "nothing is asked for"},
		{body: `{"publicKeyPem":"x"}`, status: 400, action: audit.ClientRotate, secret: "{clientId}", reason: "not pem"},
		{body: `{"graceSeconds":-1}`, status: 400},
		{target: api.PathClientProofs(other), body: `{"secret":true}`, status: 404, action: audit.ClientRotate, secret: other, reason: "no management client"},
	},
	"DELETE /api/server/v1/clients/{clientId}": {
		{status: 204, action: audit.ClientDelete, secret: "{clientId}", detail: "name"},
		{status: 404, action: audit.ClientDelete, secret: "{clientId}", reason: "no management client"},
	},
	"GET /api/server/v1/audit/events":     {{status: 200}},
	"GET /api/server/v1/audit/checkpoint": {{status: 200}},
}

// denials are what the refusal for want of a scope names where it is not the
// first act of the route: nothing else of what is read is entered, and what a
// PATCH would do was not looked at.
var denials = map[string]audit.Action{
	"GET /scim2/Agents": audit.AgentView, "POST /scim2/Agents/.search": audit.AgentView, "GET /scim2/Agents/{id}": audit.AgentView,
	"GET /api/server/v1/agents/{id}/secrets": audit.SecretView, "GET /api/server/v1/agents/{id}/secrets/{secretId}": audit.SecretView,
	"GET /api/server/v1/agents/{id}/keys": audit.PublicKeyView, "GET /api/server/v1/agents/{id}/keys/{kid}": audit.PublicKeyView,
	"GET /api/server/v1/agents/{id}/certificates": audit.CertificateView, "GET /api/server/v1/agents/{id}/certificates/{serial}": audit.CertificateView,
	"PATCH /scim2/Agents/{id}": audit.AgentUpdate,
	"GET /scim2/v2/Roles":      audit.RoleView, "POST /scim2/v2/Roles/.search": audit.RoleView, "GET /scim2/v2/Roles/{roleId}": audit.RoleView,
	"GET /scim2/v3/Roles": audit.RoleView, "POST /scim2/v3/Roles/.search": audit.RoleView, "GET /scim2/v3/Roles/{roleId}": audit.RoleView,
	"PUT /scim2/v3/Roles/{roleId}/Users": audit.RoleAssign, "PATCH /scim2/v3/Roles/{roleId}/Users": audit.RoleAssign,
	"GET /api/server/v1/clients":      audit.ClientView,
	"GET /api/server/v1/audit/events": audit.AuditView, "GET /api/server/v1/audit/checkpoint": audit.AuditView,
}

// ofCredential reports whether a path names a secret, a key or a certificate.
func ofCredential(pattern string) bool {
	return strings.HasSuffix(pattern, "/{secretId}") || strings.HasSuffix(pattern, "/{kid}") || strings.HasSuffix(pattern, "/{serial}")
}

// entered are the entries that a request leaves.
func (g *rig) entered(request func()) []api.AuditEvent {
	g.t.Helper()
	head := decodeAs[api.AuditCheckpoint](g.send("GET", checkpoint, "").is(200)).Seq
	request()
	return decodeAs[api.AuditPage](g.send("GET", events+"?"+api.AuditQuery{After: head}.Values().Encode(), "").is(200)).Events
}

// TestTrailOfEachRoute goes through the route table: each act and each refusal
// by a rule leaves one entry that says who, what, to whom, with which result
// and why; what is read, what changes nothing and what nobody understands
// leaves none. Who is known and lacks the scope leaves one; who is not known
// cannot fill a disk.
func TestTrailOfEachRoute(t *testing.T) {
	seen := map[string]bool{}
	for _, route := range server.Routes() {
		name := route.Method + " " + route.Pattern
		steps, ok := trails[name]
		seen[name] = true
		if ok == (route.Scope == "") {
			t.Errorf("the route %s with the scope %q has %d lines in the table of what it leaves in the audit", name, route.Scope, len(steps))
			continue
		}
		if !ok {
			continue // anybody who is known may
		}
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			g.send("POST", agents, `{"externalId":"taken"}`).is(201)
			id := g.bare("bot")
			g.send("PUT", service+id+"/secrets/"+newID, `{"secretValue":"`+strong+`"}`).is(201)
			g.send("PUT", service+id+"/keys/"+newID, publicKey).is(201)
			g.send("PUT", service+id+"/certificates/"+newID, subject).is(201)
			fill := strings.NewReplacer("{id}", id, "{secretId}", newID, "{kid}", newID, "{serial}", newID, "{clientId}", g.managed(route),
				"{roleId}", g.givenRole(route, id), "{bareRole}", g.takenRole(route))
			ask := func(s step, authorization string) answer {
				return g.send(route.Method, fill.Replace(cmp.Or(s.target, route.Pattern)), fill.Replace(s.body), "Authorization", authorization)
			}
			for _, s := range append(steps[:1:1], step{body: "nonsense"}) {
				for _, authorization := range []string{"", "Bearer nonsense"} {
					if left := g.entered(func() { ask(s, authorization).is(401) }); len(left) > 0 {
						t.Errorf("who is not known leaves %+v", left)
					}
				}
				left := g.entered(func() { ask(s, "Bearer eve:other_scope").is(403) })
				want := cmp.Or(denials[name], firstAction(steps))
				if len(left) != 1 || left[0].Actor != "eve" || left[0].Action != string(want) || left[0].Outcome != "refused" || !strings.Contains(left[0].Reason, route.Scope) {
					t.Errorf("without the scope it leaves %+v, want the refusal of %s to eve", left, want)
				}
				if strings.Contains(route.Pattern, "{id}") && len(left) == 1 && (left[0].AgentID != id && s.target == "" || ofCredential(route.Pattern) == (left[0].Target == "")) {
					t.Errorf("without the scope the entry is about %q %q", left[0].AgentID, left[0].Target)
				}
			}
			for n, s := range steps {
				var a answer
				left := g.entered(func() {
					a = ask(s, "Bearer eve:"+route.Scope+" "+api.ScopeCredentialCreate).is(s.status)
				})
				if s.action == "" {
					if len(left) > 0 {
						t.Errorf("request %d leaves %+v, want nothing", n, left)
					}
					continue
				}
				if len(left) != 1 {
					t.Errorf("request %d leaves %d entries, want one: %+v", n, len(left), left)
					continue
				}
				e, outcome := left[0], map[bool]string{true: "refused", false: "done"}[s.status >= 400]
				agent := id
				switch {
				case strings.HasPrefix(route.Pattern, api.PathClients):
					agent = ""
				case strings.Contains(route.Pattern, "/Roles"):
					agent = fill.Replace(s.agent)
				case strings.Contains(s.target, other) && !strings.Contains(s.target, "{id}"):
					agent = other
				case route.Pattern == agents && s.status == 201:
					agent, _ = a.json()["id"].(string)
				case route.Pattern == agents:
					agent = e.AgentID // there is none: it may have been given an id
				}
				if e.Actor != "eve" || e.Action != string(s.action) || e.Outcome != outcome || e.AgentID != agent || e.Time.IsZero() {
					t.Errorf("request %d leaves %+v; want %s of %s by eve, %s", n, e, s.action, agent, outcome)
				}
				if s.secret == "*" && e.Target == "" || s.secret != "*" && s.secret != "" && e.Target != fill.Replace(s.secret) {
					t.Errorf("request %d names the credential %q, want %q", n, e.Target, s.secret)
				}
				if (outcome == "refused") != (e.Reason != "") || !strings.Contains(strings.ToLower(e.Reason), s.reason) {
					t.Errorf("request %d gives the reason %q, want %q in it", n, e.Reason, s.reason)
				}
				if _, has := e.Detail[fill.Replace(s.detail)]; s.detail != "" && !has {
					t.Errorf("request %d has the detail %v, want %s in it", n, e.Detail, s.detail)
				}
			}
		})
	}
	for name := range trails {
		if !seen[name] {
			t.Errorf("there is a line for %s, and no such route", name)
		}
	}
}

// firstAction is what the route does, as the audit names it.
func firstAction(steps []step) audit.Action {
	for _, s := range steps {
		if s.action != "" {
			return s.action
		}
	}
	return ""
}

// What a request needs beside the scope of its route is refused as visibly.
func TestTrailOfFurtherScopes(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	for _, tt := range []struct{ method, target, body, has, action string }{
		{"PATCH", agents + "/" + id, `{"Operations":[{"op":"replace","value":{"password":"` + strong + `"}}]}`, api.ScopeAgentUpdate, "agent.update"},
		{"GET", agents + "/" + id + "?attributes=" + api.AttrSecrets, ``, api.ScopeAgentView, "agent.view"},
	} {
		left := g.entered(func() { g.send(tt.method, tt.target, tt.body, "Authorization", "Bearer eve:"+tt.has).is(403) })
		if len(left) != 1 || left[0].Actor != "eve" || left[0].Action != tt.action || left[0].AgentID != id || !strings.Contains(left[0].Reason, "internal_agent_credential_") {
			t.Errorf("%s leaves %+v", tt.method, left)
		}
	}
	// An id that cannot be one is not taken into the audit.
	left := g.entered(func() {
		g.send("DELETE", agents+"/"+strings.Repeat("%1b", 36), "", "Authorization", "Bearer eve:").is(403)
	})
	if len(left) != 1 || left[0].AgentID != "" {
		t.Errorf("a path that is no id leaves %+v", left)
	}
}
