package client_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

func TestNewBaseURL(t *testing.T) {
	for _, tt := range []struct{ in, want, problem string }{
		{in: "https://api.asgardeo.io/t/acme", want: "https://api.asgardeo.io/t/acme"},
		{in: "https://api.asgardeo.io/t/acme/", want: "https://api.asgardeo.io/t/acme"},
		{in: "https://api.asgardeo.io/t/acme/scim2", want: "https://api.asgardeo.io/t/acme"},
		{in: "https://api.asgardeo.io/t/acme/scim2/", want: "https://api.asgardeo.io/t/acme"},
		{in: " https://is.example:9443/scim2/Agents/ ", want: "https://is.example:9443"},
		{in: "HTTPS://is.example:9443//", want: "https://is.example:9443"},
		{in: "https://is.example/t/acme/o/scim2", want: "https://is.example/t/acme/o"},
		{in: "http://localhost:8484", want: "http://localhost:8484"},
		{in: "http://127.0.0.9:1/x", want: "http://127.0.0.9:1/x"},
		{in: "http://[::1]:8484", want: "http://[::1]:8484"},
		{in: "http://embedded.localhost", want: "http://embedded.localhost"},
		{in: "https://api.asgardeo.io/t/acme/oauth2/token", want: "https://api.asgardeo.io/t/acme"},
		{in: "https://is.example:9443/t/carbon.super/api/server/v1/", want: "https://is.example:9443/t/carbon.super"},
		{in: "https://is.example/o", want: "https://is.example/o"},
		{in: "https://is.example/t/o", want: "https://is.example/t/o"},
		{in: "https://api.asgardeo.io/t/acme/o/10084a8d-113f/scim2/", want: "https://api.asgardeo.io/t/acme/o/10084a8d-113f"},
		{in: "https://is.example:9443/o/10084a8d-113f/oauth2/token", want: "https://is.example:9443/o/10084a8d-113f"},
		{in: "https://console.asgardeo.io/t/acme", problem: "for browsers"},
		{in: "https://api.asgardeo.io", problem: "must name the organization"},
		{in: "", problem: "must start with https://"},
		{in: "api.asgardeo.io/t/acme", problem: "must start with https://"},
		{in: "localhost:8484", problem: "must start with https://"},
		{in: "ftp://example.org", problem: "must start with https://"},
		{in: "http://example.org", problem: "use https://"},
		{in: "http://localhost.example.org", problem: "use https://"},
		{in: "http://10.0.0.1:8484", problem: "use https://"},
		{in: "https://", problem: "name a host"},
		{in: "https:///t/acme", problem: "name a host"},
		{in: "https://me:hunter2secret@example.org", problem: "username and password"},
		{in: "https://me:hunter2secret@example.org:port", problem: "not a URL"},
		{in: "https://example.org/?token=hunter2secret", problem: "before the ?"},
		{in: "https://example.org/#hunter2secret", problem: "before the ?"},
		{in: "https://example.org/%zz", problem: "not a URL"},
	} {
		t.Run(tt.in, func(t *testing.T) {
			c, err := client.New(client.Config{BaseURL: tt.in})
			if tt.problem == "" {
				if err != nil || c.BaseURL() != tt.want {
					t.Fatalf("New(%q) = %v, %v; want %s", tt.in, c, err, tt.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("New(%q) error = %v, want one with %q", tt.in, err, tt.problem)
			}
		})
	}
}

func TestNewOrganization(t *testing.T) {
	m2m := client.ClientCredentials("app", secret.New("hunter2"))
	for _, tt := range []struct {
		cfg     client.Config
		problem string
	}{
		{client.Config{BaseURL: "https://is.example/t/acme/o", Auth: m2m, Organization: "x"}, ""},
		{client.Config{BaseURL: "https://is.example/o", Auth: m2m, Organization: "x"}, ""},
		{client.Config{BaseURL: "https://is.example/o", Auth: client.BearerToken(secret.New("x"))}, ""},
		{client.Config{BaseURL: "https://is.example/t/o", Auth: m2m}, ""},
		{client.Config{BaseURL: "https://is.example/t/acme/o", Auth: m2m}, "organization_id is needed"},
		{client.Config{BaseURL: "https://is.example/t/acme", Auth: m2m, Organization: "x"}, "organization_id needs an endpoint"},
		{client.Config{BaseURL: "https://is.example/o", Auth: m2m, Organization: "x\n"}, "organization_id holds"},
	} {
		_, err := client.New(tt.cfg)
		if (err == nil) != (tt.problem == "") || err != nil && !strings.Contains(err.Error(), tt.problem) {
			t.Errorf("New(%q, %q) = %v, want %q", tt.cfg.BaseURL, tt.cfg.Organization, err, tt.problem)
		}
	}
}

func TestNewAuth(t *testing.T) {
	pw := secret.New("hunter2\n")
	for _, tt := range []struct {
		name    string
		auth    client.Auth
		problem string
	}{
		{"token", client.BearerToken(pw), "access_token holds a line break"},
		{"token with a blank", client.BearerToken(secret.New("hunter2 x")), "access_token holds"},
		{"no token", client.BearerToken(secret.Text{}), "access_token is empty"},
		{"basic", client.Basic("admin", pw), "password holds a line break"},
		{"colon", client.Basic("ad:min", secret.New("x")), "username must not hold a colon"},
		{"no user", client.Basic("", secret.New("x")), "username is empty"},
		{"client", client.ClientCredentials("id", pw), "client_secret holds a line break"},
		{"no client", client.ClientCredentials("", secret.New("x")), "client_id is empty"},
		{"fine", client.Basic("admin", secret.New("pass word")), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := client.New(client.Config{BaseURL: "https://example.org", Auth: tt.auth})
			switch {
			case tt.problem == "" && err != nil:
				t.Errorf("New = %v, want no error", err)
			case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), "hunter2")):
				t.Errorf("New = %v, want an error with %q and without the secret", err, tt.problem)
			}
		})
	}
}

// TestWire says what each call sends.
func TestWire(t *testing.T) {
	const secrets = "/api/server/v1/agents/a1/secrets"
	for _, tt := range []struct {
		name   string
		call   func(context.Context, *client.Client) error
		method string
		path   string
		body   string
		header map[string]string
	}{
		{"create", calls(t)["create"], "POST", "/scim2/Agents", `{"displayName":"bot"}`, map[string]string{"Content-Type": "application/scim+json"}},
		{"create with a password", func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateAgent(ctx, api.Agent{Password: secret.New(value)})
			return err
		}, "POST", "/scim2/Agents", `{"password":"Xk7#mQ2\u0026pL9!vR4$"}`, nil},
		{"patch", calls(t)["patch"], "PATCH", "/scim2/Agents/a1",
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"urn:scim:wso2:agent:schema:DisplayName","value":"new"}]}`, nil},
		{"replace", calls(t)["replace"], "PUT", "/scim2/Agents/a1", `{"id":"a1","externalId":"ext-a1","userName":"AGENT/a1"}`, nil},
		{"delete", calls(t)["delete"], "DELETE", "/scim2/Agents/a1", "", map[string]string{"Agentcreds-Owner-Token": "", "Content-Type": ""}},
		{"delete ours", func(ctx context.Context, c *client.Client) error { return c.DeleteAgent(ctx, "a1", "tok") },
			"DELETE", "/scim2/Agents/a1", "", map[string]string{"Agentcreds-Owner-Token": "tok"}},
		{"put secret", calls(t)["put secret"], "PUT", secrets + "/s2", `{"secretValue":"Xk7#mQ2\u0026pL9!vR4$"}`,
			map[string]string{"If-Match": `"s1"`, "If-None-Match": "", "Content-Type": "application/json"}},
		{"put the first secret", func(ctx context.Context, c *client.Client) error {
			_, err := c.PutSecret(ctx, "a1", "s2", api.SecretRequest{Previous: &api.Retire{SecretID: "s1", ExpiresAt: 9}, Revoke: []string{"s0"}}, client.NoSecretYet)
			return err
		}, "PUT", secrets + "/s2", `{"previous":{"secretId":"s1","expiresAt":9},"revoke":["s0"]}`, map[string]string{"If-Match": "", "If-None-Match": "*"}},
		{"add secret", calls(t)["add secret"], "POST", secrets, `{}`, nil},
		{"expire secret", calls(t)["expire secret"], "PATCH", secrets + "/s1", `{"expiresAt":5}`, nil},
		{"revoke secret", func(ctx context.Context, c *client.Client) error { return c.RevokeSecret(ctx, "a1", "s1", "s1") },
			"DELETE", secrets + "/s1", "", map[string]string{"If-Match": `"s1"`}},
		{"revoke any", calls(t)["revoke secret"], "DELETE", secrets + "/s1", "", map[string]string{"If-Match": "", "If-None-Match": ""}},
		{"revoke all", calls(t)["revoke all"], "POST", "/api/server/v1/agents/a1/revoke", "", nil},
		{"secret", func(ctx context.Context, c *client.Client) error { _, err := c.Secret(ctx, "a1", "s1"); return err }, "GET", secrets + "/s1", "", nil},
		{"an id with a slash", func(ctx context.Context, c *client.Client) error { return c.DeleteAgent(ctx, "a/../b?c#d", "") },
			"DELETE", "/scim2/Agents/a%2F..%2Fb%3Fc%23d", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := reference(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodDelete || strings.HasSuffix(r.URL.Path, "/revoke"):
					w.WriteHeader(204)
				case strings.Contains(r.URL.Path, "/secrets"):
					reply(w, 200, api.Secret{SecretID: "s2"})
				default:
					reply(w, 200, agent("a1"))
				}
			})
			c := f.over(t, func(cfg *client.Config) { cfg.BaseURL += "/t/acme"; cfg.UserAgent = "tester/1" })
			if err := tt.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			got := f.requests()
			if len(got) != 1 {
				t.Fatalf("%d requests, want 1: %v", len(got), got)
			}
			if diff := cmp.Diff([]string{"/t/acme" + tt.path, tt.method, tt.body}, []string{got[0].path, got[0].method, got[0].body}); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			for name, want := range tt.header {
				if h := got[0].header.Get(name); h != want {
					t.Errorf("header %s = %q, want %q", name, h, want)
				}
			}
			if h := got[0].header; h.Get("User-Agent") != "tester/1" || h.Get("Accept") != "application/scim+json, application/json" || h.Get("Authorization") != "" {
				t.Errorf("headers = %v", h)
			}
		})
	}
}

// TestReadAttributes: metadata of secrets is asked for by name where there is
// some, and nothing is asked for where the names would not be known.
func TestReadAttributes(t *testing.T) {
	list := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != api.PathAgents {
			reply(w, 200, agent("a1"))
			return
		}
		l := api.List[api.Agent]{Schemas: []string{api.SchemaList}}
		if r.URL.Query().Get("startIndex") == "1" {
			l.Resources = []api.Agent{agent("a1")}
		}
		reply(w, 200, l)
	}
	read := func(t *testing.T, f *fake) []request {
		c := f.over(t)
		if _, err := c.Agent(t.Context(), "a1"); err != nil {
			t.Fatal(err)
		}
		for _, err := range c.FindAgents(t.Context(), api.Filter{{Attribute: "id", Op: "sw", Value: `a"`}}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		return f.requests()
	}
	const ours = "urn%3Aagentcreds%3Aparams%3Ascim%3Aschemas%3Aextension%3Acredentials%3A1.0%3AAgent"
	const names = "attributes=externalId%2CuserName%2Cactive%2Cmeta%2Croles%2Curn%3Ascim%3Awso2%3Aagent%3Aschema%2Curn%3Ascim%3Awso2%3Aschema%2C" +
		ours + "%2C" + ours + "%3Asecrets%2C" + ours + "%3Akeys%2C" + ours + "%3Acertificates"
	const filter = "count=100&filter=id+sw+%22a%5C%22%22&startIndex="
	var got []string
	for _, r := range append(read(t, reference(list)), read(t, wso2(list))...) {
		got = append(got, r.path+"?"+r.query)
	}
	want := []string{
		"/scim2/Agents/a1?" + names, "/scim2/Agents?" + names + "&" + filter + "1", "/scim2/Agents?" + names + "&" + filter + "2",
		"/scim2/Agents/a1?", "/scim2/Agents?" + filter + "1", "/scim2/Agents?" + filter + "2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestIDs: what would name another thing in a path is not sent.
func TestIDs(t *testing.T) {
	f := reference(replyAgent)
	c := f.over(t)
	for _, id := range []string{"", ".", "..", ".search", "a b", "a\n", "\x00"} {
		_, read := c.Agent(t.Context(), id)
		_, again := c.ReadAgent(t.Context(), id)
		_, list := c.Secrets(t.Context(), id)
		_, one := c.Secret(t.Context(), "a1", id)
		_, put := c.PutSecret(t.Context(), "a1", id, secretRequest(), "")
		_, replace := c.ReplaceAgent(t.Context(), api.Agent{ID: id})
		for i, err := range []error{read, again, list, one, put, replace, c.DeleteAgent(t.Context(), id, ""), c.RevokeAll(t.Context(), id)} {
			if err == nil {
				t.Errorf("call %d takes the id %q", i, id)
			}
		}
	}
	if got := len(f.requests()) + f.configs(); got != 0 {
		t.Errorf("%d requests were made", got)
	}
}

func TestSecrets(t *testing.T) {
	f := reference(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, api.SecretList{Count: 2, List: []api.Secret{{SecretID: "s2"}, {SecretID: "s1"}}})
	})
	got, err := f.over(t).Secrets(t.Context(), "a1")
	if err != nil || len(got) != 2 || got[0].SecretID != "s2" {
		t.Errorf("Secrets = %v, %v", got, err)
	}
}

// TestAgentByExternalID: the filter may be ignored, and the id may be twice.
func TestAgentByExternalID(t *testing.T) {
	list := func(agents ...api.Agent) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			reply(w, 200, api.List[api.Agent]{Schemas: []string{api.SchemaList}, Resources: agents})
		}
	}
	twin := agent("a9")
	twin.ExternalID = "ext-a1"
	for _, tt := range []struct {
		name     string
		script   http.HandlerFunc
		want     string // id; "" is none
		fails    bool
		requests int
	}{
		{"found", list(agent("a1")), "a1", false, 1},
		{"none", list(), "", false, 1},
		{"ignored filter", sequence(list(agent("a5"), agent("a6")), list(agent("a1")), list()), "a1", false, 2},
		{"ignored filter, none", sequence(list(agent("a5")), list()), "", false, 2},
		{"twice", list(agent("a1"), twin), "", true, 1},
		{"refused", status(403), "", true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := reference(tt.script)
			a, found, err := f.over(t).AgentByExternalID(t.Context(), "ext-a1")
			if a.ID != tt.want || found != (tt.want != "") || (err != nil) != tt.fails || len(f.requests()) != tt.requests {
				t.Errorf("AgentByExternalID = %q, %v, %v after %d requests", a.ID, found, err, len(f.requests()))
			}
		})
	}
	if _, _, err := reference(list()).over(t).AgentByExternalID(t.Context(), ""); err == nil {
		t.Error("the empty external id is looked up")
	}
}
