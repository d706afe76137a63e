package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	appID    = "agents-app"
	redirect = "https://app.example/callback"
	basicID  = "QmFzaWNBdXRoZW50aWNhdG9yOkxPQ0FM"
)

var verifier = strings.Repeat("v", 43)

// studio is an office with an application, and a clock that can be put forward.
type studio struct {
	*office
	mu    sync.Mutex
	ahead time.Duration
}

func (s *studio) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.ahead)
}

func (s *studio) later(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

func newStudio(t testing.TB) *studio {
	t.Helper()
	s := &studio{}
	s.office = newOfficeOf(t, authority.Config{Now: s.now}, oauth.Config{App: &oauth.Application{ClientID: appID, RedirectURI: redirect}})
	return s
}

// beginning is the form that the SDKs for Asgardeo send first, but for what is
// said.
func beginning(but map[string]string) string {
	sum := sha256.Sum256([]byte(verifier))
	values := map[string]string{
		"client_id": appID, "response_type": "code", "redirect_uri": redirect, "scope": "openid", "response_mode": "direct", "state": "s-1",
		"code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method": "S256",
	}
	maps.Copy(values, but)
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, name, value)
	}
	return form(pairs...)
}

// begin sends it, with more or other parameters.
func (s *studio) begin(t testing.TB, more ...string) answer {
	t.Helper()
	but := map[string]string{}
	for i := 0; i < len(more); i += 2 {
		but[more[i]] = more[i+1]
	}
	return s.do(t, request{path: "/oauth2/authorize", body: beginning(but), header: http.Header{"Accept": {"application/json"}}})
}

func (s *studio) flow(t testing.TB, more ...string) string {
	t.Helper()
	a := s.begin(t, more...)
	id, _ := a.json["flowId"].(string)
	if a.status != 200 || id == "" {
		t.Fatalf("authorize: %d %s", a.status, a.text)
	}
	return id
}

// stepBody is the JSON of the second request.
func stepBody(flow, authenticator string, u user) string {
	body, _ := json.Marshal(map[string]any{"flowId": flow, "selectedAuthenticator": map[string]any{ // strings: it cannot fail
		"authenticatorId": authenticator, "params": map[string]string{"username": u.id, "password": u.secret},
	}})
	return string(body)
}

func (s *studio) step(t testing.TB, flow, authenticator string, u user) answer {
	t.Helper()
	return s.do(t, request{path: "/oauth2/authn", body: stepBody(flow, authenticator, u), contentType: "application/json"})
}

// code logs in, which must go well.
func (s *studio) code(t testing.TB, u user, more ...string) string {
	t.Helper()
	a := s.step(t, s.flow(t, more...), basicID, u)
	data, _ := a.json["authData"].(map[string]any)
	code, _ := data["code"].(string)
	if a.status != 200 || a.json["flowStatus"] != "SUCCESS_COMPLETED" || code == "" || data["session_state"] == "" || data["state"] != "s-1" {
		t.Fatalf("authn: %d %s", a.status, a.text)
	}
	return code
}

// exchange sends the third.
func (s *studio) exchange(t testing.TB, code string, more ...string) answer {
	t.Helper()
	values := map[string]string{"grant_type": "authorization_code", "client_id": appID, "code": code, "code_verifier": verifier, "redirect_uri": redirect}
	for i := 0; i < len(more); i += 2 {
		values[more[i]] = more[i+1]
	}
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, name, value)
	}
	return s.do(t, request{path: "/oauth2/token", body: form(pairs...)})
}

func (s *studio) inForce(t testing.TB, token string) bool {
	t.Helper()
	_, err := s.Inspect(t.Context(), secret.New(token))
	return err == nil
}

// TestAppNative: the three requests of a client for Asgardeo's agents, to the
// letter, and the token that comes out.
func TestAppNative(t *testing.T) {
	s := newStudio(t)
	bot := s.bot(t, authority.AgentChange{Scopes: &[]string{"read", "write"}, Audiences: &[]string{api}})
	first := s.begin(t, "resource", api)
	id, _ := first.json["flowId"].(string)
	if !strings.Contains(first.text, `"authenticator":"Username & Password"`) { // shell scripts look for that
		t.Errorf("the name of the authenticator is not written as WSO2 writes it: %s", first.text)
	}
	param := func(name, title string, order int, hidden bool) map[string]any {
		return map[string]any{"param": name, "type": "STRING", "order": float64(order), "i18nKey": name + ".param", "displayName": title, "confidential": hidden}
	}
	want := map[string]any{
		"flowId": id, "flowStatus": "INCOMPLETE", "flowType": "AUTHENTICATION",
		"nextStep": map[string]any{"stepType": "AUTHENTICATOR_PROMPT", "authenticators": []any{map[string]any{
			"authenticatorId": basicID, "authenticator": "Username & Password", "idp": "LOCAL",
			"metadata": map[string]any{
				"i18nKey": "authenticator.basic", "promptType": "USER_PROMPT",
				"params": []any{param("username", "Username", 0, false), param("password", "Password", 1, true)},
			},
			"requiredParams": []any{"username", "password"},
		}}},
		"links": []any{map[string]any{"name": "authentication", "href": s.url + "/oauth2/authn", "method": "POST"}},
	}
	if diff := cmp.Diff(want, first.json); diff != "" || first.status != 200 || first.header.Get("Cache-Control") != "no-store" {
		t.Errorf("authorize: %d (-want +got):\n%s", first.status, diff)
	}
	if a := s.exchange(t, s.code(t, bot, "scope", "openid delete")); a.status != 200 || a.json["scope"] != "" {
		t.Errorf("none of its scopes: %d %s", a.status, a.text)
	}
	if a := s.do(t, request{path: "/oauth2/token", body: form("grant_type", "password")}); !strings.Contains(a.text, "client_credentials or authorization_code") {
		t.Errorf("another grant: %d %s", a.status, a.text)
	}
	a := s.exchange(t, s.code(t, bot, "resource", api, "scope", "openid read"))
	token, _ := a.json["access_token"].(string)
	if a.status != 200 || a.json["scope"] != "read" || a.json["token_type"] != "Bearer" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("token: %d %s", a.status, a.text)
	}
	c, err := s.Inspect(t.Context(), secret.New(token))
	if err != nil || c.Subject != bot.id || c.ClientID != appID || c.AuthorizedUser != "AGENT" || !slices.Equal(c.Audience, []string{api}) {
		t.Errorf("Inspect = %+v, %v", c, err)
	}
	if a := s.do(t, request{path: "/oauth2/revoke", header: bot.basic(), body: form("token", token)}); a.status != 200 || s.inForce(t, token) {
		t.Errorf("revoke: %d %s", a.status, a.text)
	}
	about := s.do(t, request{method: http.MethodGet, path: "/.well-known/openid-configuration", contentType: "-"})
	if about.json["authorization_endpoint"] != s.url+"/oauth2/authorize" || !strings.Contains(about.text, "S256") {
		t.Errorf("metadata: %s", about.text)
	}
}

// TestAppNative_off: without an application there is nothing of it.
func TestAppNative_off(t *testing.T) {
	o := newOffice(t)
	for _, path := range []string{"/oauth2/authorize", "/oauth2/authn"} {
		if a := o.do(t, request{path: path}); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	o.do(t, request{path: "/oauth2/token", body: form("grant_type", "authorization_code", "code", "x")}).wantError(t, 400, "unsupported_grant_type")
}

// TestAppNative_fails: a wrong secret, an unknown id, a blocked agent and a
// management client all hear the same, and may try again so many times.
func TestAppNative_fails(t *testing.T) {
	s := newStudio(t)
	bot, blocked := s.bot(t, authority.AgentChange{}), s.bot(t, authority.AgentChange{})
	if _, err := s.RevokeAgent(t.Context(), admin, blocked.id); err != nil {
		t.Fatal(err)
	}
	wrong := secret.Generate().Reveal()
	flow := s.flow(t)
	for name, u := range map[string]user{
		"wrong": {bot.id, wrong}, "unknown": {"0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10", wrong}, "blocked": blocked, "client": s.client(t, "terraform", "x"),
	} {
		a := s.step(t, flow, basicID, u)
		step, _ := a.json["nextStep"].(map[string]any)
		want := []any{map[string]any{
			"type": "ERROR", "messageId": "msg_invalid_un_pw", "message": "Invalid username or password.", "i18nKey": "authentication.fail.message",
			"context": []any{map[string]any{"key": "remainingAttempts", "value": "9"}},
		}}
		if diff := cmp.Diff(want, step["messages"]); diff != "" || a.status != 200 || a.json["flowStatus"] != "FAIL_INCOMPLETE" || a.json["flowId"] != flow {
			t.Errorf("%s: %d %s\n%s", name, a.status, a.text, diff)
		}
	}
	if a := s.step(t, flow, basicID, bot); a.json["flowStatus"] != "SUCCESS_COMPLETED" {
		t.Errorf("the right secret after a wrong one: %s", a.text)
	}
	for range 9 {
		s.step(t, flow, basicID, user{bot.id, wrong})
	}
	if a := s.step(t, flow, basicID, user{bot.id, wrong}); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.json["code"] != "ABA-60002" {
		t.Errorf("too many failures: %d %s", a.status, a.text)
	}
	if a := s.step(t, flow, basicID, bot); a.json["flowStatus"] != "SUCCESS_COMPLETED" {
		t.Errorf("the right secret after too many wrong ones: %s", a.text)
	}
}

// TestAppNative_refused: what is not such a request is refused in WSO2's words.
func TestAppNative_refused(t *testing.T) {
	s := newStudio(t)
	bot := s.bot(t, authority.AgentChange{})
	old := s.flow(t)
	s.later(6 * time.Minute)
	good, code := s.flow(t), s.code(t, bot)
	raw := func(body, kind string) answer {
		return s.do(t, request{path: "/oauth2/authn", body: body, contentType: kind})
	}
	for name, tt := range map[string]struct {
		got  answer
		code string
	}{
		"another application": {s.begin(t, "client_id", "other"), "ABA-60005"},
		"no application":      {s.begin(t, "client_id", ""), "ABA-60001"},
		"a page":              {s.begin(t, "response_mode", "query"), "ABA-60001"},
		"a token at once":     {s.begin(t, "response_type", "token"), "ABA-60001"},
		"another redirect":    {s.begin(t, "redirect_uri", redirect+"/"), "ABA-60001"},
		"no PKCE":             {s.begin(t, "code_challenge", ""), "ABA-60001"},
		"plain PKCE":          {s.begin(t, "code_challenge_method", "plain"), "ABA-60001"},
		"a secret":            {s.begin(t, "client_secret", "x"), "ABA-60001"},
		"a long state":        {s.begin(t, "state", strings.Repeat("x", 2000)), "ABA-60001"},
		"in the URL":          {s.do(t, request{path: "/oauth2/authorize?client_id=" + appID}), "ABA-60001"},
		"no flow":             {s.step(t, "", basicID, bot), "ABA-60001"},
		"a made-up flow":      {s.step(t, "3bd1f207-e5b5-4b45-8a91-13b0acfb2151", basicID, bot), "ABA-60009"},
		"a changed flow":      {s.step(t, good[:len(good)-2]+"AA", basicID, bot), "ABA-60009"},
		"a code as a flow":    {s.step(t, code, basicID, bot), "ABA-60009"},
		"an old flow":         {s.step(t, old, basicID, bot), "ABA-60008"},
		"another way":         {s.step(t, good, "R29vZ2xl", bot), "ABA-60004"},
		"no secret":           {s.step(t, good, basicID, user{id: bot.id}), "ABA-60001"},
		"a NUL":               {s.step(t, good, basicID, user{bot.id + "\x00", bot.secret}), "ABA-60001"},
		"no JSON":             {raw("{", "application/json"), "ABA-60001"},
		"a form":              {raw("flowId="+good, "application/x-www-form-urlencoded"), "ABA-60001"},
		"a number":            {raw(`{"flowId":1}`, "application/json"), "ABA-60001"},
	} {
		if tt.got.status != 400 || tt.got.json["code"] != tt.code || tt.got.json["message"] == "" || tt.got.json["description"] == "" || tt.got.json["traceId"] == "" || len(tt.got.json) != 4 {
			t.Errorf("%s: %d %s, want 400 %s", name, tt.got.status, tt.got.text, tt.code)
		}
		if strings.Contains(tt.got.text, bot.secret) {
			t.Errorf("%s: the answer shows the secret", name)
		}
	}
}

// TestAppNative_code: a code is good once, for a minute, for the one who began,
// and while the agent's secret is.
func TestAppNative_code(t *testing.T) {
	s := newStudio(t)
	bot := s.bot(t, authority.AgentChange{Audiences: &[]string{api}})
	for name, more := range map[string][]string{
		"another verifier": {"code_verifier", strings.Repeat("w", 43)},
		"another redirect": {"redirect_uri", redirect + "x"},
		"a flow as a code": {"code", s.flow(t)},
		"a made-up code":   {"code", "abc"},
	} {
		s.exchange(t, s.code(t, bot), more...).wantError(t, 400, "invalid_grant")
		_ = name
	}
	code := s.code(t, bot)
	s.exchange(t, code, "code_verifier", "short").wantError(t, 400, "invalid_request")
	s.exchange(t, code, "client_id", "other").wantError(t, 401, "invalid_client")
	s.exchange(t, code, "client_secret", "x").wantError(t, 401, "invalid_client")
	s.exchange(t, code, "resource", "https://other.example").wantError(t, 400, "invalid_target")
	s.exchange(t, s.code(t, bot, "resource", s.url), "resource", api).wantError(t, 400, "invalid_target")
	if a := s.exchange(t, code); a.status != 200 {
		t.Errorf("the right request after wrong ones: %d %s", a.status, a.text)
	}

	slow := s.code(t, bot)
	s.later(time.Minute)
	s.exchange(t, slow).wantError(t, 400, "invalid_grant")

	late := s.code(t, bot)
	if _, err := s.RevokeAgent(t.Context(), admin, bot.id); err != nil {
		t.Fatal(err)
	}
	s.exchange(t, late).wantError(t, 400, "invalid_grant")
}

// TestAppNative_reuse: a code that comes again, also long after, ends the token
// that was made from it, and no other.
func TestAppNative_reuse(t *testing.T) {
	for _, wait := range []time.Duration{0, 5 * time.Minute} {
		s := newStudio(t)
		bot := s.bot(t, authority.AgentChange{})
		token := func(a answer) string { text, _ := a.json["access_token"].(string); return text }
		code := s.code(t, bot)
		one, other := token(s.exchange(t, code)), token(s.exchange(t, s.code(t, bot)))
		if !s.inForce(t, one) || !s.inForce(t, other) {
			t.Fatal("the tokens are not in force")
		}
		s.later(wait)
		s.exchange(t, code).wantError(t, 400, "invalid_grant")
		s.exchange(t, code).wantError(t, 400, "invalid_grant")
		if s.inForce(t, one) || !s.inForce(t, other) {
			t.Errorf("after %v: in force are %v and %v, want the other alone", wait, s.inForce(t, one), s.inForce(t, other))
		}
	}
}

// TestAppNative_race: of many who show one code at once none keeps a token,
// since more than one of them came.
func TestAppNative_race(t *testing.T) {
	s := newStudio(t)
	code := s.code(t, s.bot(t, authority.AgentChange{}))
	tokens := make([]string, 8)
	var all sync.WaitGroup
	for n := range tokens {
		all.Go(func() { tokens[n], _ = s.exchange(t, code).json["access_token"].(string) })
	}
	all.Wait()
	given := slices.DeleteFunc(tokens, func(text string) bool { return text == "" })
	if len(given) > 1 || len(given) == 1 && s.inForce(t, given[0]) {
		t.Errorf("%d tokens for one code that was shown 8 times", len(given))
	}
}
