package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// row says what a route answers to whom: a status, and where one status has two
// meanings, which. At the authn endpoint they are who logs in; at the authorize
// endpoint, which knows applications alone, who says to be one.
type row struct {
	nobody, wrongSecret, agent, otherAgent, client, introspector, expired, revoked, app int
}

// matrix is every route (S5). The token that the request is about is the
// agent's; expired and revoked are bearer tokens that end.
var matrix = map[string]row{
	"POST /oauth2/token":                          {401, 401, 200, 200, 200, 200, 401, 401, 401},
	"POST /oauth2/introspect":                     {401, 401, inactive, inactive, inactive, active, 401, 401, 401},
	"POST /oauth2/revoke":                         {401, 401, 200, 400, 400, 400, 401, 401, 401},
	"GET /oauth2/jwks":                            {200, 200, 200, 200, 200, 200, 200, 200, 200},
	"GET /.well-known/oauth-authorization-server": {200, 200, 200, 200, 200, 200, 200, 200, 200},
	"GET /.well-known/openid-configuration":       {200, 200, 200, 200, 200, 200, 200, 200, 200},
	"POST /oauth2/authorize":                      {400, 400, 400, 400, 400, 400, 400, 400, again},
	"POST /oauth2/authn":                          {400, again, code, code, again, again, again, again, again},
}

const (
	inactive = 1200 // 200, {"active": false} and nothing more
	active   = 2200 // 200, and what the token says
	again    = 3200 // 200, and what to send next
	code     = 4200 // 200, and a code for the application
)

// who asks, and what for.
type who struct {
	name   string
	header http.Header
	user   user // that the header, or the token in it, is of
	want   int
}

// ask sends what a route takes: the form of the token endpoint, unless it is
// one of the two of a login.
func (s *studio) ask(t testing.TB, route oauth.Route, w who, token string) answer {
	t.Helper()
	switch route.Pattern {
	case "/oauth2/authorize":
		return s.begin(t, "client_id", w.user.id)
	case "/oauth2/authn":
		return s.step(t, s.flow(t), basicID, w.user)
	}
	body := form("grant_type", "client_credentials", "token", token)
	if w.header == nil {
		body = form("grant_type", "client_credentials", "token", token, "client_id", w.user.id)
	}
	return s.do(t, request{method: route.Method, path: route.Pattern, header: w.header, body: body})
}

// outcome is the status, and which of its meanings it has.
func (a answer) outcome(t *testing.T) int {
	t.Helper()
	switch {
	case a.json["active"] == false && len(a.json) == 1:
		return inactive
	case a.json["active"] == true:
		return active
	case a.json["active"] != nil:
		t.Errorf("inactive, and more: %s", a.text)
	case a.json["authData"] != nil:
		return code
	case a.json["nextStep"] != nil:
		return again
	}
	return a.status
}

func TestRoutes(t *testing.T) {
	o := newStudio(t)
	bot, other := o.bot(t, authority.AgentChange{}), o.bot(t, authority.AgentChange{})
	terraform, watcher := o.client(t, "terraform", "internal_agent_mgt_view"), o.client(t, "watcher", oauth.ScopeIntrospect)
	ended, gone := o.bot(t, authority.AgentChange{}), o.token(t, other)
	dead := o.token(t, ended)
	if err := o.RevokeToken(t.Context(), authority.Caller{ID: other.id, Agent: true}, secret.New(gone)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RevokeAgent(t.Context(), admin, ended.id); err != nil {
		t.Fatal(err)
	}
	wrong := user{bot.id, secret.Generate().Reveal()}
	for _, route := range o.Routes() {
		name := route.Method + " " + route.Pattern
		want, ok := matrix[name]
		if !ok {
			t.Errorf("%s has no row in the matrix", name)
			continue
		}
		for _, tt := range []who{
			{"nobody", nil, user{}, want.nobody},
			{"wrong secret", wrong.basic(), wrong, want.wrongSecret},
			{"other agent", other.basic(), other, want.otherAgent},
			{"client", terraform.basic(), terraform, want.client},
			{"introspector", watcher.basic(), watcher, want.introspector},
			{"token of a revoked agent", bearer(dead), ended, want.expired},
			{"revoked token", bearer(gone), user{other.id, gone}, want.revoked},
			{"application", nil, user{appID, "x"}, want.app},
			{"agent", bot.basic(), bot, want.agent},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				about := o.token(t, bot)
				a := o.ask(t, route, tt, about)
				if got := a.outcome(t); got != tt.want {
					t.Errorf("%d %s, want %d", got, a.text, tt.want)
				}
				_, err := o.Inspect(t.Context(), secret.New(about))
				if ended := strings.HasSuffix(route.Pattern, "revoke") && tt.name == "agent"; ended == (err == nil) {
					t.Errorf("the token after it: %v", err)
				}
			})
		}
	}
	if len(matrix) != len(o.Routes()) {
		t.Errorf("the matrix has %d rows for %d routes", len(matrix), len(o.Routes()))
	}
}

// What introspection says, and to whom: the client with the scope, and whom the
// token is for, by its id or by the name of a management client.
func TestIntrospect(t *testing.T) {
	o := newOffice(t)
	server := o.bot(t, authority.AgentChange{})
	bot := o.bot(t, authority.AgentChange{Scopes: &[]string{"read"}, Audiences: &[]string{api, server.id}})
	watcher, named := o.client(t, "watcher", oauth.ScopeIntrospect), o.client(t, api)
	token, forServer := o.token(t, bot, "scope", "read", "resource", api), o.token(t, bot, "resource", server.id)
	ask := func(header http.Header, token string) answer {
		return o.do(t, request{path: "/oauth2/introspect", header: header, body: form("token", token, "token_type_hint", "access_token")})
	}
	a := ask(watcher.basic(), token)
	if a.json["active"] != true || a.json["sub"] != bot.id || a.json["client_id"] != bot.id || a.json["scope"] != "read" || a.json["aud"] != api ||
		a.json["iss"] != o.url || a.json["token_type"] != "Bearer" || a.json["exp"] == nil || a.json["jti"] == nil || a.json["aut"] != "AGENT" {
		t.Errorf("introspection: %s", a.text)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("introspection may be kept")
	}
	scoped := o.token(t, watcher, "scope", oauth.ScopeIntrospect)
	for _, tt := range []struct {
		name   string
		header http.Header
		token  string
		want   bool
	}{
		{"bearer with the scope", bearer(scoped), token, true},
		{"bearer without the scope", bearer(o.token(t, watcher)), token, false},
		{"audience by name", named.basic(), token, true},
		{"another audience by name", named.basic(), forServer, false},
		{"audience by id", server.basic(), forServer, true},
		{"audience by id, bearer", bearer(o.token(t, server)), forServer, true},
		{"another audience by id", server.basic(), token, false},
		{"the agent itself", bot.basic(), token, false},
		{"garbage", watcher.basic(), "x", false},
		{"garbage", watcher.basic(), strings.Repeat("a.", 9000), false},
	} {
		if a := ask(tt.header, tt.token); a.status != 200 || a.json["active"] != tt.want || !tt.want && len(a.json) != 1 {
			t.Errorf("%s: %d %s, want active %v", tt.name, a.status, a.text, tt.want)
		}
	}
	bad := ask(bearer(token), token) // it is for another audience
	bad.wantError(t, 401, "invalid_token")
	if got := bad.json["error_description"]; got != "the token in the Authorization header is not in force here" { // not the one that is asked about
		t.Errorf("error_description: %s", got)
	}
	if got := bad.header.Get("WWW-Authenticate"); got != `Bearer realm="agentcreds", error="invalid_token"` {
		t.Errorf("WWW-Authenticate: %s", got)
	}
	ask(watcher.basic(), "").wantError(t, 400, "invalid_request")
	o.do(t, request{path: "/oauth2/introspect", header: bearer(scoped), body: form("token", token, "client_id", bot.id, "client_secret", bot.secret)}).
		wantError(t, 400, "invalid_request")
	o.do(t, request{path: "/oauth2/revoke", header: bot.basic()}).wantError(t, 400, "invalid_request")
}

// The metadata names what is there, at the paths that the standards say.
func TestMetadata(t *testing.T) {
	o := newOffice(t)
	bot := o.bot(t, authority.AgentChange{})
	empty := o.do(t, request{method: "GET", path: "/oauth2/jwks"})
	if empty.text != `{"keys":[]}` || empty.header.Get("Cache-Control") != "no-store" {
		t.Errorf("before the first token: %s %v", empty.text, empty.header)
	}
	o.token(t, bot)
	rfc := o.do(t, request{method: "GET", path: "/.well-known/oauth-authorization-server"})
	oidc := o.do(t, request{method: "GET", path: "/.well-known/openid-configuration"})
	if rfc.text != oidc.text || rfc.json["issuer"] != o.url {
		t.Errorf("%s\n%s", rfc.text, oidc.text)
	}
	served := map[string]bool{}
	for _, r := range o.Routes() {
		served[o.url+r.Pattern] = true
	}
	for name, value := range rfc.json {
		if at, ok := value.(string); ok && name != "issuer" && !served[at] {
			t.Errorf("%s: %s is not there", name, at)
		}
	}
	keys := o.do(t, request{method: "GET", path: "/oauth2/jwks"})
	if keys.header.Get("Content-Type") != "application/jwk-set+json" || keys.header.Get("Cache-Control") != "public, max-age=300" || strings.Contains(keys.text, `"d"`) {
		t.Errorf("%v %s", keys.header, keys.text)
	}
	if head := o.do(t, request{method: "HEAD", path: "/oauth2/jwks"}); head.status != 200 || head.text != "" {
		t.Errorf("HEAD: %d %q", head.status, head.text)
	}
	post := o.do(t, request{path: "/oauth2/jwks"})
	post.wantError(t, 405, "invalid_request")
	if got := post.header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow: %s", got)
	}
}

// An issuer with a path: RFC 8414 puts it behind the well-known part, OpenID
// before, and the endpoints are below it.
func TestMetadata_path(t *testing.T) {
	o := newOffice(t)
	issuer, err := authority.NewIssuer(authority.IssuerConfig{
		Authority: o.Authority, URL: "https://auth.example/t/acme", Seal: func() (secret.SealKey, error) { return secret.SealKey{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := oauth.New(oauth.Config{Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/.well-known/oauth-authorization-server/t/acme": 200, "/t/acme/.well-known/openid-configuration": 200, "/t/acme/oauth2/jwks": 200,
		"/.well-known/oauth-authorization-server": 404, "/oauth2/jwks": 404, "//t/acme/oauth2/jwks": 404, "/t/acme/oauth2/../oauth2/jwks": 404,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, http.NoBody))
		var body map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &body); w.Code != want || err != nil {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
		if at, ok := body["token_endpoint"]; ok && at != "https://auth.example/t/acme/oauth2/token" {
			t.Errorf("token_endpoint: %v", at)
		}
	}
}

// A server that cannot sign says so without saying why; the log has it.
func TestToken_noSealKey(t *testing.T) {
	o := newOffice(t)
	bot := o.bot(t, authority.AgentChange{})
	issuer, err := authority.NewIssuer(authority.IssuerConfig{Authority: o.Authority, URL: o.url, Seal: func() (secret.SealKey, error) { return secret.SealKey{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	h, err := oauth.New(oauth.Config{Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/oauth2/token", strings.NewReader(grant))
	r.Header = bot.basic()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"server_error"`) || strings.Contains(w.Body.String(), "seal") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
