package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// TestHostileBodies sends what no client of good will sends. Each is refused
// with a text that says why, in both dialects, and makes nothing.
func TestHostileBodies(t *testing.T) {
	shared := newRig(t)
	for _, tt := range []struct {
		name, body string
		says       string
	}{
		{"empty", ` `, "empty"},
		{"null", `null`, "object"},
		{"array", `[]`, "object"},
		{"string", `"x"`, "object"},
		{"not JSON", `hello`, "object"},
		{"HTML", `<html>`, "object"},
		{"cut off", `{"a":`, "ends"},
		{"cut off in a string", `{"a`, "ends"},
		{"no value", `{"a":}`, "byte"},
		{"comma at the end", `{"a":1,}`, "byte"},
		{"comment", `{/*x*/}`, "byte"},
		{"single quotes", `{'a':1}`, "byte"},
		{"two objects", `{}{}`, "after"},
		{"garbage behind", `{} x`, "after"},
		{"NaN", `{"externalId":NaN}`, "byte"},
		{"raw newline in a string", "{\"externalId\":\"a\nb\"}", "byte"},
		{"not UTF-8", "{\"externalId\":\"a\xffb\"}", "UTF-8"},
		{"unknown member", `{"power":1}`, "power"},
		{"unknown member of our extension", `{"` + api.SchemaCredentials + `":{"power":1}}`, "power"},
		{"member twice", `{"externalId":"a","externalId":"b"}`, "externalId"},
		{"member twice in other letters", `{"externalId":"a","EXTERNALID":"b"}`, "EXTERNALID"},
		{"member twice further down", `{"urn:scim:wso2:agent:schema":{"Url":"a","Url":"b"}}`, "Url"},
		{"member twice in a list", `{"roles":[{"a":[1,{"b":1,"b":2}]}]}`, `\"b\"`},
		{"wrong type", `{"externalId":["a"]}`, "externalId"},
		{"long text", `{"externalId":"` + strings.Repeat("x", 1025) + `"}`, "1025"},
		{"NUL", `{"externalId":"\u0000"}`, "NUL"},
		{"name of an attribute", `{"urn:scim:wso2:agent:schema":{"a'b":"x"}}`, "a'b"},
		{"long name of an attribute", `{"urn:scim:wso2:agent:schema":{"` + strings.Repeat("a", 256) + `":"x"}}`, "aaa"},
		{"deep", strings.Repeat(`{"a":`, 20000), "ends"},
		{"deep and whole", `{"roles":` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := shared.in(t)
			a := g.send("POST", agents, tt.body, "Content-Type", "application/json").is(400)
			if a.json()["status"] != "400" || !strings.Contains(a.body, tt.says) {
				t.Errorf("answered %s, want a text that says %q", a.body, tt.says)
			}
			if total := g.send("GET", agents, "").json()["totalResults"]; total != 0.0 {
				t.Errorf("there are %v agents", total)
			}
		})
	}
}

func TestHostileBodiesOfOurOwn(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	for body, says := range map[string]string{
		`{"secretValue":1}`:                                          "a secret must be a JSON string",
		`{"secretValue":["Hunter-2-hunter"]}`:                        "a secret must be a JSON string",
		`{"secretValue":"Hunter-2-hunter","power":1}`:                `unknown field \"power\"`,
		`{"expiresAt":"tomorrow"}`:                                   `\"expiresAt\" must be a whole number`,
		`{"expiresAt":1.5}`:                                          `\"expiresAt\" must be a whole number`,
		`{"expiresAt":99999999999999999999}`:                         `\"expiresAt\" must be a whole number`,
		`{"expiresAt":-1}`:                                           "expiresAt",
		`{"expiresAt":253402300800}`:                                 "9999",
		`{"expiresAt":1}`:                                            "not in the future",
		`{"revoke":"x"}`:                                             `\"revoke\" must be a list`,
		`{"revoke":[""]}`:                                            "empty",
		`{"revoke":[1]}`:                                             `\"revoke\" must be a string`,
		`{"previous":{"secretId":"x"}}`:                              "previous needs a secretId and an expiresAt",
		`{"previous":{"expiresAt":1}}`:                               "previous needs a secretId and an expiresAt",
		`{"previous":{"secretId":"x","expiresAt":-1}}`:               "previous needs a secretId and an expiresAt",
		`{"previous":[]}`:                                            "previous",
		`{"previous":{"secretId":"x","expiresAt":1,"secretid":"y"}}`: "twice",
		`{"secretValue":"short"}`:                                    "too weak: it has 5 characters, 8 to 100 are needed",
		`{"secretValue":"HUNTER-2-HUNTER"}`:                          "too weak: it needs a lower-case letter",
		`{"secretValue":"hunter-2-hunter"}`:                          "too weak: it needs an upper-case letter",
		`{"secretValue":"Hunter-hunter"}`:                            "too weak: it needs a digit",
		`{"secretValue":"` + strings.Repeat("Ab1", 50) + `"}`:        "too weak",
		`{"secretValue":"Hunter-2-\u0007-hunter"}`:                   "too weak: it has a control character",
	} {
		a := g.send("POST", service+id+"/secrets", body).is(400)
		if !strings.Contains(a.body, says) || strings.Contains(strings.ToLower(a.body), "hunter") {
			t.Errorf("%s answered %s, want a text that says %q and no secret", body, a.body, says)
		}
	}
	if list := decodeAs[api.SecretList](g.send("GET", service+id+"/secrets", "")); list.Count != 0 {
		t.Errorf("a refused request made a secret: %+v", list)
	}
}

// TestMediaTypes: bodies must be labelled as JSON, and the caller must take it.
func TestMediaTypes(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	for _, tt := range []struct {
		header, value string
		ok            bool
		says          string
	}{
		{"Content-Type", "application/json", true, ""},
		{"Content-Type", "application/scim+json", true, ""},
		{"Content-Type", "Application/JSON; charset=UTF-8", true, ""},
		{"Content-Type", `application/json; charset="utf-8"`, true, ""},
		{"Content-Type", "", false, "not present"},
		{"Content-Type", "text/plain", false, "text/plain is not supported for agent operations."},
		{"Content-Type", "application/x-www-form-urlencoded", false, "is not supported"},
		{"Content-Type", "application/jsonp", false, "is not supported"},
		{"Content-Type", "application/json, text/html", false, "is not supported"},
		{"Content-Type", "application/json; charset=utf-16", false, "utf-16"},
		{"Content-Type", "nonsense;;;=", false, "is not supported"},
		{"Content-Encoding", "gzip", false, "gzip"},
		{"Content-Encoding", "identity", true, ""},
		{"Accept", "", true, ""},
		{"Accept", "*/*", true, ""},
		{"Accept", "application/*", true, ""},
		{"Accept", "application/json", true, ""},
		{"Accept", "text/html, APPLICATION/SCIM+JSON;q=0.5", true, ""},
		{"Accept", "application/scim+json, application/json", true, ""},
		{"Accept", "text/html", false, "text/html is not supported for agent operations."},
		{"Accept", "application/xml, image/*", false, "is not supported"},
	} {
		for _, target := range []struct{ method, path, body string }{
			{"PATCH", agents + "/" + id, `{"Operations":[{"op":"replace","value":{}}]}`},
			{"POST", agents + "/.search", `{}`},
			{"PATCH", service + id + "/secrets/" + newID, `{"expiresAt":0}`}, // there is none: 404
		} {
			a := g.send(target.method, target.path, target.body, tt.header, tt.value)
			if (a.status != 406) != tt.ok || !strings.Contains(a.body, tt.says) {
				t.Errorf("%s with %s %q = %d %s, want a text that says %q", a.what, tt.header, tt.value, a.status, a.body, tt.says)
			}
		}
	}
	g.send("GET", agents, "", "Accept", "text/html").is(406)
	g.send("POST", service+id+"/revoke", "").is(200) // it has no body to label
	g.send("GET", "/healthz", "", "Accept", "text/plain").is(200)
}

func TestTooLarge(t *testing.T) {
	g := newRig(t, func(c *server.Config) { c.MaxBody = 100_000 })
	id := g.bare("bot")
	filled := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	for _, tt := range []struct {
		method, target string
		limit          int
	}{
		{"POST", agents, 100_000},
		{"PUT", agents + "/" + id, 100_000},
		{"PATCH", agents + "/" + id, 100_000},
		{"POST", agents + "/.search", 64 << 10},
		{"POST", service + id + "/secrets", 64 << 10},
		{"PUT", service + id + "/secrets/" + newID, 64 << 10},
	} {
		if a := g.send(tt.method, tt.target, filled(tt.limit)).is(400); !strings.Contains(a.body, `\"a\"`) {
			t.Errorf("%s with the largest body: %s", a.what, a.body)
		}
		if a := g.send(tt.method, tt.target, filled(tt.limit+1)).is(413); !strings.Contains(a.body, fmt.Sprint(tt.limit)) {
			t.Errorf("%s does not name the limit: %s", a.what, a.body)
		}
	}
	g = newRig(t)
	g.send("POST", agents, filled(1<<20)).is(400)
	g.send("POST", agents, filled(1<<20+1)).is(413)
}

// TestPaths: a path leads to one place, or nowhere. Nothing is redirected: a
// DELETE that follows would hit another thing.
func TestPaths(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	for _, tt := range []struct {
		method, target string
		status         int
	}{
		{"GET", "/", 404},
		{"GET", "/scim2", 404},
		{"GET", "/scim2/", 404},
		{"GET", "/scim2/agents", 404},
		{"GET", "/scim2/Agents/", 404},
		{"GET", "//scim2/Agents", 404},
		{"GET", "/scim2//Agents", 404},
		{"GET", "/scim2/x/../Agents", 404},
		{"DELETE", "/scim2/Agents/" + id + "/..", 404},
		{"DELETE", "/scim2/Agents/" + id + "/.", 404},
		{"DELETE", "/scim2/Agents/" + id + "/", 404},
		{"DELETE", "/scim2/Agents/..", 404},
		{"DELETE", "/scim2/Agents/%2e%2e", 404},
		{"DELETE", "/scim2/Agents/x%2f..%2f" + id, 404},
		{"DELETE", "/scim2/Agents/%2e%2e%2fAgents%2f" + id, 404},
		{"GET", "/scim2/Agents/" + strings.ToUpper(id), 404},
		{"GET", "/scim2/Agents/AGENT%2F" + id, 404},
		{"GET", "/scim2/Agents/%00", 404},
		{"GET", "/scim2/Agents/%ff", 404},
		{"GET", "/scim2/Agents/" + strings.Repeat("x", 10000), 404},
		{"GET", "/scim2/Agents/'%20OR%201=1--", 404},
		{"GET", "/scim2/Agents/.search", 405},
		{"DELETE", "/scim2/Agents", 405},
		{"POST", "/scim2/Agents/" + id, 405},
		{"OPTIONS", "/scim2/Agents", 405},
		{"TRACE", "/scim2/Agents", 405},
		{"get", "/scim2/Agents", 405},
		{"POST", "/scim2/Schemas", 405},
		{"GET", "/api/server/v1/agents", 404},
		{"GET", "/api/server/v1/agents/" + id, 404},
		{"GET", "/api/server/v1/agents/" + id + "/secrets/", 404},
		{"GET", "/api/server/v1/agents/" + id + "/revoke", 405},
		{"PUT", "/api/server/v1/agents/" + id + "/secrets", 405},
		{"GET", "/scim2/Agents?count=%zz", 400},
		{"GET", "/scim2/Agents?a=1;b=2", 400},
	} {
		a := g.send(tt.method, tt.target, "").is(tt.status)
		if a.header.Get("Location") != "" {
			t.Errorf("%s redirects to %s", a.what, a.header.Get("Location"))
		}
		if tt.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", a.what)
		}
		if strings.HasPrefix(tt.target, "/scim2") != strings.Contains(a.body, api.SchemaError) && tt.method != "HEAD" {
			t.Errorf("%s answers in the wrong dialect: %s", a.what, a.body)
		}
	}
	g.send("GET", agents+"/"+id, "").is(200)
}

// TestManyHeaders: a header that is there twice.
func TestManyHeaders(t *testing.T) {
	g := newRig(t)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, agents, strings.NewReader("{}"))
	req.Header.Set("Authorization", admin)
	req.Header["Content-Type"] = []string{"application/json", "text/html"}
	g.do(req).is(406)
	req = httptest.NewRequestWithContext(t.Context(), http.MethodGet, agents, nil)
	req.Header.Set("Authorization", admin)
	req.Header["Accept"] = []string{"text/html", "application/json"}
	g.do(req).is(200)
}
