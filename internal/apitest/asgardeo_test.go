package apitest_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/apitest"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// newAsgardeo is a server with the profile of Asgardeo.
func newAsgardeo(t *testing.T) http.Handler {
	t.Helper()
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "agents.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	rules, err := authority.New(authority.Config{
		Store: st, MaxSecrets: 1,
		Rules: authority.Rules{OnlyLocks: true, AgentsByApp: true, AnyPermission: true, Password: secret.GenerateAsgardeo},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := server.New(server.Config{
		Authority: server.Always(rules), Profile: server.Asgardeo(),
		Authorize: func(*http.Request) (authority.Principal, error) {
			return authority.Principal{Name: "admin", Scopes: []string{authority.AllScopes}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func clientOf(t *testing.T, h http.Handler) *client.Client {
	t.Helper()
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	c, err := client.New(client.Config{BaseURL: web.URL, RequestsPerMinute: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAsgardeo: the profile, one server for all tests.
func TestAsgardeo(t *testing.T) {
	h := newAsgardeo(t)
	apitest.Run(t, func(t *testing.T) *client.Client { return clientOf(t, h) })
}

// TestTenant: a real tenant, which AGENTCREDS_APITEST_ENDPOINT names. Agents
// are made in it, and deleted. It signs in by one of …_CLIENT_ID and
// …_CLIENT_SECRET, …_USERNAME and …_PASSWORD, …_ACCESS_TOKEN;
// …_REQUESTS_PER_MINUTE and …_INSECURE=true are for Identity Servers.
func TestTenant(t *testing.T) {
	env := func(name string) string { return os.Getenv("AGENTCREDS_APITEST_" + name) }
	if env("ENDPOINT") == "" {
		t.Skip("AGENTCREDS_APITEST_ENDPOINT names no tenant")
	}
	cfg := client.Config{BaseURL: env("ENDPOINT"), Organization: env("ORGANIZATION_ID")}
	switch {
	case env("CLIENT_ID") != "":
		cfg.Auth = client.ClientCredentials(env("CLIENT_ID"), secret.New(env("CLIENT_SECRET")))
	case env("USERNAME") != "":
		cfg.Auth = client.Basic(env("USERNAME"), secret.New(env("PASSWORD")))
	default:
		cfg.Auth = client.BearerToken(secret.New(env("ACCESS_TOKEN")))
	}
	cfg.RequestsPerMinute, _ = strconv.Atoi(env("REQUESTS_PER_MINUTE"))                                // 0: the default
	cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: env("INSECURE") == "true"} //nolint:gosec // asked for by name
	apitest.Compare(t, func(t *testing.T) *client.Client {
		c, err := client.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return c
	})
}

// lossy carries requests out, and loses the answer of the next one that a test
// marks.
type lossy struct {
	http.Handler
	lose  string // the method
	armed atomic.Bool
}

func (l *lossy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == l.lose && l.armed.CompareAndSwap(true, false) {
		l.Handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	l.Handler.ServeHTTP(w, r)
}

// TestAsgardeoLostAnswers: an agent whose creation was not answered is found by
// its external id, and not made again; a secret that was set is known to be.
func TestAsgardeoLostAnswers(t *testing.T) {
	l := &lossy{Handler: newAsgardeo(t), lose: http.MethodPost}
	c := clientOf(t, l)
	l.armed.Store(true)
	made, err := c.CreateAgent(t.Context(), api.Agent{ExternalID: "team/bot", Profile: api.AgentProfile{DisplayName: "bot", Description: "does things"}})
	if err != nil || made.ID == "" || made.ExternalID != "team/bot" || made.Profile.Description != "does things" {
		t.Fatalf("CreateAgent = %+v, %v", made, err)
	}
	for _, known := range []*client.Client{c, clientOf(t, l)} {
		if _, err := known.CreateAgent(t.Context(), api.Agent{ExternalID: "team/bot"}); !errors.Is(err, api.ErrExists) {
			t.Errorf("a second agent with the external id = %v, want %v", err, api.ErrExists)
		}
	}
	l.armed.Store(true)
	if _, err := c.CreateAgent(t.Context(), api.Agent{}); !errors.Is(err, client.ErrAmbiguous) {
		t.Errorf("without an external id it is %v, want %v", err, client.ErrAmbiguous)
	}
	l.lose = http.MethodPatch
	l.armed.Store(true)
	after, err := c.SetPassword(t.Context(), made.ID, secret.GenerateWSO2())
	if err != nil || after.PasswordTime() <= made.PasswordTime() {
		t.Errorf("SetPassword = %+v, %v", after, err)
	}
}

// TestAsgardeoManyCreates: what keeps agents from being made twice costs no
// request for each of them.
func TestAsgardeoManyCreates(t *testing.T) {
	var requests atomic.Int64
	h := newAsgardeo(t)
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.ServeHTTP(w, r)
	})
	const n = 40
	for run := range 2 {
		c := clientOf(t, counted)
		requests.Store(0)
		for i := range n {
			a, err := c.CreateAgent(t.Context(), api.Agent{ExternalID: "team/bot-" + strconv.Itoa(run*n+i)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.SetPassword(t.Context(), a.ID, secret.GenerateWSO2()); err != nil {
				t.Fatal(err)
			}
		}
		if got := requests.Load(); got > 2*n+8 {
			t.Errorf("run %d: %d agents with a secret took %d requests", run, n, got)
		}
	}
}
