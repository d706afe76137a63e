package server_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// newAsgardeo is a rig whose server is Asgardeo's agent API.
func newAsgardeo(t *testing.T) *rig {
	t.Helper()
	return newRig(t, func(cfg *server.Config) {
		st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "asgardeo.db"), Create: true, Now: cfg.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { checkTrail(t, st); _ = st.Close() })
		rules, err := authority.New(authority.Config{
			Store: st, Now: cfg.Now, MaxSecrets: 1,
			Rules: authority.Rules{OnlyLocks: true, AgentsByApp: true, AnyPermission: true, Password: secret.GenerateAsgardeo},
		})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Profile, cfg.Authority = server.Asgardeo(), server.Always(rules)
	})
}

// TestAsgardeoAgent: what WSO2 answers about an agent, member by member.
func TestAsgardeoAgent(t *testing.T) {
	g := newAsgardeo(t)
	made := g.send("POST", agents, `{"userName":"mine","externalId":"x","`+api.SchemaWSO2Agent+`":{"DisplayName":"bot","IsUserServingAgent":true},`+
		`"`+api.SchemaCredentials+`":{"secret":"none","scopes":["a"]},"nonsense":1}`).is(201)
	a := made.agent()
	if !strings.HasSuffix(made.header.Get("Location"), agents+"/"+a.ID) || len(a.Password.Reveal()) != 16 || a.UserName != "AGENT/"+a.ID {
		t.Errorf("a create gives %v, %+v", made.header, a)
	}
	shown := g.send("GET", agents+"/"+a.ID, "").is(200)
	changed := g.send("PATCH", agents+"/"+a.ID, `{"Operations":[{"op":"replace","value":{"`+api.SchemaWSO2Agent+`":{"Owner":"o"}}}]}`).is(200)
	for _, answered := range []answer{shown, changed} {
		if got := answered.header.Get("Location"); got != base+"/scim2/Users/"+a.ID {
			t.Errorf("Location is %q", got)
		}
		for _, hidden := range []string{"externalId", "password", "active", "IsUserServingAgent", api.SchemaCredentials} {
			if strings.Contains(answered.body, hidden) {
				t.Errorf("it shows %s: %s", hidden, answered.body)
			}
		}
		if roles := answered.agent().Roles; len(roles) != 1 || roles[0].Display != "everyone" || roles[0].AudienceType != "organization" {
			t.Errorf("roles are %+v", roles)
		}
	}
	if twin := g.create(`{"userName":"mine","externalId":"x"}`); twin.ID == a.ID {
		t.Error("the same twice makes one agent")
	}
	g.send("PUT", agents+"/"+a.ID, `{"`+api.SchemaWSO2Agent+`":{"DisplayName":"b"}}`).scimError(400, "mutability", "Attribute userName cannot be modified.")
	g.send("PUT", agents+"/"+a.ID, `{"userName":"AGENT/`+a.ID+`","`+api.SchemaCredentials+`":{"scopes":["x"]}}`).is(200)
	g.send("PATCH", agents+"/"+a.ID, `{"Operations":[{"op":"replace","path":"`+api.SchemaCredentials+`:scopes","value":["x"]}]}`).is(400)
	g.send("PATCH", agents+"/"+a.ID, `{"Operations":[{"op":"remove","path":"`+api.SchemaCredentials+`"}]}`).is(400)
}

// TestAsgardeoBlock: a lock blocks, active is only remembered.
func TestAsgardeoBlock(t *testing.T) {
	g := newAsgardeo(t)
	id := g.create(`{}`).ID
	locked := func(body string) bool {
		t.Helper()
		a := g.send("PATCH", agents+"/"+id, `{"Operations":[{"op":"replace","value":`+body+`}]}`).is(200).agent()
		return a.System.AccountLocked != nil && bool(*a.System.AccountLocked)
	}
	if locked(`{"active":false}`) || !strings.Contains(g.send("GET", agents+"/"+id, "").body, `"active":false`) {
		t.Error("active: false locks, or is forgotten")
	}
	if !locked(`{"`+api.SchemaWSO2+`":{"accountLocked":true}}`) || locked(`{"`+api.SchemaWSO2+`":{"accountLocked":"false"}}`) {
		t.Error("the lock does not do what it says")
	}
}

// TestAsgardeoPassword: the one secret is the password, and the time of its
// change is a string of milliseconds.
func TestAsgardeoPassword(t *testing.T) {
	g := newAsgardeo(t)
	a := g.create(`{}`)
	g.clock.move(time.Minute)
	set := g.send("PATCH", agents+"/"+a.ID, `{"Operations":[{"op":"replace","path":"password","value":"`+strong+`"}]}`).is(200)
	if strings.Contains(set.body, strong) {
		t.Error("the answer shows the secret")
	}
	var raw map[string]map[string]any
	_ = json.Unmarshal([]byte(set.body), &raw) // other members have other types
	if at, ok := raw[api.SchemaWSO2]["lastPasswordUpdateTime"].(string); !ok || at <= a.System.LastPasswordUpdateTime {
		t.Errorf("lastPasswordUpdateTime is %#v after %q", raw[api.SchemaWSO2]["lastPasswordUpdateTime"], a.System.LastPasswordUpdateTime)
	}
}

// TestAsgardeoLists: pages, sorting, emptiness.
func TestAsgardeoLists(t *testing.T) {
	g := newAsgardeo(t)
	empty := g.send("GET", agents, "").is(200)
	if strings.Contains(empty.body, "Resources") {
		t.Errorf("an empty list has Resources: %s", empty.body)
	}
	for range 101 {
		g.create(`{}`)
	}
	list := decodeAs[api.List[api.Agent]](g.send("GET", agents+"?count=500&attributes="+api.AttrSecrets, "", "Authorization", "Bearer ann:"+api.ScopeAgentList).is(200))
	if list.TotalResults != 101 || len(list.Resources) != 100 || list.ItemsPerPage != 100 {
		t.Errorf("a page has %d of %d", len(list.Resources), list.TotalResults)
	}
	g.send("GET", agents+"?sortBy=id", "").scimError(501, "", "Sorting is not supported")
	if found := decodeAs[api.List[api.Agent]](g.send("GET", agents+"?count=0", "").is(200)); found.TotalResults != 0 {
		t.Errorf("with a count of 0 there are %d", found.TotalResults)
	}
}

// TestAsgardeoPaths: there is nothing of ours.
func TestAsgardeoPaths(t *testing.T) {
	g := newAsgardeo(t)
	id := g.create(`{}`).ID
	for _, path := range []string{service + id + "/secrets", service + id + "/keys", service + id + "/certificates", service + id + "/revoke", "/api/server/v1/audit/events", "/crl"} {
		if got := g.send("GET", path, "").is(404); got.body != "" {
			t.Errorf("%s answers %q", path, got.body)
		}
	}
	g.send("GET", "/scim2/Nothing", "").scimError(404, "", "Specified resource (e.g., User) or endpoint does not exist.")
	g.send("GET", agents+"/"+newID, "").scimError(404, "", "User not found in the user store.")
	g.send("PATCH", agents+"/"+newID, `{"Operations":[{"op":"replace","path":"active","value":true}]}`).scimError(404, "", "No user with the id : "+newID+" in the user store.")
	g.send("POST", agents, `{}`, "Content-Type", "").scimError(406, "", "Content-Type is not present in the request header.")

	cfg := decodeAs[api.ServerConfig](g.send("GET", "/scim2/ServiceProviderConfig", "").is(200))
	if cfg.Capabilities != nil || len(cfg.Schemas) != 1 {
		t.Errorf("the configuration is %+v", cfg)
	}
	types := decodeAs[api.List[api.ResourceType]](g.send("GET", "/scim2/ResourceTypes", "").is(200))
	if types.TotalResults != 2 || types.Resources[0].Name != "User" || types.Resources[1].Name != "Group" {
		t.Errorf("resource types are %+v", types)
	}
	g.send("GET", "/scim2/ResourceTypes/User", "").is(200)
	for _, s := range decodeAs[[]api.Schema](g.send("GET", "/scim2/Schemas", "").is(200)) {
		if s.ID == api.SchemaCredentials {
			t.Error("our schema is listed")
		}
	}
	g.send("GET", "/scim2/Schemas/"+api.SchemaCredentials, "").is(501)
}
