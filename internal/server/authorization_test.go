package server_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// publicKey is that of RFC 8037 A.2.
const publicKey = `{"jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}`

const subject = `{"subject":{"sanDns":"bot.example"}}`

const (
	newID    = "11111111-2222-4333-8444-555555555555"
	strong   = "Correct-Horse-7"
	stronger = "Another-Horse-8"
)

// samples is a request for every route, in its simplest form: with the scope of
// the route alone it must succeed with that status. {id} and {secretId} stand
// for an agent and its secret, {kid} and {serial} for its key and its certificate,
// {clientId} for a client with the scope of the route.
var samples = map[string]struct {
	body   string
	status int
}{
	"POST /scim2/Agents":               {`{}`, 201},
	"GET /scim2/Agents":                {``, 200},
	"POST /scim2/Agents/.search":       {`{}`, 200},
	"GET /scim2/Agents/{id}":           {``, 200},
	"PUT /scim2/Agents/{id}":           {`{"userName":"AGENT/{id}"}`, 200},
	"PATCH /scim2/Agents/{id}":         {`{"Operations":[{"op":"replace","path":"active","value":true}]}`, 200},
	"DELETE /scim2/Agents/{id}":        {``, 204},
	"GET /scim2/Schemas":               {``, 200},
	"GET /scim2/Schemas/{id}":          {``, 501}, // the id is an agent's
	"GET /scim2/ResourceTypes":         {``, 200},
	"GET /scim2/ResourceTypes/{id}":    {``, 404}, // the id is an agent's
	"GET /scim2/ServiceProviderConfig": {``, 200},

	"POST /scim2/v2/Roles":                 {`{"displayName":"new","users":[{"value":"{id}"}]}`, 201},
	"GET /scim2/v2/Roles":                  {``, 200},
	"POST /scim2/v2/Roles/.search":         {`{}`, 200},
	"GET /scim2/v2/Roles/{roleId}":         {``, 200},
	"PUT /scim2/v2/Roles/{roleId}":         {`{"displayName":"new"}`, 200},
	"PATCH /scim2/v2/Roles/{roleId}":       {`{"Operations":[{"op":"remove","path":"users"}]}`, 200},
	"DELETE /scim2/v2/Roles/{roleId}":      {``, 204},
	"POST /scim2/v3/Roles":                 {`{"displayName":"new"}`, 201},
	"GET /scim2/v3/Roles":                  {``, 200},
	"POST /scim2/v3/Roles/.search":         {`{}`, 200},
	"GET /scim2/v3/Roles/{roleId}":         {``, 200},
	"PUT /scim2/v3/Roles/{roleId}":         {`{"displayName":"new"}`, 200},
	"PATCH /scim2/v3/Roles/{roleId}":       {`{"Operations":[{"op":"replace","path":"displayName","value":"new"}]}`, 200},
	"DELETE /scim2/v3/Roles/{roleId}":      {``, 204},
	"PUT /scim2/v3/Roles/{roleId}/Users":   {`[]`, 200},
	"PATCH /scim2/v3/Roles/{roleId}/Users": {`{"Operations":[{"op":"add","value":[{"value":"{id}"}]}]}`, 200},

	"POST /api/server/v1/agents/{id}/secrets":                 {`{}`, 201},
	"GET /api/server/v1/agents/{id}/secrets":                  {``, 200},
	"PUT /api/server/v1/agents/{id}/secrets/{secretId}":       {`{"secretValue":"` + strong + `"}`, 200}, // the same again
	"GET /api/server/v1/agents/{id}/secrets/{secretId}":       {``, 200},
	"PATCH /api/server/v1/agents/{id}/secrets/{secretId}":     {`{"expiresAt":4000000000}`, 200},
	"DELETE /api/server/v1/agents/{id}/secrets/{secretId}":    {``, 204},
	"POST /api/server/v1/agents/{id}/keys":                    {`{"jwk":{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}`, 201},
	"GET /api/server/v1/agents/{id}/keys":                     {``, 200},
	"PUT /api/server/v1/agents/{id}/keys/{kid}":               {publicKey, 200}, // the same again
	"GET /api/server/v1/agents/{id}/keys/{kid}":               {``, 200},
	"PATCH /api/server/v1/agents/{id}/keys/{kid}":             {`{"expiresAt":4000000000}`, 200},
	"DELETE /api/server/v1/agents/{id}/keys/{kid}":            {``, 204},
	"POST /api/server/v1/agents/{id}/certificates":            {`{"subject":{"sanDns":"other.example"}}`, 201},
	"GET /api/server/v1/agents/{id}/certificates":             {``, 200},
	"PUT /api/server/v1/agents/{id}/certificates/{serial}":    {subject, 200}, // the same again
	"GET /api/server/v1/agents/{id}/certificates/{serial}":    {``, 200},
	"PATCH /api/server/v1/agents/{id}/certificates/{serial}":  {`{"expiresAt":4000000000}`, 200},
	"DELETE /api/server/v1/agents/{id}/certificates/{serial}": {``, 204},
	"GET /crl":                               {``, 409}, // there is no CA
	"POST /api/server/v1/agents/{id}/revoke": {``, 200},

	"POST /api/server/v1/clients":                        {`{"name":"new","scopes":["` + api.ScopeClientCreate + `"]}`, 201},
	"GET /api/server/v1/clients":                         {``, 200},
	"POST /api/server/v1/clients/{clientId}/secrets":     {`{}`, 201},
	"POST /api/server/v1/clients/{clientId}/credentials": {`{"subject":{"sanDns":"tf.example"}}`, 201},
	"DELETE /api/server/v1/clients/{clientId}":           {``, 204},

	"GET /api/server/v1/audit/events":     {``, 200},
	"GET /api/server/v1/audit/checkpoint": {``, 200},

	"GET /healthz": {``, 200},
	"GET /readyz":  {``, 200},
}

// scopes are all there are.
var scopes = api.Scopes()

// TestAuthorizationMatrix asks for every route as nobody, as somebody unknown,
// with every scope but the right one, and with the right one alone.
func TestAuthorizationMatrix(t *testing.T) {
	seen := map[string]bool{}
	for _, route := range server.Routes() {
		name := route.Method + " " + route.Pattern
		sample, ok := samples[name]
		if seen[name] = true; !ok {
			t.Errorf("the route %s has no sample: who may use it is not tested", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			id := g.bare("bot")
			g.send("PUT", service+id+"/secrets/"+newID, `{"secretValue":"`+strong+`"}`).is(201)
			g.send("PUT", service+id+"/keys/"+newID, publicKey).is(201)
			g.send("PUT", service+id+"/certificates/"+newID, subject).is(201)
			fill := strings.NewReplacer("{id}", id, "{secretId}", newID, "{kid}", newID, "{serial}", newID, "{clientId}", g.managed(route), "{roleId}", g.givenRole(route, id))
			ask := func(authorization string) answer {
				return g.send(route.Method, fill.Replace(route.Pattern), fill.Replace(sample.body), "Authorization", authorization)
			}
			if route.Open {
				ask("").is(sample.status)
				return
			}
			others := slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == route.Scope })
			for _, tt := range []struct{ name, authorization string }{
				{"nobody", ""}, {"unknown", "Bearer nonsense"}, {"basic", "Basic YW5uOio="}, {"empty", "Bearer "},
			} {
				a := ask(tt.authorization).is(401)
				if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%s as %s: no WWW-Authenticate", name, tt.name)
				}
			}
			if route.Scope != "" {
				if a := ask("Bearer eve:" + strings.Join(others, " ")).is(403); !strings.Contains(a.body, route.Scope) {
					t.Errorf("%s without its scope does not name it: %s", name, a.body)
				}
				ask("Bearer eve:").is(403)
			}
			ask("Bearer eve:" + route.Scope).is(sample.status)
		})
	}
	for name := range samples {
		if !seen[name] {
			t.Errorf("there is a sample for %s, and no such route", name)
		}
	}
}

// TestRefusedChangesNothing: who may not delete an agent, or change it, does
// not.
func TestRefusedChangesNothing(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	role := g.role("reader", id)
	before := g.send("GET", agents+"/"+id, "").body
	for _, route := range server.Routes() {
		if route.Open || route.Method == "GET" {
			continue
		}
		name := route.Method + " " + route.Pattern
		fill := strings.NewReplacer("{id}", id, "{secretId}", newID, "{kid}", newID, "{serial}", newID, "{roleId}", role)
		g.send(route.Method, fill.Replace(route.Pattern), fill.Replace(samples[name].body), "Authorization", "Bearer eve:").is(403)
	}
	if after := g.send("GET", agents+"/"+id, "").body; after != before {
		t.Errorf("the agent changed from\n%s\nto\n%s", before, after)
	}
	if total := g.send("GET", agents, "").json()["totalResults"]; total != 1.0 {
		t.Errorf("there are %v agents, want 1", total)
	}
}

// TestFurtherScopes: what a request asks for beside its route.
func TestFurtherScopes(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	role := g.role("reader", id)
	secrets := "?attributes=" + api.AttrSecrets
	for _, tt := range []struct {
		name, method, target, body string
		has, needs                 string
	}{
		{"password in POST", "POST", agents, `{"password":"` + strong + `"}`, api.ScopeAgentCreate, api.ScopeCredentialCreate},
		{"password in PUT", "PUT", agents + "/" + id, `{"userName":"AGENT/` + id + `","password":"` + strong + `"}`, api.ScopeAgentUpdate, api.ScopeCredentialCreate},
		{"password in PATCH", "PATCH", agents + "/" + id, `{"Operations":[{"op":"replace","value":{"password":"` + strong + `"}}]}`, api.ScopeAgentUpdate, api.ScopeCredentialCreate},
		{"users in POST of a role", "POST", api.PathRolesV3, `{"displayName":"a","users":[]}`, api.ScopeRoleMetaCreate, api.ScopeRoleUsersUpdate},
		{"users in PUT of a role", "PUT", api.PathRolesV3 + "/" + role, `{"displayName":"a","users":[]}`, api.ScopeRoleMetaUpdate, api.ScopeRoleUsersUpdate},
		{"users in PATCH of a role", "PATCH", api.PathRolesV3 + "/" + role, `{"Operations":[{"op":"remove","path":"users"}]}`, api.ScopeRoleMetaUpdate, api.ScopeRoleUsersUpdate},
		{"secrets in GET", "GET", agents + "/" + id + secrets, ``, api.ScopeAgentView, api.ScopeCredentialView},
		{"secrets in a list", "GET", agents + secrets, ``, api.ScopeAgentList, api.ScopeCredentialView},
		{"secrets in a search", "POST", agents + "/.search", `{"attributes":["` + api.AttrSecrets + `"]}`, api.ScopeAgentList, api.ScopeCredentialView},
		{"keys in GET", "GET", agents + "/" + id + "?attributes=" + api.AttrKeys, ``, api.ScopeAgentView, api.ScopeCredentialView},
		{"certificates in a list", "GET", agents + "?attributes=" + api.AttrCertificates, ``, api.ScopeAgentList, api.ScopeCredentialView},
		{"secrets in the answer to a POST", "POST", agents + secrets, `{}`, api.ScopeAgentCreate, api.ScopeCredentialView},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := g.in(t)
			total := g.send("GET", agents, "").json()["totalResults"]
			a := g.send(tt.method, tt.target, tt.body, "Authorization", "Bearer eve:"+tt.has).is(403)
			if !strings.Contains(a.body, tt.needs) {
				t.Errorf("the scope %s is not named: %s", tt.needs, a.body)
			}
			if now := g.send("GET", agents, "").json()["totalResults"]; now != total {
				t.Errorf("a refused request made an agent")
			}
			g.send(tt.method, tt.target, tt.body, "Authorization", "Bearer eve:"+tt.has+" "+tt.needs)
		})
	}
}

// TestAuthorizeFails: what Authorize reports decides what is answered, and a
// server without one refuses everybody.
func TestAuthorizeFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		status int
	}{
		{"unknown", errors.New("the token of bob expired yesterday"), 401},
		{"of the wire", &api.Error{Status: 429, Message: "Slowly."}, 429},
		{"of the store", authority.ErrBusy, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, func(c *server.Config) {
				c.Authorize = func(*http.Request) (authority.Principal, error) { return authority.Principal{}, tt.err }
			})
			if a := g.send("GET", agents, "").is(tt.status); strings.Contains(a.body, "bob") {
				t.Errorf("the reason is told: %s", a.body)
			}
		})
	}
	g := newRig(t, func(c *server.Config) { c.Authorize = nil })
	g.send("GET", agents, "").scimError(401, "", "Authentication required")
}
