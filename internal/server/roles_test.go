package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// role makes a role with members and returns its id.
func (g *rig) role(name string, members ...string) string {
	g.t.Helper()
	var users []string
	for _, id := range members {
		users = append(users, `{"value":"`+id+`"}`)
	}
	body := `{"schemas":["` + api.SchemaRole + `"],"displayName":"` + name + `","permissions":[{"value":"read","display":"Read"}],"users":[` + strings.Join(users, ",") + `]}`
	id, _ := g.send("POST", api.PathRoles, body).is(201).json()["id"].(string)
	return id
}

// givenRole is a role that the agent has, for a route of roles.
func (g *rig) givenRole(route server.Route, agentID string) string {
	if !strings.Contains(route.Pattern, "/Roles") {
		return ""
	}
	return g.role("reader", agentID)
}

// takenRole is a role that nobody has, for a route of roles.
func (g *rig) takenRole(route server.Route) string {
	if !strings.Contains(route.Pattern, "/Roles") {
		return ""
	}
	return g.role("taken")
}

// refuses checks a SCIM error by a part of its detail.
func (a answer) refuses(status int, kind, part string) {
	a.t.Helper()
	if e := decodeAs[api.ScimError](a.is(status)); e.ScimType != kind || !strings.Contains(e.Detail, part) {
		a.t.Errorf("it is refused as %q: %s; want %q and %q in it", e.ScimType, e.Detail, kind, part)
	}
}

// members are the ids of who has the role, as version 3 tells them.
func (g *rig) members(id string) (out []string) {
	g.t.Helper()
	for _, u := range g.readRole(id).Users {
		out = append(out, u.Value)
	}
	return out
}

func (g *rig) readRole(id string) api.RoleResource {
	g.t.Helper()
	return decodeAs[api.RoleResource](g.send("GET", api.PathRolesV3+"/"+id, "").is(200))
}

// TestRoleBodies: what is told of a role, in each of the places.
func TestRoleBodies(t *testing.T) {
	g := newRig(t)
	bot := g.bare("bot")
	for version, path := range map[string]string{"v2": api.PathRoles, "v3": api.PathRolesV3} {
		a := g.send("POST", path, `{"schemas":["`+api.SchemaRole+`"],"displayName":"reader `+version+`","audience":{"value":"10084a8d","type":"organization"},`+
			`"permissions":[{"value":"write"},{"value":"read","display":"Read"},{"value":"read"}],"users":[{"value":"`+bot+`","display":"x"}],"groups":[]}`).is(201)
		made := decodeAs[api.RoleResource](a)
		location := base + path + "/" + made.ID
		if a.header.Get("Location") != location || made.Meta.Location != location || made.Meta.ResourceType != "Role" ||
			!slices.Equal(made.Schemas, []string{api.SchemaRole}) || made.Audience.Type != "organization" || made.Audience.Value == "" || made.Users != nil || made.Permissions != nil {
			t.Errorf("%s: the answer to a create is %s", version, a.body)
		}
		one := decodeAs[api.RoleResource](g.send("GET", path+"/"+made.ID, "").is(200))
		if one.DisplayName != "reader "+version || len(one.Permissions) != 2 || one.Permissions[0].Value != "read" ||
			len(one.Users) != 1 || one.Users[0] != (api.Reference{Value: bot, Display: "AGENT/" + bot, Ref: base + "/scim2/Users/" + bot}) {
			t.Errorf("%s: one role is %+v", version, one)
		}
		less := decodeAs[api.RoleResource](g.send("GET", path+"/"+made.ID+"?excludedAttributes=users,permissions", "").is(200))
		if less.Users != nil || less.Permissions != nil || less.DisplayName == "" {
			t.Errorf("%s: without users it is %+v", version, less)
		}
		patched := decodeAs[api.RoleResource](g.send("PATCH", path+"/"+made.ID, `{"Operations":[{"op":"add","path":"permissions","value":[{"value":"more"}]}]}`).is(200))
		if patched.ID != made.ID || patched.Meta.Location != location || patched.Permissions != nil {
			t.Errorf("%s: the answer to a PATCH is %+v", version, patched)
		}
	}
	read := func(target string) []api.Role { return decodeAs[api.Agent](g.send("GET", target, "").is(200)).Roles }
	roles := read(agents + "/" + bot)
	if len(roles) != 2 || !strings.HasPrefix(roles[0].Ref, base+api.PathRoles+"/") || roles[0].AudienceType != "organization" || !strings.HasPrefix(roles[0].Display, "reader v") {
		t.Errorf("the agent has the roles %+v", roles)
	}
	if got := read(agents + "/" + bot + "?attributes=userName"); got != nil {
		t.Errorf("roles were not asked for: %+v", got)
	}
	if page := decodeAs[api.List[api.Agent]](g.send("GET", agents, "").is(200)); len(page.Resources[0].Roles) != 2 {
		t.Errorf("in a list the agent has %+v", page.Resources[0].Roles)
	}
}

// TestRoleList: pages, filters and searches, of both versions.
func TestRoleList(t *testing.T) {
	g := newRig(t)
	if a := g.send("GET", api.PathRoles, "").is(200); strings.Contains(a.body, "Resources") || a.json()["totalResults"] != 0.0 {
		t.Errorf("no roles are %s", a.body)
	}
	bot := g.bare("bot")
	first, second := g.role("Reader", bot), g.role("writer")
	for query, want := range map[string][]string{
		"":                                {first, second},
		"count=1":                         {first},
		"startIndex=2&count=9":            {second},
		"startIndex=3":                    nil,
		"count=0":                         nil,
		"filter=displayName+eq+reader":    {first},
		"filter=displayName+co+%22rit%22": {second},
		"filter=urn:ietf:params:scim:schemas:extension:2.0:Role:displayName+sw+w": {second},
		"filter=id+eq+" + second:                                            {second},
		"filter=audience.type+eq+organization+and+displayName+sw+r":         {first},
		"filter=audience.type+eq+application":                               nil,
		"filter=displayName+eq+reader&attributes=users&excludedAttributes=": {first},
	} {
		page := decodeAs[api.List[api.RoleResource]](g.send("GET", api.PathRoles+"?"+query, "").is(200))
		var got []string
		for _, r := range page.Resources {
			got = append(got, r.ID)
			if asked := strings.Contains(query, "attributes=users"); asked != (len(r.Users) == 1) || r.Permissions != nil {
				t.Errorf("%s tells %+v", query, r)
			}
		}
		if !slices.Equal(got, want) || page.ItemsPerPage != len(want) {
			t.Errorf("%q gives %v, want %v", query, got, want)
		}
	}
	a := g.send("POST", api.PathRoleSearchV3, `{"schemas":["`+api.SchemaSearch+`"],"startIndex":1,"filter":"displayName eq reader","attributes":["users","permissions"]}`).is(200)
	if page := decodeAs[api.List[api.RoleResource]](a); page.TotalResults != 1 || len(page.Resources[0].Users) != 1 || len(page.Resources[0].Permissions) != 1 ||
		!strings.HasPrefix(page.Resources[0].Meta.Location, base+api.PathRolesV3) {
		t.Errorf("a search gives %s", a.body)
	}
	g.send("GET", api.PathRoles+"?sortBy=displayName", "").scimError(501, "", "Sorting is not supported.")
	g.send("GET", api.PathRoles+"?filter=members+eq+x", "").refuses(400, api.TypeInvalidFilter, "members")
	g.send("GET", api.PathRoles+"?filter=(", "").refuses(400, api.TypeInvalidFilter, "cannot be read")
}

// TestRoleUsers: every form in which members come and go; the others stay.
func TestRoleUsers(t *testing.T) {
	g := newRig(t)
	a, b, c := g.bare("a"), g.bare("b"), g.bare("c")
	list := func(ids ...string) string {
		var out []string
		for _, id := range ids {
			out = append(out, `{"value":"`+id+`"}`)
		}
		return "[" + strings.Join(out, ",") + "]"
	}
	op := func(members string) string {
		return `{"schemas":["` + api.SchemaPatch + `"],"Operations":[{` + members + `}]}`
	}
	v2, v3, users := api.PathRoles, api.PathRolesV3, "/Users"
	for name, tt := range map[string]struct {
		path, body string
		want       []string // of a and b, who are there
	}{
		"v2 add":                   {v2, op(`"op":"add","path":"users","value":` + list(c)), []string{a, b, c}},
		"v2 add in capitals":       {v2, op(`"op":"ADD","path":"Users","value":` + list(c)), []string{a, b, c}},
		"v2 add one":               {v2, op(`"op":"add","path":"users","value":{"value":"` + c + `"}`), []string{a, b, c}},
		"v2 add without a path":    {v2, op(`"op":"add","value":{"users":` + list(c) + `}`), []string{a, b, c}},
		"v2 replace":               {v2, op(`"op":"replace","path":"users","value":` + list(c, b)), []string{b, c}},
		"v2 remove":                {v2, op(`"op":"remove","path":"users[value eq ` + a + `]"`), []string{b}},
		"v2 remove in quotes":      {v2, op(`"op":"remove","path":"users[value eq \"` + a + `\"]"`), []string{b}},
		"v2 remove by the urn":     {v2, op(`"op":"remove","path":"` + api.SchemaRole + `:users[value eq ` + a + `]"`), []string{b}},
		"v2 remove by value":       {v2, op(`"op":"remove","path":"users","value":` + list(a)), []string{b}},
		"v2 remove everybody":      {v2, op(`"op":"remove","path":"users"`), nil},
		"v2 remove a stranger":     {v2, op(`"op":"remove","path":"users[value eq ` + c + `]"`), []string{a, b}},
		"v2 one goes, one comes":   {v2, op(`"op":"remove","path":"users[value eq ` + a + `]"},{"op":"add","path":"users","value":` + list(c)), []string{b, c}},
		"v2 all go, one comes":     {v2, op(`"op":"remove","path":"users"},{"op":"add","path":"users","value":` + list(c)), []string{c}},
		"v3 users in the role":     {v3, op(`"op":"add","path":"users","value":` + list(c)), []string{a, b, c}},
		"v3 add":                   {users, op(`"op":"add","value":` + list(c)), []string{a, b, c}},
		"v3 add with a path":       {users, op(`"op":"add","path":"users","value":` + list(c)), []string{a, b, c}},
		"v3 replace":               {users, op(`"op":"replace","value":` + list(c)), []string{c}},
		"v3 remove":                {users, op(`"op":"remove","path":"value eq ` + a + `"`), []string{b}},
		"v3 remove, path of v2":    {users, op(`"op":"remove","path":"users[value eq ` + a + `]"`), []string{b}},
		"v3 remove everybody":      {users, op(`"op":"remove"`), nil},
		"v3 one comes, one goes":   {users, op(`"op":"add","value":` + list(c) + `},{"op":"remove","path":"value eq ` + b + `"`), []string{a, c}},
		"v3 PUT of users":          {"PUT " + users, list(b, c), []string{b, c}},
		"v2 PUT with users":        {"PUT " + v2, `{"displayName":"r","users":` + list(c) + `}`, []string{c}},
		"v2 PUT without users":     {"PUT " + v2, `{"displayName":"r"}`, nil},
		"v3 PUT without users":     {"PUT " + v3, `{"displayName":"r"}`, []string{a, b}},
		"v2 permissions, no users": {v2, op(`"op":"remove","path":"permissions[value eq read]"`), []string{a, b}},
	} {
		t.Run(name, func(t *testing.T) {
			g := g.in(t)
			id := g.role("r", a, b)
			method, path, put := strings.Cut(tt.path, " ")
			if !put {
				method, path = http.MethodPatch, tt.path
			}
			if path == users {
				path = v3 + "/" + id + users
			} else {
				path += "/" + id
			}
			g.send(method, path, tt.body).is(200)
			if got := g.members(id); !slices.Equal(got, tt.want) {
				t.Errorf("members %v, want %v", got, tt.want)
			}
			g.send("DELETE", v2+"/"+id, "").is(204)
			g.send("GET", v2+"/"+id, "").scimError(404, "", "Role not found in the system.")
		})
	}
}

// TestRoleRefusals: what is refused says what was wrong, in SCIM, and changes
// nothing.
func TestRoleRefusals(t *testing.T) {
	g := newRig(t)
	bot := g.bare("bot")
	id := g.role("reader", bot)
	g.role("taken")
	v2, v3, users := api.PathRoles+"/"+id, api.PathRolesV3+"/"+id, api.PathRolesV3+"/"+id+"/Users"
	patch := func(op string) string { return `{"Operations":[{` + op + `}]}` }
	before := g.send("GET", v2, "").body
	for name, tt := range map[string]struct {
		method, target, body string
		status               int
		kind, says           string
	}{
		"no name":               {"POST", api.PathRoles, `{}`, 400, "invalidValue", "displayName"},
		"a name twice":          {"POST", api.PathRoles, `{"displayName":"reader"}`, 409, "uniqueness", "Role with name: reader already exists in the system."},
		"an application's":      {"POST", api.PathRoles, `{"displayName":"x","audience":{"type":"application","value":"y"}}`, 400, "invalidValue", "organization"},
		"groups":                {"POST", api.PathRoles, `{"displayName":"x","groups":[{"value":"y"}]}`, 400, "invalidValue", "groups"},
		"an unknown member":     {"POST", api.PathRoles, `{"displayName":"x","nosuch":1}`, 400, "invalidSyntax", "nosuch"},
		"an unknown agent":      {"POST", api.PathRoles, `{"displayName":"x","users":[{"value":"` + other + `"}]}`, 400, "invalidValue", other},
		"a bad permission":      {"POST", api.PathRoles, `{"displayName":"x","permissions":[{"value":"a b"}]}`, 400, "invalidValue", "permissions"},
		"a management scope":    {"PATCH", v2, patch(`"op":"add","path":"permissions","value":[{"value":"internal_agent_mgt_create"}]`), 400, "invalidValue", "never get"},
		"renamed to a used":     {"PUT", v3, `{"displayName":"taken"}`, 409, "uniqueness", "taken"},
		"no operation":          {"PATCH", v2, `{"Operations":[]}`, 400, "invalidSyntax", "Operations"},
		"another operation":     {"PATCH", v2, patch(`"op":"move","path":"users"`), 400, "invalidSyntax", "move"},
		"another attribute":     {"PATCH", v2, patch(`"op":"add","path":"scopes","value":"x"`), 400, "invalidPath", "scopes"},
		"no path":               {"PATCH", v2, patch(`"op":"remove"`), 400, "noTarget", "path"},
		"another filter":        {"PATCH", v2, patch(`"op":"remove","path":"users[value ne x]"`), 400, "invalidPath", "users[value eq"},
		"a filter that injects": {"PATCH", v2, patch(`"op":"remove","path":"users[value eq x] or users[value ne x]"`), 400, "invalidPath", "users[value eq"},
		"half a filter":         {"PATCH", v2, patch(`"op":"remove","path":"users["`), 400, "invalidPath", "users[value eq"},
		"a filter of an add":    {"PATCH", v2, patch(`"op":"add","path":"users[value eq x]","value":[]`), 400, "invalidPath", "remove"},
		"no value":              {"PATCH", v2, patch(`"op":"add","path":"users"`), 400, "invalidValue", "users"},
		"an empty id":           {"PATCH", users, patch(`"op":"add","value":[{"display":"x"}]`), 400, "invalidValue", "Number 1"},
		"a name at users":       {"PATCH", users, patch(`"op":"add","path":"displayName","value":"x"`), 400, "invalidPath", "displayName"},
		"its audience":          {"PATCH", v2, patch(`"op":"replace","path":"audience","value":{}`), 400, "mutability", "audience"},
		"its name removed":      {"PATCH", v2, patch(`"op":"remove","path":"displayName"`), 400, "invalidValue", "displayName"},
		"an object at users":    {"PUT", users, `{"users":[]}`, 400, "invalidSyntax", "array"},
		"one good, one not":     {"PATCH", v2, patch(`"op":"remove","path":"users"},{"op":"add","path":"users","value":[{"value":"` + other + `"}]`), 400, "invalidValue", other},
		"no such role":          {"PATCH", api.PathRolesV3 + "/" + other + "/Users", patch(`"op":"remove"`), 404, "", "Role not found in the system."},
		"no groups of a role":   {"PATCH", v3 + "/Groups", patch(`"op":"remove"`), 404, "", "endpoint does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			g.in(t).send(tt.method, tt.target, tt.body).refuses(tt.status, tt.kind, tt.says)
		})
	}
	if after := g.send("GET", v2, "").body; after != before {
		t.Errorf("the role changed from\n%s\nto\n%s", before, after)
	}
	if total := g.send("GET", api.PathRoles, "").json()["totalResults"]; total != 2.0 {
		t.Errorf("there are %v roles, want 2", total)
	}
}

// TestAsgardeoRoles: an agent has everyone and what it was given, and a role may
// have the permissions of WSO2's examples.
func TestAsgardeoRoles(t *testing.T) {
	g := newAsgardeo(t)
	bot, _ := g.send("POST", agents, `{"`+api.SchemaWSO2Agent+`":{"DisplayName":"bot"}}`).is(201).json()["id"].(string)
	made := g.send("POST", api.PathRoles, `{"schemas":["`+api.SchemaRole+`"],"displayName":"loginRole","users":[{"value":"`+bot+`"}],"permissions":[{"value":"internal_login","display":"Internal Login"}]}`).is(201)
	id, _ := made.json()["id"].(string)
	roles := decodeAs[api.Agent](g.send("GET", agents+"/"+bot, "").is(200)).Roles
	if len(roles) != 2 || roles[0].Display != "everyone" || roles[1].Value != id || roles[1].Display != "loginRole" {
		t.Errorf("the roles of the agent are %+v", roles)
	}
	g.send("PATCH", api.PathRolesV3+"/"+id+"/Users", `{"Operations":[{"op":"remove","path":"value eq `+bot+`"}]}`).is(200)
	if roles := decodeAs[api.Agent](g.send("GET", agents+"/"+bot, "").is(200)).Roles; len(roles) != 1 {
		t.Errorf("afterwards they are %+v", roles)
	}
}

// TestAsgardeoEveryone: the role that agents show is a role as others are, and
// nobody changes it.
func TestAsgardeoEveryone(t *testing.T) {
	g := newAsgardeo(t)
	bot, _ := g.send("POST", agents, `{"`+api.SchemaWSO2Agent+`":{"DisplayName":"bot"}}`).is(201).json()["id"].(string)
	shown := decodeAs[api.Agent](g.send("GET", agents+"/"+bot, "").is(200)).Roles[0]
	for _, name := range []string{"reader", "writer"} {
		g.send("POST", api.PathRoles, `{"displayName":"`+name+`"}`).is(201)
	}
	for query, want := range map[string][]string{
		"":                                     {"everyone", "reader", "writer"},
		"?count=1":                             {"everyone"},
		"?startIndex=2&count=1":                {"reader"},
		"?startIndex=2":                        {"reader", "writer"},
		"?startIndex=4":                        nil,
		"?filter=displayName+eq+everyone":      {"everyone"},
		"?filter=displayName+co+r":             {"everyone", "reader", "writer"},
		"?filter=displayName+eq+reader":        {"reader"},
		"?filter=id+eq+" + shown.Value:         {"everyone"},
		"?filter=audience.type+eq+application": nil,
	} {
		page := decodeAs[api.List[api.RoleResource]](g.send("GET", api.PathRoles+query, "").is(200))
		var got []string
		for _, r := range page.Resources {
			got = append(got, r.DisplayName)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || page.ItemsPerPage != len(want) {
			t.Errorf("%q has %v of %d, want %v", query, got, page.TotalResults, want)
		}
	}
	if total := g.send("GET", api.PathRoles+"?count=1", "").json()["totalResults"]; total != 3.0 {
		t.Errorf("there are %v roles", total)
	}
	for _, path := range []string{api.PathRoles, api.PathRolesV3} {
		one := path + "/" + shown.Value
		if r := decodeAs[api.RoleResource](g.send("GET", one, "").is(200)); r.ID != shown.Value || r.DisplayName != "everyone" || r.Users != nil {
			t.Errorf("the role is %+v", r)
		}
		add := `{"Operations":[{"op":"add","path":"users","value":[{"value":"` + bot + `"}]}]}`
		g.send("PATCH", one, add).refuses(403, "", "Cannot be changed")
		g.send("PUT", one, `{"displayName":"all"}`).refuses(403, "", "Cannot be changed")
		g.send("DELETE", one, "").refuses(403, "", "Role: everyone Cannot be deleted")
		g.send("POST", path, `{"displayName":"Everyone"}`).refuses(409, "uniqueness", "already exists")
	}
	g.send("PATCH", api.PathRolesV3+"/"+shown.Value+"/Users", `{"Operations":[{"op":"remove","path":"users"}]}`).refuses(403, "", "Cannot be changed")
	newRig(t).send("POST", api.PathRoles, `{"displayName":"everyone"}`).is(201) // where nobody has it
}
