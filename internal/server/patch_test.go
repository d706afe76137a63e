package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// patches are the forms in which clients say what to change, those that are
// known of WSO2's console, documentation and tests first.
var patches = []struct {
	name string
	body string // of the Operations, without the brackets
	want func(*api.Agent)
}{
	{"console locks", `{"op":"replace","value":{"urn:scim:wso2:schema":{"accountLocked":true}}}`,
		func(a *api.Agent) { a.System.AccountLocked = new(api.Bool(true)) }},
	{"documentation deactivates", `{"op":"replace","path":"active","value":false}`,
		func(a *api.Agent) { a.Active = new(false) }},
	{"documentation describes", `{"op":"replace","path":"urn:scim:wso2:agent:schema:Description","value":"AI assistant specializing in …"}`,
		func(a *api.Agent) { a.Profile.Description = "AI assistant specializing in …" }},
	{"a dot before the name", `{"op":"replace","path":"urn:scim:wso2:agent:schema.Description","value":"d"}`,
		func(a *api.Agent) { a.Profile.Description = "d" }},
	{"letter case", `{"op":"Replace","path":"URN:SCIM:WSO2:agent:schema:description","value":"d"}`,
		func(a *api.Agent) { a.Profile.Description = "d" }},
	{"add where something is", `{"op":"ADD","path":"urn:scim:wso2:agent:schema:Owner","value":"new"}`,
		func(a *api.Agent) { a.Profile.Owner = "new" }},
	{"core path with its URN", `{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:active","value":false}`,
		func(a *api.Agent) { a.Active = new(false) }},
	{"boolean as a string", `{"op":"replace","path":"active","value":"False"}`,
		func(a *api.Agent) { a.Active = new(false) }},
	{"locked by path", `{"op":"replace","path":"urn:scim:wso2:schema:accountLocked","value":"true"}`,
		func(a *api.Agent) { a.System.AccountLocked = new(api.Bool(true)) }},
	{"external id", `{"op":"replace","path":"externalId","value":"e-2"}`,
		func(a *api.Agent) { a.ExternalID = "e-2" }},
	{"external id removed", `{"op":"remove","path":"externalId"}`,
		func(a *api.Agent) { a.ExternalID = "" }},
	{"null removes", `{"op":"replace","path":"externalId","value":null}`,
		func(a *api.Agent) { a.ExternalID = "" }},
	{"display name of the core", `{"op":"replace","value":{"displayName":"core"}}`,
		func(a *api.Agent) { a.Profile.DisplayName = "core" }},
	{"whole extension", `{"op":"replace","path":"urn:scim:wso2:agent:schema","value":{"DisplayName":"n","Team":"t"}}`,
		func(a *api.Agent) { a.Profile.DisplayName = "n"; a.Profile.Attributes["Team"] = "t" }},
	{"whole extension without a path", `{"op":"add","value":{"urn:scim:wso2:agent:schema":{"DisplayName":"n"},"active":false}}`,
		func(a *api.Agent) { a.Profile.DisplayName = "n"; a.Active = new(false) }},
	{"dotted members without a path", `{"op":"replace","value":{"urn:scim:wso2:agent:schema:DisplayName":"n","urn:scim:wso2:schema.accountLocked":true}}`,
		func(a *api.Agent) { a.Profile.DisplayName = "n"; a.System.AccountLocked = new(api.Bool(true)) }},
	{"whole extension removed", `{"op":"remove","path":"urn:scim:wso2:agent:schema"}`,
		func(a *api.Agent) { a.Profile = api.AgentProfile{IsUserServingAgent: new(true)} }},
	{"removed, then set", `{"op":"remove","path":"urn:scim:wso2:agent:schema"},{"op":"add","path":"urn:scim:wso2:agent:schema:Url","value":"v"}`,
		func(a *api.Agent) {
			a.Profile = api.AgentProfile{IsUserServingAgent: new(true), Attributes: map[string]string{"Url": "v"}}
		}},
	{"further attribute", `{"op":"add","path":"urn:scim:wso2:agent:schema:Team.Lead","value":"ann"}`,
		func(a *api.Agent) { a.Profile.Attributes["Team.Lead"] = "ann" }},
	{"further attribute in another case", `{"op":"replace","path":"urn:scim:wso2:agent:schema:URL","value":"v"}`,
		func(a *api.Agent) { a.Profile.Attributes["Url"] = "v" }},
	{"further attribute removed", `{"op":"remove","path":"urn:scim:wso2:agent:schema:Url"}`,
		func(a *api.Agent) { a.Profile.Attributes = nil }},
	{"number in a further attribute", `{"op":"replace","path":"urn:scim:wso2:agent:schema:Url","value":12345678901234567890}`,
		func(a *api.Agent) { a.Profile.Attributes["Url"] = "12345678901234567890" }},
	{"scopes replaced", `{"op":"replace","path":"` + api.SchemaCredentials + `:scopes","value":["z","y","z"]}`,
		func(a *api.Agent) { a.Extension.Scopes = []string{"y", "z"} }},
	{"scopes added", `{"op":"add","path":"` + api.SchemaCredentials + `:scopes","value":["z"]}`,
		func(a *api.Agent) { a.Extension.Scopes = []string{"a", "b", "z"} }},
	{"one scope added", `{"op":"add","path":"` + api.SchemaCredentials + `.scopes","value":"z"}`,
		func(a *api.Agent) { a.Extension.Scopes = []string{"a", "b", "z"} }},
	{"scopes replaced, then added", `{"op":"replace","value":{"` + api.SchemaCredentials + `":{"scopes":["x"]}}},{"op":"add","value":{"` + api.SchemaCredentials + `":{"scopes":["y"]}}}`,
		func(a *api.Agent) { a.Extension.Scopes = []string{"x", "y"} }},
	{"scopes added, then replaced", `{"op":"add","path":"` + api.SchemaCredentials + `:scopes","value":["y"]},{"op":"replace","path":"` + api.SchemaCredentials + `:scopes","value":["x"]}`,
		func(a *api.Agent) { a.Extension.Scopes = []string{"x"} }},
	{"scopes removed", `{"op":"remove","path":"` + api.SchemaCredentials + `:scopes"}`,
		func(a *api.Agent) { a.Extension.Scopes = nil }},
	{"scopes emptied", `{"op":"replace","path":"` + api.SchemaCredentials + `:scopes","value":[]}`,
		func(a *api.Agent) { a.Extension.Scopes = nil }},
	{"audiences", `{"op":"replace","path":"` + api.SchemaCredentials + `:audiences","value":["https://api"]}`,
		func(a *api.Agent) { a.Extension.Audiences = []string{"https://api"} }},
	{"authentication methods", `{"op":"replace","path":"` + api.SchemaCredentials + `:allowedAuthMethods","value":["private_key_jwt","client_secret_basic","client_secret_post","tls_client_auth","self_signed_tls_client_auth"]}`,
		func(a *api.Agent) {
			a.Extension.AllowedAuthMethods = []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "self_signed_tls_client_auth", "tls_client_auth"}
		}},
	{"owner token", `{"op":"replace","path":"` + api.SchemaCredentials + `:ownerToken","value":"t2"}`,
		func(a *api.Agent) { a.Extension.OwnerToken = "t2" }},
	{"our extension removed", `{"op":"remove","path":"` + api.SchemaCredentials + `"}`,
		func(a *api.Agent) { a.Extension = &api.AgentSecurity{} }},
	{"schemas are ignored", `{"op":"replace","value":{"schemas":["x"],"externalId":"e-2"}}`,
		func(a *api.Agent) { a.ExternalID = "e-2" }},
	{"its own userName", `{"op":"replace","value":{"userName":"AGENT/{id}","externalId":"e-2"}}`,
		func(a *api.Agent) { a.ExternalID = "e-2" }},
	{"the last one wins", `{"op":"replace","path":"externalId","value":"e-3"},{"op":"replace","path":"externalId","value":"e-2"}`,
		func(a *api.Agent) { a.ExternalID = "e-2" }},
	{"nothing", `{"op":"replace","value":{}}`, func(*api.Agent) {}},
	{"a remove takes no notice of its value", `{"op":"remove","path":"externalId","value":"other"}`,
		func(a *api.Agent) { a.ExternalID = "" }},
}

const full = `{"externalId":"e-1","urn:scim:wso2:agent:schema":{"DisplayName":"Vet","Description":"x","Owner":"o","Url":"u","IsUserServingAgent":true},` +
	`"` + api.SchemaCredentials + `":{"scopes":["a","b"],"audiences":["aud"],"allowedAuthMethods":["private_key_jwt"],"ownerToken":"t1"}}`

func TestPatch(t *testing.T) {
	shared := newRig(t)
	for _, tt := range patches {
		t.Run(tt.name, func(t *testing.T) {
			g := shared.in(t)
			id := g.create(full).ID
			want := g.get(id)
			tt.want(&want)
			body := strings.ReplaceAll(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+tt.body+`]}`, "{id}", id)
			for _, round := range []string{"first", "second"} { // the same again changes nothing
				a := g.send("PATCH", agents+"/"+id, body).is(200)
				if diff := cmp.Diff(want, a.agent()); diff != "" {
					t.Errorf("%s answer (-want +got):\n%s", round, diff)
				}
				if diff := cmp.Diff(want, g.get(id)); diff != "" {
					t.Errorf("%s read (-want +got):\n%s", round, diff)
				}
				if loc := base + agents + "/" + id; a.header.Get("Location") != loc {
					t.Errorf("Location = %q, want %q", a.header.Get("Location"), loc)
				}
			}
			g.send("DELETE", agents+"/"+id, "").is(204)
		})
	}
}

// TestPatchPassword sets the secret in every form that is known. It is never
// answered, and it revokes what the agent had.
func TestPatchPassword(t *testing.T) {
	for _, tt := range []struct{ name, op string }{
		{"console", `{"op":"replace","value":{"password":"NewSecret#123"}}`},
		{"documentation", `{"op":"replace","path":"password","value":"NewSecretPassword123!"}`},
		{"add", `{"op":"add","path":"password","value":"NewSecret#123"}`},
		{"with another change", `{"op":"replace","path":"externalId","value":"e"},{"op":"replace","path":"password","value":"NewSecret#123"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t)
			made := g.create(`{}`)
			a := g.send("PATCH", agents+"/"+made.ID, `{"Operations":[`+tt.op+`]}`).is(200)
			if strings.Contains(a.body, "NewSecret") {
				t.Errorf("the answer has the secret: %s", a.body)
			}
			list := decodeAs[api.SecretList](g.send("GET", service+made.ID+"/secrets", "").is(200))
			if list.Count != 2 || list.List[0].Status != api.Active || list.List[1].Status != api.Revoked {
				t.Errorf("secrets = %+v, want a new one and a revoked one", list.List)
			}
			if strings.Contains(g.log.String(), "NewSecret") {
				t.Errorf("the log has the secret: %s", g.log)
			}
		})
	}
}

// TestPatchRefused: what cannot be changed, or is not understood, is refused by
// name, and nothing of the request is done.
func TestPatchRefused(t *testing.T) {
	shared := newRig(t)
	const security = api.SchemaCredentials
	for _, tt := range []struct {
		name, op string
		scimType string
		names    string // what the text must name
	}{
		{"id", `{"op":"replace","path":"id","value":"x"}`, "mutability", "id"},
		{"userName", `{"op":"replace","path":"userName","value":"AGENT/x"}`, "mutability", "userName"},
		{"userName removed", `{"op":"remove","path":"userName"}`, "mutability", "userName"},
		{"meta", `{"op":"replace","path":"meta","value":{}}`, "mutability", "meta"},
		{"sub-attribute", `{"op":"replace","path":"meta.created","value":"x"}`, "invalidPath", "meta.created"},
		{"roles", `{"op":"add","path":"roles","value":[{"value":"admin"}]}`, "mutability", "roles"},
		{"groups", `{"op":"add","value":{"groups":[{"value":"admin"}]}}`, "mutability", "groups"},
		{"last password update", `{"op":"replace","path":"urn:scim:wso2:schema:lastPasswordUpdateTime","value":"1"}`, "mutability", "lastPasswordUpdateTime"},
		{"user serving", `{"op":"replace","path":"urn:scim:wso2:agent:schema:IsUserServingAgent","value":false}`, "mutability", "IsUserServingAgent"},
		{"secret none", `{"op":"replace","path":"` + security + `:secret","value":"none"}`, "mutability", "secret"},
		{"secrets", `{"op":"remove","path":"` + security + `:secrets"}`, "mutability", "secrets"},
		{"revoked by hand", `{"op":"add","path":"` + security + `:revokedAt","value":"now"}`, "mutability", "revokedAt"},
		{"unknown", `{"op":"replace","path":"emails","value":"x"}`, "invalidPath", "emails"},
		{"unknown in our extension", `{"op":"replace","path":"` + security + `:power","value":"x"}`, "invalidPath", "power"},
		{"unknown without a path", `{"op":"replace","value":{"` + security + `":{"power":1}}}`, "invalidPath", "power"},
		{"unknown in WSO2's", `{"op":"replace","path":"urn:scim:wso2:schema:userSource","value":"x"}`, "invalidPath", "userSource"},
		{"unknown schema", `{"op":"replace","path":"urn:x:y:z","value":"x"}`, "invalidPath", "urn:x:y:z"},
		{"the core as a whole", `{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User","value":{}}`, "invalidPath", "core"},
		{"value filter", `{"op":"remove","path":"` + security + `:scopes[value eq \"a\"]"}`, "invalidPath", "scopes[value"},
		{"name that no path can hold", `{"op":"add","value":{"urn:scim:wso2:agent:schema":{"a b":"c"}}}`, "invalidPath", "a b"},
		{"unknown operation", `{"op":"test","path":"active","value":true}`, "invalidSyntax", "test"},
		{"no operation", `{"path":"active","value":true}`, "invalidSyntax", `""`},
		{"no value", `{"op":"replace","path":"active"}`, "invalidValue", "active"},
		{"neither path nor value", `{"op":"replace"}`, "invalidSyntax", "object"},
		{"value is no object", `{"op":"replace","value":"x"}`, "invalidSyntax", "object"},
		{"value is null", `{"op":"replace","value":null}`, "invalidSyntax", "object"},
		{"remove without a path", `{"op":"remove"}`, "noTarget", "path"},
		{"boolean", `{"op":"replace","path":"active","value":"perhaps"}`, "invalidValue", "active"},
		{"number as text", `{"op":"replace","path":"externalId","value":1}`, "invalidValue", "externalId"},
		{"object as text", `{"op":"replace","path":"urn:scim:wso2:agent:schema:Url","value":{"a":1}}`, "invalidValue", "Url"},
		{"extension is no object", `{"op":"replace","path":"urn:scim:wso2:agent:schema","value":[1]}`, "invalidValue", "urn:scim:wso2:agent:schema"},
		{"list of numbers", `{"op":"replace","path":"` + security + `:scopes","value":[1]}`, "invalidValue", "scopes"},
		{"empty scope", `{"op":"replace","path":"` + security + `:scopes","value":[""]}`, "invalidValue", "scopes"},
		{"two scopes in one", `{"op":"replace","path":"` + security + `:scopes","value":["a b"]}`, "invalidValue", "scopes"},
		{"unknown method", `{"op":"replace","path":"` + security + `:allowedAuthMethods","value":["none"]}`, "invalidValue", "private_key_jwt"},
		{"password removed", `{"op":"remove","path":"password"}`, "invalidValue", "password"},
		{"empty password", `{"op":"replace","path":"password","value":""}`, "invalidValue", "password"},
		{"password as a list", `{"op":"replace","path":"password","value":["NewSecret#123"]}`, "invalidValue", "password"},
		{"weak password", `{"op":"replace","path":"password","value":"password"}`, "invalidValue", "upper-case"},
		{"NUL", `{"op":"replace","path":"externalId","value":"a\u0000b"}`, "invalidValue", "externalId"},
		{"long text", `{"op":"replace","path":"externalId","value":"` + strings.Repeat("x", 1025) + `"}`, "invalidValue", "externalId"},
		{"unknown member", `{"op":"replace","path":"active","value":true,"hint":1}`, "invalidSyntax", "hint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := shared.in(t)
			id := g.create(full).ID
			defer g.send("DELETE", agents+"/"+id, "")
			before := g.send("GET", agents+"/"+id, "").body
			a := g.send("PATCH", agents+"/"+id, `{"Operations":[{"op":"replace","path":"externalId","value":"half"},`+tt.op+`]}`).is(400)
			e := a.json()
			detail, _ := e["detail"].(string)
			if scimType, _ := e["scimType"].(string); scimType != tt.scimType || !strings.Contains(detail, tt.names) {
				t.Errorf("answered %s, want the type %s and a text that names %s", a.body, tt.scimType, tt.names)
			}
			if strings.Contains(a.body, "NewSecret") {
				t.Errorf("the answer repeats a secret: %s", a.body)
			}
			if after := g.send("GET", agents+"/"+id, "").body; after != before {
				t.Errorf("a refused PATCH changed the agent from\n%s\nto\n%s", before, after)
			}
		})
	}
}

func TestPatchTooMuch(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	op := `{"op":"replace","path":"externalId","value":"e"}`
	g.send("PATCH", agents+"/"+id, `{"Operations":[`+strings.Join(slices.Repeat([]string{op}, 100), ",")+`]}`).is(200)
	g.send("PATCH", agents+"/"+id, `{"Operations":[`+strings.Join(slices.Repeat([]string{op}, 101), ",")+`]}`).is(400)

	// An agent holds only so much, in however many requests it comes.
	var scopes, further []string
	for i := range 51 {
		scopes = append(scopes, `"a`+itoa(i)+`","b`+itoa(i)+`"`)
		further = append(further, `"A`+itoa(i)+`":"x"`)
	}
	add := func(scopes, further []string) answer {
		return g.send("PATCH", agents+"/"+id, `{"Operations":[{"op":"add","value":{
			"`+api.SchemaCredentials+`":{"scopes":[`+strings.Join(scopes, ",")+`]},
			"urn:scim:wso2:agent:schema":{`+strings.Join(further, ",")+`}}}]}`)
	}
	add(scopes[:50], further[:50]).is(200)
	add(scopes[:50], further[:50]).is(200)
	add(scopes[50:], nil).scimError(400, "invalidValue", "An agent can have 100 scopes, not 102.")
	add(nil, further[50:]).scimError(400, "invalidValue", "An agent can have 50 attributes, not 51.")
}
