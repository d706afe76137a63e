package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestCreate sends the bodies that clients of WSO2 are known to send.
func TestCreate(t *testing.T) {
	const wso2 = `"` + api.SchemaWSO2Agent + `"`
	for _, tt := range []struct {
		name, body string
		want       api.AgentProfile
	}{
		{"console 2025", `{` + wso2 + `:{"Description":"…","DisplayName":"Vet","Owner":"7a6f7b26@org"}}`,
			api.AgentProfile{DisplayName: "Vet", Description: "…", Owner: "7a6f7b26@org"}},
		{"console 2026", `{` + wso2 + `:{"Description":"d","DisplayName":"Vet","IsUserServingAgent":false,"Owner":"o"}}`,
			api.AgentProfile{DisplayName: "Vet", Description: "d", Owner: "o"}},
		{"integration test", `{` + wso2 + `:{"DisplayName":"DISPLAY_NAME","IsUserServingAgent":false}}`,
			api.AgentProfile{DisplayName: "DISPLAY_NAME"}},
		{"script without the extension", `{"schemas":["urn:scim:wso2:agent:schema"],"userName":"adr-ai-assistant","password":"AgentSecret@123","displayName":"ADR AI Assistant"}`,
			api.AgentProfile{DisplayName: "ADR AI Assistant"}},
		{"both names", `{"displayName":"core",` + wso2 + `:{"DisplayName":"Vet"}}`, api.AgentProfile{DisplayName: "Vet"}},
		{"nothing", `{}`, api.AgentProfile{}},
		{"user serving", `{` + wso2 + `:{"IsUserServingAgent":true}}`, api.AgentProfile{IsUserServingAgent: new(true)}},
		{"further attributes", `{` + wso2 + `:{"Url":"https://x","Level":3,"Beta":true,"Gone":null}}`,
			api.AgentProfile{Attributes: map[string]string{"Url": "https://x", "Level": "3", "Beta": "true"}}},
		{"any letter case", `{"URN:SCIM:WSO2:AGENT:SCHEMA":{"displayname":"Vet"}}`, api.AgentProfile{DisplayName: "Vet"}},
		{"read-only members", `{"id":"mine","meta":{"created":"1970"},"roles":[{"value":"admin","audienceDisplay":"x"}],"groups":[],
			"urn:scim:wso2:schema":{"lastPasswordUpdateTime":"1"},"` + api.SchemaCredentials + `":{"revokedAt":"1970-01-01T00:00:00Z","secrets":[]}}`, api.AgentProfile{}},
		{"what a GET of WSO2 shows", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"",` + wso2 + `:{"DisplayName":"Vet"}}`,
			api.AgentProfile{DisplayName: "Vet"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t)
			a := g.send("POST", agents, tt.body).is(201)
			got := a.agent()
			if diff := cmp.Diff(tt.want, got.Profile); diff != "" {
				t.Errorf("profile (-want +got):\n%s", diff)
			}
			if got.UserName != "AGENT/"+got.ID || len(got.ID) != 36 {
				t.Errorf("userName = %q, id = %q", got.UserName, got.ID)
			}
			if got.Password.IsZero() {
				t.Error("there is no password")
			}
			if loc := base + agents + "/" + got.ID; a.header.Get("Location") != loc || got.Meta.Location != loc {
				t.Errorf("locations are %q and %q, want %q", a.header.Get("Location"), got.Meta.Location, loc)
			}
			if got.Blocked() || got.Extension.RevokedAt != "" {
				t.Errorf("the agent is born blocked: %s", a.body)
			}
			if len(g.get(got.ID).Roles) != 0 {
				t.Errorf("the caller gave itself a role")
			}
		})
	}
}

// TestBodyOfAnAgent holds the answer to a create against the one in WSO2's
// documentation.
func TestBodyOfAnAgent(t *testing.T) {
	g := newRig(t)
	a := g.send("POST", agents, `{"externalId":"e-1","`+api.SchemaWSO2Agent+`":{"Owner":"o","Description":"Intelligent Vet Assistant","DisplayName":"Vetassist AI"}}`).is(201)
	made := a.json()
	id, _ := made["id"].(string)
	password, _ := made["password"].(string)
	if !strings.HasPrefix(password, "agcs_") {
		t.Errorf("password = %q", password)
	}
	millis := itoa(int(g.clock.now().UnixMilli()))
	want := map[string]any{
		"schemas": []any{
			"urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
			"urn:scim:wso2:schema", "urn:scim:schemas:extension:custom:User", "urn:scim:wso2:agent:schema", api.SchemaCredentials,
		},
		"id":         id,
		"externalId": "e-1",
		"userName":   "AGENT/" + id,
		"active":     true,
		"meta": map[string]any{
			"created": "2026-03-01T12:00:00.123456Z", "lastModified": "2026-03-01T12:00:00.123456Z",
			"location": base + agents + "/" + id, "resourceType": "Agent",
		},
		"urn:scim:wso2:agent:schema": map[string]any{"Owner": "o", "Description": "Intelligent Vet Assistant", "DisplayName": "Vetassist AI"},
		"urn:scim:wso2:schema":       map[string]any{"lastPasswordUpdateTime": millis},
		api.SchemaCredentials:        map[string]any{},
		"password":                   password,
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	delete(want, "password")
	if diff := cmp.Diff(want, g.send("GET", agents+"/"+id, "").is(200).json()); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

// TestPasswordIsEchoed: the password that a caller chooses comes back, once.
func TestPasswordIsEchoed(t *testing.T) {
	g := newRig(t)
	a := g.send("POST", agents+"?attributes=userName", `{"password":"AgentSecret@123"}`).is(201)
	if a.json()["password"] != "AgentSecret@123" {
		t.Errorf("the password is not in the answer: %s", a.body)
	}
	for _, later := range []answer{
		g.send("GET", agents+"/"+a.agent().ID, ""),
		g.send("PATCH", agents+"/"+a.agent().ID, `{"Operations":[{"op":"replace","path":"password","value":"NewSecret#123"}]}`),
		g.send("GET", agents, ""),
		g.send("GET", service+a.agent().ID+"/secrets", ""),
	} {
		if later.is(200); strings.Contains(later.body, "#123") || strings.Contains(later.body, "@123") {
			t.Errorf("%s shows a secret: %s", later.what, later.body)
		}
	}
}

func TestSecretNone(t *testing.T) {
	g := newRig(t)
	a := g.send("POST", agents, `{"`+api.SchemaCredentials+`":{"secret":"none"}}`).is(201)
	if _, has := a.json()["password"]; has {
		t.Errorf("an agent without a secret has a password: %s", a.body)
	}
	if a.agent().System != nil {
		t.Errorf("it has a lastPasswordUpdateTime: %s", a.body)
	}
	for body, status := range map[string]int{
		`{"` + api.SchemaCredentials + `":{"secret":"none"},"password":"` + strong + `"}`: 400,
		`{"` + api.SchemaCredentials + `":{"secret":"some"}}`:                             400,
		`{"` + api.SchemaCredentials + `":{"secret":null}}`:                               201,
		`{"password":""}`:   201,
		`{"password":null}`: 201,
	} {
		a := g.send("POST", agents, body).is(status)
		if status == 201 && a.agent().Password.IsZero() {
			t.Errorf("%s makes an agent without a secret", body)
		}
	}
}

// TestReplace: what a PUT does not name is removed, but for what blocks the
// agent and for our extension.
func TestReplace(t *testing.T) {
	g := newRig(t)
	id := g.create(`{"externalId":"e-1","` + api.SchemaWSO2Agent + `":{"DisplayName":"Vet","Owner":"o","Url":"u","IsUserServingAgent":true},
		"` + api.SchemaCredentials + `":{"scopes":["b","a"],"ownerToken":"t"}}`).ID
	g.send("PATCH", agents+"/"+id, `{"Operations":[{"op":"replace","value":{"active":false,"urn:scim:wso2:schema":{"accountLocked":true}}}]}`).is(200)
	before := g.get(id)

	a := g.send("PUT", agents+"/"+id, `{"urn:scim:wso2:agent:schema":{"Description":"Updated Description","DisplayName":"Vetassist AI"},"id":"`+id+`","userName":"AGENT/`+id+`"}`).is(200)
	if want := base + agents + "/" + id; a.header.Get("Location") != want {
		t.Errorf("Location = %q, want %q", a.header.Get("Location"), want)
	}
	want := before
	want.ExternalID = ""
	want.Profile = api.AgentProfile{DisplayName: "Vetassist AI", Description: "Updated Description", IsUserServingAgent: new(true)}
	if diff := cmp.Diff(want, g.get(id)); diff != "" {
		t.Errorf("after the PUT (-want +got):\n%s", diff)
	}
	if !want.Blocked() || !slices.Equal(want.Extension.Scopes, []string{"a", "b"}) {
		t.Errorf("the agent was not as this test wants it: %+v", want)
	}

	// What was read can be put back as it is.
	read := g.send("GET", agents+"/"+id, "").body
	g.send("PUT", agents+"/"+id, read).is(200)
	if after := g.send("GET", agents+"/"+id, "").body; after != read {
		t.Errorf("putting back what was read changed it from\n%s\nto\n%s", read, after)
	}
	g.send("PUT", agents+"/"+id, `{"userName":"AGENT/`+id+`","active":true,"urn:scim:wso2:schema":{"accountLocked":"false"},"`+api.SchemaCredentials+`":{"scopes":[]}}`).is(200)
	if got := g.get(id); got.Blocked() || got.Extension.Scopes != nil || got.Profile.DisplayName != "" {
		t.Errorf("PUT did not replace: %+v", got)
	}
}

func TestPasswordInPut(t *testing.T) {
	g := newRig(t)
	made := g.create(`{}`)
	g.clock.move(time.Second)
	g.send("PUT", agents+"/"+made.ID, `{"userName":"AGENT/`+made.ID+`","password":"`+strong+`"}`).is(200)
	list := decodeAs[api.SecretList](g.send("GET", service+made.ID+"/secrets", "").is(200))
	if len(list.List) != 2 || list.List[0].Status != api.Active || list.List[1].Status != api.Revoked {
		t.Errorf("secrets = %+v, want a new one and a revoked one", list.List)
	}
	if got := g.get(made.ID).System.LastPasswordUpdateTime; got <= made.System.LastPasswordUpdateTime {
		t.Errorf("lastPasswordUpdateTime = %s, not after %s", got, made.System.LastPasswordUpdateTime)
	}
}

// TestErrorTexts holds the words of WSO2 fast: clients may compare them.
func TestErrorTexts(t *testing.T) {
	g := newRig(t)
	id := g.create(`{"externalId":"taken"}`).ID
	const gone = "11111111-2222-4333-8444-555555555555"
	syntax := "Request is unparsable, syntactically incorrect, or violates schema."
	for _, tt := range []struct {
		name, method, target, body string
		status                     int
		scimType, detail           string
	}{
		{"GET of none", "GET", agents + "/" + gone, ``, 404, "", "User not found in the user store."},
		{"PUT of none", "PUT", agents + "/" + gone, `{"userName":"AGENT/` + gone + `"}`, 404, "", "No user exists with the given id: " + gone},
		{"PATCH of none", "PATCH", agents + "/" + gone, `{"Operations":[{"op":"replace","path":"active","value":true}]}`, 404, "", "No user with the id : " + gone + " in the user store."},
		{"DELETE of none", "DELETE", agents + "/" + gone, ``, 404, "", "Specified resource (e.g., User) or endpoint does not exist."},
		{"no such endpoint", "GET", "/scim2/Users", ``, 404, "", "Specified resource (e.g., User) or endpoint does not exist."},
		{"agent credentials of the console", "GET", agents + "/credentials/x", ``, 404, "", "Specified resource (e.g., User) or endpoint does not exist."},
		{"domain in userName", "POST", agents, `{"userName":"PRIMARY/ann"}`, 400, "Agent username cannot contain domain name or be null.", syntax},
		{"PUT without userName", "PUT", agents + "/" + id, `{}`, 400, "mutability", "Attribute userName cannot be modified."},
		{"PUT with another userName", "PUT", agents + "/" + id, `{"userName":"AGENT/` + gone + `"}`, 400, "mutability", "Attribute userName cannot be modified."},
		{"PUT with the bare id", "PUT", agents + "/" + id, `{"userName":"` + id + `"}`, 400, "mutability", "Attribute userName cannot be modified."},
		{"sorted by", "GET", agents + "?sortBy=id", ``, 501, "", "Sorting is not supported"},
		{"sort order", "GET", agents + "?sortOrder=descending", ``, 501, "", "Sorting is not supported"},
		{"sorted search", "POST", agents + "/.search", `{"sortBy":"id"}`, 501, "", "Sorting is not supported"},
		{"unknown schema", "GET", "/scim2/Schemas/urn:x", ``, 501, "", "only user, enterprise, system, agent, and custom schema are supported"},
		{"external id of another", "POST", agents, `{"externalId":"taken"}`, 409, "uniqueness", `The external id "taken" belongs to agent ` + id + ` already.`},
		{"unknown operation", "PATCH", agents + "/" + id, `{"Operations":[{"op":"move","path":"active"}]}`, 400, "invalidSyntax", `The operation "move" is not one of add, replace, remove.`},
		{"no operation", "PATCH", agents + "/" + id, `{"schemas":[],"Operations":[]}`, 400, "invalidSyntax", "A PATCH needs Operations."},
		{"unknown path", "PATCH", agents + "/" + id, `{"Operations":[{"op":"replace","path":"emails","value":"x"}]}`, 400, "invalidPath", `The attribute "emails" is not known for agents.`},
		{"bad filter", "GET", agents + "?filter=id+gt+3", ``, 400, "InvalidFilter", `The filter cannot be read: the operator "gt" is not supported; use one of eq, co, sw, ew, joined by and.`},
		{"unknown filter attribute", "GET", agents + "?filter=emails+eq+3", ``, 400, "InvalidFilter", `Agents cannot be filtered by "emails".`},
		{"bad count", "GET", agents + "?count=many", ``, 400, "invalidValue", "count must be a whole number."},
		{"weak password", "POST", agents, `{"password":"short"}`, 400, "invalidValue", "The secret is refused: the secret is too weak: it has 5 characters, 8 to 100 are needed."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g.in(t).send(tt.method, tt.target, tt.body).scimError(tt.status, tt.scimType, tt.detail)
		})
	}
	t.Run("nobody", func(t *testing.T) {
		g.in(t).send("GET", agents, "", "Authorization", "").scimError(401, "", "Authentication required")
	})
	t.Run("no scope", func(t *testing.T) {
		g.in(t).send("DELETE", agents+"/"+id, "", "Authorization", "Bearer eve:").scimError(403, "",
			"You don't have enough permissions to perform this operation: the scope internal_agent_mgt_delete is missing.")
	})
	t.Run("method", func(t *testing.T) {
		a := g.in(t).send("PUT", agents, "{}")
		a.scimError(405, "", "PUT is not possible here; possible is GET, HEAD, POST.")
		if a.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("Allow = %q", a.header.Get("Allow"))
		}
	})
}

func TestDeleteWithOwnerToken(t *testing.T) {
	g := newRig(t)
	id := g.create(`{"` + api.SchemaCredentials + `":{"ownerToken":"mine"}}`).ID
	g.send("DELETE", agents+"/"+id, "", api.HeaderOwnerToken, "theirs").is(412)
	a := g.send("DELETE", agents+"/"+id, "", api.HeaderOwnerToken, "mine").is(204)
	if a.body != "" {
		t.Errorf("DELETE answered %q", a.body)
	}
	g.send("GET", agents+"/"+id, "").is(404)
}

// TestRevokeAgent: the panic button, and the one way back.
func TestRevokeAgent(t *testing.T) {
	g := newRig(t)
	id := g.create(`{}`).ID
	a := g.send("POST", service+id+"/revoke", "").is(200)
	if ct := a.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type = %q", ct)
	}
	revoked := a.agent()
	if !revoked.Blocked() || revoked.Extension.RevokedAt != "2026-03-01T12:00:00.123456Z" {
		t.Errorf("after …/revoke: %s", a.body)
	}
	patch := func(op string) answer { return g.send("PATCH", agents+"/"+id, `{"Operations":[`+op+`]}`) }
	if a := patch(`{"op":"replace","path":"urn:scim:wso2:schema:accountLocked","value":false}`).is(409); a.json()["scimType"] != "revoked" {
		t.Errorf("unlocking a revoked agent: %s", a.body)
	}
	g.send("POST", service+id+"/secrets", `{}`).code(409, api.CodeBlocked)
	patch(`{"op":"replace","path":"`+api.AttrRevokedAt+`","value":"2026-03-01T12:00:00Z"}`).
		scimError(400, "mutability", "Attribute "+api.AttrRevokedAt+" cannot be modified.")
	// Clearing our extension as a whole does not reinstate: that is asked for
	// by name.
	if a := patch(`{"op":"remove","path":"` + api.SchemaCredentials + `"}`).is(200); !a.agent().Blocked() {
		t.Errorf("the agent is reinstated by the way: %s", a.body)
	}
	if a := patch(`{"op":"remove","path":"` + api.AttrRevokedAt + `"}`).is(200); a.agent().Blocked() {
		t.Errorf("the reinstated agent is blocked: %s", a.body)
	}
	g.send("POST", service+id+"/secrets", `{}`).is(201)
	g.send("POST", service+"unknown/revoke", "").code(404, api.CodeNoAgent)
}

// TestSelection: attributes and excludedAttributes go by the names of members.
func TestSelection(t *testing.T) {
	g := newRig(t)
	g.create(`{"externalId":"e","` + api.SchemaWSO2Agent + `":{"DisplayName":"Vet"}}`)
	all := []string{"active", "externalId", "id", "meta", "schemas", api.SchemaCredentials, "userName", api.SchemaWSO2Agent, api.SchemaWSO2}
	slices.Sort(all)
	for _, tt := range []struct {
		query string
		want  []string
	}{
		{"", all},
		{"?attributes=", all},
		{"?attributes=userName", []string{"id", "schemas", "userName"}},
		{"?attributes=USERNAME,externalid", []string{"externalId", "id", "schemas", "userName"}},
		{"?attributes=userName&attributes=meta", []string{"id", "meta", "schemas", "userName"}},
		{"?attributes=meta.created", []string{"id", "meta", "schemas"}},
		{"?attributes=" + api.SchemaWSO2Agent, []string{"id", "schemas", api.SchemaWSO2Agent}},
		{"?attributes=" + api.SchemaWSO2Agent + ".DisplayName", []string{"id", "schemas", api.SchemaWSO2Agent}},
		{"?attributes=" + api.SchemaWSO2Agent + ":DisplayName", []string{"id", "schemas", api.SchemaWSO2Agent}},
		{"?attributes=nothing", []string{"id", "schemas"}},
		{"?excludedAttributes=roles,groups", all},
		{"?excludedAttributes=id,schemas", all},
		{"?excludedAttributes=meta.created", all},
		{"?excludedAttributes=" + api.AttrSecrets, all},
		{"?attributes=userName,meta&excludedAttributes=meta", []string{"id", "schemas", "userName"}},
	} {
		for _, a := range g.each(tt.query) {
			if got := slices.Sorted(maps.Keys(a)); !slices.Equal(got, tt.want) {
				t.Errorf("%s shows %v, want %v", tt.query, got, tt.want)
			}
		}
	}
}

// each is the only agent there is, as the two ways to read tell it.
func (g *rig) each(query string) []map[string]any {
	g.t.Helper()
	list := decodeAs[struct{ Resources []map[string]any }](g.send("GET", agents+query, "").is(200))
	if len(list.Resources) != 1 {
		g.t.Fatalf("there are %d agents, want 1", len(list.Resources))
	}
	id, _ := list.Resources[0]["id"].(string)
	return []map[string]any{list.Resources[0], g.send("GET", agents+"/"+id+query, "").is(200).json()}
}

// TestCredentialsOfAgents: keys and certificates are shown by name alone, in
// lists as in reads, and as their own paths show them; PEM of live ones only.
func TestCredentialsOfAgents(t *testing.T) {
	g := newRig(t)
	a := g.create(`{}`)
	below := "/api/server/v1/agents/" + a.ID
	g.send("POST", below+"/keys", `{"jwk":{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}`).is(201)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	cert := g.send("POST", below+"/certificates", `{"certificatePem":`+string(text)+`}`).is(201)
	keys := decodeAs[api.KeyList](g.send("GET", below+"/keys", "").is(200)).List
	certificates := decodeAs[api.CertificateList](g.send("GET", below+"/certificates", "").is(200)).List
	for _, tt := range []struct {
		attributes string
		want       api.AgentSecurity
	}{
		{"", api.AgentSecurity{}},
		{api.SchemaCredentials, api.AgentSecurity{}},
		{api.AttrKeys, api.AgentSecurity{Keys: keys}},
		{strings.ToUpper(api.AttrCertificates), api.AgentSecurity{Certificates: certificates}},
		{api.AttrKeys + "," + api.AttrCertificates, api.AgentSecurity{Keys: keys, Certificates: certificates}},
	} {
		for _, target := range []string{agents, agents + "/" + a.ID} {
			got := g.send("GET", target+"?attributes="+tt.attributes, "").is(200)
			shown := got.agent()
			if target == agents {
				shown = decodeAs[api.List[api.Agent]](got).Resources[0]
			}
			if diff := cmp.Diff(&tt.want, shown.Extension, cmpopts.IgnoreFields(api.AgentSecurity{}, "OwnerToken")); diff != "" {
				t.Errorf("GET %s for %q (-want +got):\n%s", target, tt.attributes, diff)
			}
		}
	}
	g.send("DELETE", below+"/certificates/"+decodeAs[api.Certificate](cert).ID, "").is(204)
	shown := g.send("GET", agents+"/"+a.ID+"?attributes="+api.AttrCertificates, "").is(200).agent().Extension.Certificates
	if len(shown) != 1 || shown[0].Status != api.Revoked || shown[0].CertificatePEM != "" || shown[0].SerialNumber == "" {
		t.Errorf("the revoked certificate is %+v", shown)
	}
}

// TestSecretsOfAgents: metadata of secrets only by name, and never a value.
func TestSecretsOfAgents(t *testing.T) {
	g := newRig(t)
	made := g.create(`{}`)
	for target, want := range map[string]int{
		agents + "/" + made.ID: 0,
		agents + "/" + made.ID + "?attributes=" + api.SchemaCredentials:                                  0,
		agents + "/" + made.ID + "?attributes=" + api.AttrSecrets:                                        1,
		agents + "/" + made.ID + "?attributes=" + strings.ToUpper(api.SchemaCredentials) + ".secrets":    1,
		agents + "/" + made.ID + "?attributes=userName," + api.AttrSecrets + "&excludedAttributes=roles": 1,
	} {
		if got := g.send("GET", target, "").is(200).agent(); len(got.Extension.Secrets) != want {
			t.Errorf("GET %s shows %d secrets, want %d", target, len(got.Extension.Secrets), want)
		}
	}
	for _, a := range []answer{
		g.send("GET", agents+"?attributes="+api.AttrSecrets, ""),
		g.send("POST", agents+"/.search", `{"attributes":["`+api.AttrSecrets+`"]}`),
	} {
		list := decodeAs[api.List[api.Agent]](a.is(200))
		if len(list.Resources) != 1 || len(list.Resources[0].Extension.Secrets) != 1 {
			t.Fatalf("%s: %s", a.what, a.body)
		}
		sec := list.Resources[0].Extension.Secrets[0]
		if sec.Status != api.Active || !sec.Latest || sec.CreatedBy != "ann" || sec.Hint == "" || !sec.SecretValue.IsZero() {
			t.Errorf("secret = %+v", sec)
		}
	}
}
