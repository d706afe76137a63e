package oauth_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

var admin = authority.Principal{Name: "admin", Scopes: []string{authority.AllScopes}}

const api = "https://api.example"

// office is a token server over a real store.
type office struct {
	*authority.Authority
	*authority.Issuer
	*oauth.Handler
	url string
}

func newOffice(t testing.TB) *office {
	t.Helper()
	return newOfficeOf(t, authority.Config{}, oauth.Config{})
}

// newOfficeOf is a token server of which some things are said.
func newOfficeOf(t testing.TB, rules authority.Config, cfg oauth.Config) *office {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "agents.db"), Create: true, Creator: "test"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &office{url: "http://" + server.Listener.Addr().String()}
	rules.Store = s
	if o.Authority, err = authority.New(rules); err != nil {
		t.Fatal(err)
	}
	o.Issuer, err = authority.NewIssuer(authority.IssuerConfig{Authority: o.Authority, URL: o.url, Seal: func() (secret.SealKey, error) {
		return secret.NewSealKey(bytes.Repeat([]byte{1}, secret.SealKeyLen))
	}})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Issuer = o.Issuer
	if o.Handler, err = oauth.New(cfg); err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = o.Handler
	server.Start()
	return o
}

// user is who logs in.
type user struct{ id, secret string }

func (o *office) bot(t testing.TB, change authority.AgentChange) user {
	t.Helper()
	a, value, err := o.CreateAgent(t.Context(), admin, authority.NewAgent{AgentChange: change})
	if err != nil {
		t.Fatal(err)
	}
	return user{a.ID, value.Reveal()}
}

func (o *office) client(t testing.TB, name string, scopes ...string) user {
	t.Helper()
	c, value, err := o.CreateClient(t.Context(), admin, authority.NewClient{Name: name, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return user{c.ID, value.Reveal()}
}

// request is a POST of a form, unless it says otherwise.
type request struct {
	method, path, body, contentType string
	header                          http.Header
}

// form makes the body of names and values.
func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// basic is an Authorization header as RFC 6749 §2.3.1 says.
func (u user) basic() http.Header {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(url.QueryEscape(u.id), url.QueryEscape(u.secret))
	return r.Header
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (o *office) do(t testing.TB, r request) answer {
	t.Helper()
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.contentType == "" {
		r.contentType = "application/x-www-form-urlencoded"
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, o.url+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, r.header)
	if r.contentType != "-" {
		req.Header.Set("Content-Type", r.contentType)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return answerOf(t, resp)
}

func answerOf(t testing.TB, resp *http.Response) answer {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.json) // an empty body stays nil
	return a
}

// token gets a token, which must go well.
func (o *office) token(t testing.TB, u user, more ...string) string {
	t.Helper()
	a := o.do(t, request{path: "/oauth2/token", header: u.basic(), body: form(append(more, "grant_type", "client_credentials")...)})
	text, _ := a.json["access_token"].(string)
	if a.status != 200 || text == "" {
		t.Fatalf("token: %d %s", a.status, a.text)
	}
	return text
}

// wantError checks an error answer by RFC 6749 §5.2.
func (a answer) wantError(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status || a.json["error"] != code || a.json["error_description"] == "" || len(a.json) != 2 {
		t.Errorf("%d %s, want %d %s", a.status, a.text, status, code)
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
