package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

const testIssuer = "https://auth.example"

// gate is everything that serve serves, in this process, with a clock that can
// be put forward.
type gate struct {
	*parts
	ahead atomic.Int64 // a time.Duration
	asked atomic.Int64
	admin secret.Text
	agent authority.Agent
}

func newGate(t *testing.T) *gate {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "agents.db"), Create: true, Creator: creator})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	g := &gate{admin: newToken()}
	rules, err := authority.New(authority.Config{Store: store, Now: func() time.Time { return time.Now().Add(time.Duration(g.ahead.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	s := settings{
		Listen: "127.0.0.1:0", Database: "agents.db", Issuer: testIssuer, BehindTLSProxy: true, TokenLife: 10 * time.Minute,
		SigningAlg: "ES256", Profile: "reference", ClientCertHeader: "Client-Cert", MaxSecrets: 2, MaxConnections: 10, RotationDue: day, LogLevel: "info",
	}
	cfg, err := s.check()
	if err != nil {
		t.Fatal(err)
	}
	cfg.seal = sealSource{kind: "env", at: "SEAL", getenv: func(string) string { return strings.Repeat("A", 43) }}
	if g.parts, err = assemble(t.Context(), cfg, rules, testIssuer, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.issuer.Close(t.Context()) })
	if err := rules.SetAdminToken(t.Context(), self, g.admin); err != nil {
		t.Fatal(err)
	}
	return g
}

// allScopes are the scopes of all routes, and those that no route has.
func allScopes() (all []string) {
	for _, set := range api.ScopeSets() {
		all = append(all, set.Scopes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// client is a management client with its scopes, signed in for all of them.
func (g *gate) client(t *testing.T, name string, scopes ...string) (id, token string) {
	t.Helper()
	c, value, err := g.rules.CreateClient(t.Context(), self, authority.NewClient{Name: name, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID, g.login(t, authority.Login{ID: c.ID, Secret: value, Scopes: scopes})
}

func (g *gate) login(t *testing.T, l authority.Login) string {
	t.Helper()
	l.Method, l.Address = "client_secret_basic", "192.0.2.1"
	token, err := g.issuer.Login(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return token.Value.Reveal()
}

// ask sends a request without a body for the agent.
func (g *gate) ask(t *testing.T, route server.Route, token string) (int, string) {
	t.Helper()
	path := strings.NewReplacer("{id}", g.agent.ID, "{secretId}", "11111111-2222-4333-8444-555555555555").Replace(route.Pattern)
	r := httptest.NewRequestWithContext(t.Context(), route.Method, path, http.NoBody)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.RemoteAddr = fmt.Sprintf("[2001:db8:0:%x::1]:1", g.asked.Add(1)) // who is strange too often is answered slowly
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestManagementMatrix asks for every route of the management API, and for the
// metrics, with every token that must not do (S5), and sees that the right one
// does. What a refused one asks for is not done.
func TestManagementMatrix(t *testing.T) {
	g := newGate(t)
	all := allScopes()
	internal := append([]string{"read", "*"}, all...)
	bot, value, err := g.rules.CreateAgent(t.Context(), self, authority.NewAgent{AgentChange: authority.AgentChange{
		Scopes: &internal, Audiences: &[]string{testIssuer + "/manage", "https://api.example"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	g.agent = bot
	_, expired := g.client(t, "expired", all...)
	g.ahead.Add(int64(10 * time.Minute))

	bad := map[string]string{
		"nobody": "", "rubbish": "x.y.z", "an expired token": expired,
		"an agent's token":                      g.login(t, authority.Login{ID: bot.ID, Secret: value, Scopes: internal}),
		"an agent's token for another audience": g.login(t, authority.Login{ID: bot.ID, Secret: value, Audiences: []string{"https://api.example"}}),
		"the secret of an agent":                value.Reveal(),
		"an admin token of elsewhere":           newToken().Reveal(),
	}
	for name, end := range map[string]func(id, token string) error{
		"a revoked token": func(id, token string) error {
			return g.issuer.RevokeToken(t.Context(), authority.Caller{ID: id}, secret.New(token))
		},
		"the token of a client that was deleted": func(id, _ string) error {
			return g.rules.DeleteClient(t.Context(), self, id)
		},
		"the token of a client that was rotated at once": func(id, _ string) error {
			_, _, err := g.rules.RotateClient(t.Context(), self, id, authority.ClientRotation{Secret: true})
			return err
		},
	} {
		id, token := g.client(t, name, all...)
		if err := end(id, token); err != nil {
			t.Fatal(err)
		}
		bad[name] = token
	}
	maps.Copy(bad, g.forged(t, all))

	before, err := g.rules.Agent(t.Context(), bot.ID)
	if err != nil {
		t.Fatal(err)
	}
	routes := append(server.Routes(), server.Route{Method: "GET", Pattern: api.PathMetrics, Scope: api.ScopeMetricsView})
	for _, route := range routes {
		for name, token := range bad {
			if status, text := g.ask(t, route, token); (status == http.StatusUnauthorized) == route.Open {
				t.Errorf("%s %s with %s = %d %s", route.Method, route.Pattern, name, status, text)
			}
		}
		if route.Scope == "" {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == route.Scope })
		_, other := g.client(t, "not "+route.Method+route.Pattern, others...)
		if status, text := g.ask(t, route, other); status != http.StatusForbidden {
			t.Errorf("%s %s with every other scope = %d %s", route.Method, route.Pattern, status, text)
		}
	}
	after, err := g.rules.Agent(t.Context(), bot.ID)
	if err != nil || after.Modified != before.Modified || after.Epoch != before.Epoch || len(after.Secrets) != len(before.Secrets) {
		t.Errorf("refused requests changed the agent from %+v to %+v, %v", before, after, err)
	}

	for _, route := range routes {
		_, right := g.client(t, "right "+route.Method+route.Pattern, slices.DeleteFunc([]string{route.Scope}, func(s string) bool { return s == "" })...)
		for name, token := range map[string]string{"its scope": right, "the admin token": g.admin.Reveal()} {
			// Without a body most get no further than that.
			if status, text := g.ask(t, route, token); status == http.StatusUnauthorized || status == http.StatusForbidden || status >= 500 && status != http.StatusNotImplemented {
				t.Errorf("%s %s with %s = %d %s", route.Method, route.Pattern, name, status, text)
			}
		}
	}
}

// forged are tokens that were made without the key of the server: they say what
// a right one says.
func (g *gate) forged(t *testing.T, scopes []string) map[string]string {
	t.Helper()
	id, right := g.client(t, "right", scopes...)
	parsed, _, err := jwt.NewParser().ParseUnverified(right, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := g.issuer.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(method jwt.SigningMethod, key any, more map[string]any) string {
		j := jwt.NewWithClaims(method, parsed.Claims)
		j.Header["kid"], j.Header["typ"] = parsed.Header["kid"], parsed.Header["typ"]
		maps.Copy(j.Header, more)
		text, err := j.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	out := map[string]string{
		"alg none":                  forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"HS256 with the public key": forge(jwt.SigningMethodHS256, bytes.Clone(set.JSON), nil),
		"a foreign key":             forge(jwt.SigningMethodES256, foreign, nil),
		"a kid that is a path":      forge(jwt.SigningMethodES256, foreign, map[string]any{"kid": "../../dev/null"}),
		"a kid of nobody":           forge(jwt.SigningMethodES256, foreign, map[string]any{"kid": "nobody"}),
		"its own key":               forge(jwt.SigningMethodES256, foreign, map[string]any{"jwk": map[string]string{"kty": "EC", "crv": "P-256"}}),
		"a key of its own place":    forge(jwt.SigningMethodES256, foreign, map[string]any{"jku": "http://127.0.0.1:1/keys"}),
		"crit":                      forge(jwt.SigningMethodES256, foreign, map[string]any{"crit": []string{"x"}, "x": 1}),
		"a huge token":              right + strings.Repeat("A", 1<<20),
		"a token twice":             right + " " + right,
		"a token with a line end":   right + "\n.",
	}
	if _, err := g.issuer.Inspect(t.Context(), secret.New(right)); err != nil {
		t.Fatalf("the right token of %s: %v", id, err)
	}
	return out
}
