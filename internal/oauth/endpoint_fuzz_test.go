package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// proofs are the placeholders that stand for what opens something. Others are
// {id}, {wrong} (a secret of nobody) and {flow}.
var proofs = []string{"{secret}", "{watcher}", "{code}", "{token}"}

// fill puts what they stand for in their places. In "Basic:id:secret" the pair
// becomes what it is in a header.
func (s *studio) fill(t testing.TB, text string, bot, watcher user, wrong string) string {
	t.Helper()
	for name, value := range map[string]func() string{
		"{id}":        func() string { return bot.id },
		"{secret}":    func() string { return bot.secret },
		"{wrong}":     func() string { return wrong },
		"{watcherid}": func() string { return watcher.id },
		"{watcher}":   func() string { return watcher.secret },
		"{flow}":      func() string { return s.flow(t) },
		"{code}":      func() string { return s.code(t, bot) },
		"{token}":     func() string { return s.token(t, bot) },
	} {
		if strings.Contains(text, name) {
			text = strings.ReplaceAll(text, name, value())
		}
	}
	if pair, ok := strings.CutPrefix(text, "Basic:"); ok {
		text = "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	}
	return text
}

// FuzzEndpoints holds the laws of every endpoint, whatever is sent: it is no
// fault of the server; the answer is of a form that the standards know and may
// not be kept; it never shows a secret that was sent; and without a right one
// nothing is given.
func FuzzEndpoints(f *testing.F) {
	s := newStudio(f)
	bot, watcher := s.bot(f, authority.AgentChange{}), s.client(f, "watcher", oauth.ScopeIntrospect)
	wrong := secret.Generate().Reveal()
	const formType, jsonType = "application/x-www-form-urlencoded", "application/json"
	step := stepBody("{flow}", basicID, user{"{id}", "{secret}"})
	redeem := form("grant_type", "authorization_code", "client_id", appID, "code_verifier", verifier, "redirect_uri", redirect) + "&code={code}"
	for _, seed := range [][5]string{
		{"POST", "/oauth2/token", formType, "Basic:{id}:{secret}", grant},
		{"POST", "/oauth2/token", formType, "Basic:{id}:{wrong}", grant + "&scope=a"},
		{"POST", "/oauth2/token", formType, "", grant + "&client_id={id}&client_secret={secret}"},
		{"POST", "/oauth2/token", formType, "", grant + "&client_id={id}&client_secret={wrong}&{wrong}&{wrong}"},
		{"POST", "/oauth2/token", formType, "", redeem},
		{"POST", "/oauth2/authorize", formType, "", beginning(nil)},
		{"POST", "/oauth2/authn", jsonType, "", step},
		{"POST", "/oauth2/authn", jsonType, "", strings.Replace(step, "{secret}", "{wrong}", 1)},
		{"POST", "/oauth2/authn", jsonType, "", strings.Replace(step, `"flowId"`, `"flowId":"x","flowId"`, 1)},
		{"POST", "/oauth2/introspect", formType, "Basic:{watcherid}:{watcher}", "token={token}"},
		{"POST", "/oauth2/introspect", formType, "Bearer {token}", "token={token}&token_type_hint=x"},
		{"POST", "/oauth2/revoke", formType, "Basic:{id}:{secret}", "token={token}"},
		{"GET", "/oauth2/jwks", "", "", ""},
		{"HEAD", "/.well-known/openid-configuration", "", "", ""},
		{"PUT", "/oauth2/token?x=1", formType, "Digest x", "%zz"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	f.Fuzz(func(t *testing.T, method, path, media, authorization, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(s.fill(t, body, bot, watcher, wrong)))
		r.Method = method
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
		r.Header.Set("Content-Type", media)
		if authorization != "" {
			r.Header.Set("Authorization", s.fill(t, authorization, bot, watcher, wrong))
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		a := answer{status: w.Code, header: w.Result().Header, text: w.Body.String()}
		_ = json.Unmarshal(w.Body.Bytes(), &a.json)
		a.lawful(t, r)
		for _, hidden := range []string{bot.secret, watcher.secret, wrong, "secretValue"} {
			if strings.Contains(a.text, hidden) {
				t.Errorf("%s %s shows a secret: %s", method, path, a.text)
			}
		}
		shown := slices.ContainsFunc(proofs, func(proof string) bool { return strings.Contains(authorization+body, proof) })
		if !shown && (a.json["access_token"] != nil || a.json["authData"] != nil || a.json["active"] == true) {
			t.Errorf("%s %s with %q and %q gives %s", method, path, authorization, body, a.text)
		}
	})
}

// lawful holds an answer against what is said of every one.
func (a answer) lawful(t *testing.T, r *http.Request) {
	t.Helper()
	what := r.Method + " " + r.URL.Path
	if a.status >= 500 {
		t.Errorf("%s = %d %s", what, a.status, a.text)
	}
	// The keys are public; everything else is nobody's to keep.
	if kept := a.header.Get("Cache-Control"); kept != "no-store" && (a.status != 200 || a.header.Get("Content-Type") != "application/jwk-set+json") {
		t.Errorf("%s = %d with Cache-Control %q", what, a.status, kept)
	}
	for header, needed := range map[string]bool{
		"Allow":       a.status == http.StatusMethodNotAllowed,
		"Retry-After": a.status == http.StatusTooManyRequests,
	} {
		if needed != (a.header.Get(header) != "") {
			t.Errorf("%s = %d with %s %q", what, a.status, header, a.header.Get(header))
		}
	}
	if a.status == 200 && a.text == "" {
		if !strings.HasSuffix(r.URL.Path, "/revoke") {
			t.Errorf("%s = 200 without a body", what)
		}
		return
	}
	has := func(members ...string) bool {
		for _, m := range members {
			if text, _ := a.json[m].(string); text == "" {
				return false
			}
		}
		return len(a.json) == len(members)
	}
	if a.json == nil || a.status != 200 && !has("error", "error_description") && !has("code", "message", "description", "traceId") {
		t.Errorf("%s = %d %s, of no form that is known", what, a.status, a.text)
	}
	for _, c := range []byte(a.text) {
		if a.status != 200 && c != '\n' && (c < ' ' || c > '~') {
			t.Errorf("%s = %d %q, with what RFC 6749 §5.2 forbids", what, a.status, a.text)
			break
		}
	}
}
