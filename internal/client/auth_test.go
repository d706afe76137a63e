package client_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	agentScopes = "internal_agent_mgt_create internal_agent_mgt_list internal_agent_mgt_view internal_agent_mgt_update internal_agent_mgt_delete"
	allScopes   = agentScopes + " internal_agent_credential_create internal_agent_credential_view internal_agent_credential_delete internal_agent_audit_view"
)

// issuer is a token endpoint in front of agents. Only its latest token works.
type issuer struct {
	*fake
	issued atomic.Int64
	life   string // expires_in, as JSON
	refuse func(scope string) bool
	hold   chan struct{} // nil: answer at once
}

func newIssuer(life string) *issuer {
	i := &issuer{life: life}
	i.fake = reference(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, api.PathToken) {
			i.token(w, r)
			return
		}
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", i.issued.Load()) {
			status(401)(w, r)
			return
		}
		reply(w, 200, agent("a1"))
	})
	return i
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	if i.hold != nil {
		<-i.hold
	}
	if i.refuse != nil && i.refuse(r.FormValue("scope")) {
		reply(w, 400, map[string]string{"error": "invalid_scope"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":%s}`, i.issued.Add(1), i.life)
}

func (i *issuer) tokens() (got []request) {
	for _, r := range i.requests() {
		if strings.HasSuffix(r.path, api.PathToken) {
			got = append(got, r)
		}
	}
	return got
}

func m2m(cfg *client.Config) {
	cfg.Auth = client.ClientCredentials("app 1", secret.New("p%ss&word+:=1"))
}

func TestFixedAuth(t *testing.T) {
	for _, tt := range []struct {
		auth client.Auth
		want string
	}{
		{client.BearerToken(secret.New("tok-1234")), "Bearer tok-1234"},
		{client.Basic("admin", secret.New("pass:wörd %")), "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:pass:wörd %"))},
	} {
		f := reference(status(401))
		c := f.over(t, func(cfg *client.Config) { cfg.Auth = tt.auth })
		_, err := c.Agent(t.Context(), "a1")
		if got := f.requests(); !errors.Is(err, api.ErrUnauthorized) || len(got) != 1 || got[0].header.Get("Authorization") != tt.want {
			t.Errorf("error %v after %v, want one request with %q", err, got, tt.want)
		}
		if text := fmt.Sprintf("%v %+v %#v %v %+v %#v", tt.auth, tt.auth, tt.auth, c, c, c); strings.Contains(text, "tok-1234") || strings.Contains(text, "wörd") {
			t.Errorf("the credential prints as %s", text)
		}
	}
}

func TestClientCredentialsPrintNoSecret(t *testing.T) {
	a := client.ClientCredentials("app", secret.New("p%ss&word+:=1"))
	if text := fmt.Sprintf("%v %+v %#v", a, a, []client.Auth{a}); strings.Contains(text, "word") || !strings.Contains(text, "app") {
		t.Errorf("the credential prints as %s", text)
	}
}

// TestTokenRequest: id and secret are encoded before they are joined (RFC 6749
// §2.3.1), and the token is used until shortly before its end.
func TestTokenRequest(t *testing.T) {
	for _, life := range []string{"100", `"100"`} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(life)
			c := i.inside(t, m2m)
			read := func() {
				t.Helper()
				if _, err := c.Agent(t.Context(), "a1"); err != nil {
					t.Fatal(err)
				}
			}
			read()
			read()
			got := i.tokens()
			if len(got) != 2 { // the first to ask what the server is
				t.Fatalf("%d tokens, want 2", len(got))
			}
			raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(got[1].header.Get("Authorization"), "Basic "))
			if err != nil || string(raw) != "app+1:p%25ss%26word%2B%3A%3D1" {
				t.Errorf("Authorization = %q, %v", raw, err)
			}
			form, _ := url.ParseQuery(got[1].body)
			if form.Get("grant_type") != "client_credentials" || form.Get("scope") != allScopes || len(form) != 2 {
				t.Errorf("form = %v", form)
			}
			if h := got[1].header.Get("Content-Type"); h != "application/x-www-form-urlencoded" {
				t.Errorf("Content-Type = %q", h)
			}
			time.Sleep(79 * time.Second)
			read()
			if n := len(i.tokens()); n != 2 {
				t.Errorf("%d tokens after 79 s of 100, want 2", n)
			}
			time.Sleep(2 * time.Second)
			read()
			if n := len(i.tokens()); n != 3 {
				t.Errorf("%d tokens after 81 s of 100, want 3", n)
			}
		})
	}
}

func TestTokenScopes(t *testing.T) {
	ours := func(scope string) bool { return strings.Contains(scope, "credential") }
	alone := func(scope string) bool { return scope == agentScopes }
	for _, tt := range []struct {
		name   string
		scopes []string
		refuse func(string) bool
		want   []string
		fails  bool
	}{
		{"unknown ones are dropped", nil, nil, []string{agentScopes, allScopes}, false},
		{"unknown ones are refused", nil, ours, []string{agentScopes, allScopes, agentScopes, agentScopes}, false},
		{"only others are held", nil, alone, []string{agentScopes, allScopes}, false},
		{"chosen", []string{"a", "b"}, nil, []string{"a b"}, false},
		{"chosen and refused", []string{"credential"}, ours, []string{"credential"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := newIssuer("3600")
			i.refuse = tt.refuse
			c := i.over(t, func(cfg *client.Config) {
				cfg.Auth = client.ClientCredentials("app", secret.New("word1234"), tt.scopes...)
			})
			_, err := c.Agent(t.Context(), "a1")
			if len(tt.want) > 2 { // what was refused is not asked for again
				i.issued.Add(1)
				_, err = c.Agent(t.Context(), "a2")
			}
			var got []string
			for _, r := range i.tokens() {
				form, _ := url.ParseQuery(r.body)
				got = append(got, form.Get("scope"))
			}
			if (err != nil) != tt.fails || strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("error %v, scopes %q, want %q", err, got, tt.want)
			}
		})
	}
}

// TestTokenSingleFlight: fifty who need a token share one request, and when the
// server forgets it, one more.
func TestTokenSingleFlight(t *testing.T) {
	i := newIssuer("3600")
	c := i.over(t, m2m)
	all := func() {
		t.Helper()
		var wg sync.WaitGroup
		for n := range 50 {
			wg.Go(func() {
				if _, err := c.Agent(t.Context(), fmt.Sprint("a", n)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	all()
	if n := len(i.tokens()); n != 2 { // one to ask what the server is
		t.Errorf("%d tokens, want 2", n)
	}
	i.issued.Add(1) // another client's: ours is answered 401 from now on
	all()
	if n := len(i.tokens()); n != 3 {
		t.Errorf("%d tokens after the first was forgotten, want 3", n)
	}
}

// TestTokenRefusedTwice: a new token is asked for once; then the 401 is the
// answer, and a write was sent twice but done never.
func TestTokenRefusedTwice(t *testing.T) {
	for name, call := range calls(t) {
		i := newIssuer("3600")
		next := i.script
		i.script = func(w http.ResponseWriter, r *http.Request, body string) {
			if r.URL.Path != api.PathToken {
				status(401)(w, r)
				return
			}
			next(w, r, body)
		}
		err := call(t.Context(), i.over(t, m2m))
		if n := len(i.requests()) - len(i.tokens()); !errors.Is(err, api.ErrUnauthorized) || errors.Is(err, client.ErrAmbiguous) || n != 2 || len(i.tokens()) != 3 {
			t.Errorf("%s = %v after %d requests and %d tokens, want 401 after 2 and 3", name, err, n, len(i.tokens()))
		}
	}
}

// TestTokenEndpointFaults: the error says which step failed, the passing ones
// are repeated, and the secret stays unseen.
func TestTokenEndpointFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script http.HandlerFunc
		want   string
		tries  int
	}{
		{"wrong secret", body(401, `{"error":"invalid_client","error_description":"no such client with p%ss&word+:=1"}`), "(no such client with [redacted]: invalid_client)", 1},
		{"html", body(200, "<html>", "Content-Type", "text/html"), "which is not JSON", 1},
		{"no token", body(200, `{"token_type":"Bearer"}`), "no access_token", 1},
		{"down", status(502), "answered 502", 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := reference(tt.script)
			_, err := f.over(t, m2m).CreateAgent(t.Context(), api.Agent{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `sign in as the client "app 1" at http://127`) || strings.Contains(err.Error(), "p%ss") {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
			if n := len(f.requests()); n != tt.tries || errors.Is(err, client.ErrAmbiguous) {
				t.Errorf("error = %v after %d requests, want %d", err, n, tt.tries)
			}
		})
	}
}

// TestTokenWaiters: who gives up does not take the token from the others.
func TestTokenWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer("3600")
		i.hold = make(chan struct{})
		c := i.inside(t, m2m)
		first, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { _, err := c.Agent(first, "a1"); errs <- err }()
		synctest.Wait()
		go func() { _, err := c.Agent(t.Context(), "a1"); errs <- err }()
		synctest.Wait()
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("the first = %v, want to be cancelled", err)
		}
		close(i.hold)
		if err := <-errs; err != nil {
			t.Errorf("the second = %v", err)
		}
		if n := len(i.tokens()); n != 2 {
			t.Errorf("%d tokens, want 2: one to ask what the server is", n)
		}
	})
}

// TestTokenScopesCredentials: what is asked first of credentials is asked with
// the scopes that it takes.
func TestTokenScopesCredentials(t *testing.T) {
	for what, ask := range map[string]func(*client.Client) error{
		"Secrets":      func(c *client.Client) error { _, err := c.Secrets(t.Context(), "a1"); return err },
		"Keys":         func(c *client.Client) error { _, err := c.Keys(t.Context(), "a1"); return err },
		"Key":          func(c *client.Client) error { _, err := c.Key(t.Context(), "a1", "k"); return err },
		"Certificates": func(c *client.Client) error { _, err := c.Certificates(t.Context(), "a1"); return err },
		"Certificate":  func(c *client.Client) error { _, err := c.Certificate(t.Context(), "a1", "1f"); return err },
	} {
		i := newIssuer("3600")
		if err := ask(i.over(t, m2m)); err != nil {
			t.Fatal(what, err)
		}
		if got := i.tokens(); len(got) == 0 || !strings.Contains(got[len(got)-1].body, url.QueryEscape(allScopes)) {
			t.Errorf("%s is asked with the tokens %v", what, got)
		}
	}
}

// TestTokenScopesWSO2: a plain WSO2 server is asked for the scopes of agents
// alone, and for those of roles when a role is worked on.
func TestTokenScopesWSO2(t *testing.T) {
	i := newIssuer("3600")
	i.config = serverConfig(nil)
	c := i.over(t, m2m)
	for range 3 {
		if _, err := c.Agent(t.Context(), "a1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := i.tokens(); len(got) != 1 || !strings.Contains(got[0].body, url.QueryEscape(agentScopes)) || strings.Contains(got[0].body, "_credential_") {
		t.Errorf("tokens are asked for by %v", got)
	}
	if err := c.AddRole(t.Context(), "r1", "a1"); err != nil {
		t.Fatal(err)
	}
	want := url.QueryEscape(agentScopes + " internal_role_mgt_view internal_role_mgt_users_update")
	if got := i.tokens(); len(got) != 2 || !strings.HasSuffix(got[1].body, "scope="+want) {
		t.Errorf("a role is worked on with the tokens %v", got)
	}
}

// TestTokenOrganization: a token of the tenant is switched to the organization
// below it, at the tenant's token endpoint.
func TestTokenOrganization(t *testing.T) {
	i := newIssuer("3600")
	i.config = serverConfig(nil)
	c := i.over(t, m2m, func(cfg *client.Config) { cfg.BaseURL, cfg.Organization = cfg.BaseURL+"/t/acme/o/", "org-1" })
	if _, err := c.Agent(t.Context(), "a1"); err != nil {
		t.Fatal(err)
	}
	got := i.tokens()
	if len(got) != 2 || got[0].path != "/t/acme/oauth2/token" || got[1].path != "/t/acme/oauth2/token" {
		t.Fatalf("tokens are asked for by %v", got)
	}
	form, _ := url.ParseQuery(got[1].body)
	want := strings.ReplaceAll(agentScopes, "internal_", "internal_org_")
	if form.Get("grant_type") != "organization_switch" || form.Get("token") != "token-1" || form.Get("switching_organization") != "org-1" || form.Get("scope") != want {
		t.Errorf("the token is switched by %v", form)
	}
	for _, r := range i.requests() {
		if !strings.HasSuffix(r.path, api.PathToken) && (!strings.HasPrefix(r.path, "/t/acme/o/scim2/") || r.header.Get("Authorization") != "Bearer token-2") {
			t.Errorf("%s %s is sent with %q", r.method, r.path, r.header.Get("Authorization"))
		}
	}
	srv, err := c.Server(t.Context())
	if err != nil || srv.StoreID != "wso2:/t/acme/o/org-1" {
		t.Errorf("Server = %+v, %v", srv, err)
	}
}

// TestTokenOfOrganization: where the URL names the organization below the
// tenant, the client is one of that organization, and nothing is switched.
func TestTokenOfOrganization(t *testing.T) {
	for _, path := range []string{"/t/acme/o/org-1", "/o/org-1"} {
		i := newIssuer("3600")
		i.config = serverConfig(nil)
		c := i.over(t, m2m, func(cfg *client.Config) { cfg.BaseURL += path })
		if _, err := c.Agent(t.Context(), "a1"); err != nil {
			t.Fatal(err)
		}
		if got := i.tokens(); len(got) != 1 || got[0].path != path+api.PathToken || !strings.Contains(got[0].body, "client_credentials") {
			t.Errorf("%s: tokens are asked for by %v", path, got)
		}
		if srv, err := c.Server(t.Context()); err != nil || srv.StoreID != "wso2:"+path {
			t.Errorf("%s: Server = %+v, %v", path, srv, err)
		}
	}
}
