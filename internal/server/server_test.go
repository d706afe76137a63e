package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

const (
	base    = "https://agents.example.com"
	agents  = "/scim2/Agents"
	service = "/api/server/v1/agents/"
	scim    = "application/scim+json"
)

// clock can be moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// rig is a server over a real store, and what a test needs of it.
type rig struct {
	t       testing.TB
	handler http.Handler
	clock   *clock
	log     *bytes.Buffer
}

// tokens are who may ask: the name of a bearer token is its principal's, and
// what is behind the colon are its scopes.
func authorize(r *http.Request) (authority.Principal, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	name, scopes, known := strings.Cut(token, ":")
	if !ok || !known {
		return authority.Principal{}, errors.New("no such token")
	}
	return authority.Principal{Name: name, Scopes: strings.Fields(scopes)}, nil
}

// admin is the token of one who may do everything.
const admin = "Bearer ann:*"

func newRig(t testing.TB, adjust ...func(*server.Config)) *rig {
	t.Helper()
	g := &rig{t: t, clock: &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)}, log: &bytes.Buffer{}}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "agents.db"), Create: true, Now: g.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		checkTrail(t, st)
		_ = st.Close()
	})
	a, err := authority.New(authority.Config{Store: st, Now: g.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.Config{
		Authority: server.Always(a),
		Authorize: authorize,
		BaseURL:   base,
		Version:   "1.2.3",
		Now:       g.clock.now,
		Logger:    slog.New(slog.NewJSONHandler(g.log, nil)),
	}
	for _, fn := range adjust {
		fn(&cfg)
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.handler = s
	return g
}

// in is the rig for a test that is part of another.
func (g *rig) in(t testing.TB) *rig {
	part := *g
	part.t = t
	return &part
}

// checkTrail checks, after every test, that its audit chain is whole and holds
// no secret: those of the tests all have "Horse" or "Hunter" in them.
func checkTrail(t testing.TB, st *sqlite.Store) {
	err := st.View(context.Background(), func(r store.Reader) error {
		var prev audit.Entry
		entries, err := r.Entries(0, 1_000_000)
		for _, e := range entries {
			if err := e.Verify(prev); err != nil {
				return err
			}
			if text := fmt.Sprintf("%+v", e); strings.Contains(text, "Horse") || strings.Contains(text, "Hunter") || strings.Contains(text, "agcs_") {
				t.Errorf("an audit entry has a secret: %s", text)
			}
			prev = e
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// answer is what came back.
type answer struct {
	t      testing.TB
	what   string // the request, for messages
	status int
	header http.Header
	body   string
}

// send sends a request as an administrator would; headers come in pairs.
func (g *rig) send(method, target, body string, headers ...string) answer {
	g.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequestWithContext(g.t.Context(), method, target, r)
	req.Header.Set("Authorization", admin)
	if body != "" {
		req.Header.Set("Content-Type", scim)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	return g.do(req)
}

func (g *rig) do(req *http.Request) answer {
	g.t.Helper()
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, req)
	return answer{g.t, req.Method + " " + req.URL.String(), w.Code, w.Header(), w.Body.String()}
}

// is checks the status.
func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s = %d, want %d; it said %s", a.what, a.status, status, a.body)
	}
	return a
}

// json decodes the body.
func (a answer) json() map[string]any {
	a.t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		a.t.Fatalf("%s answered %q, which is not a JSON object: %v", a.what, a.body, err)
	}
	return m
}

// agent decodes an agent.
func (a answer) agent() api.Agent { return decodeAs[api.Agent](a) }

func decodeAs[T any](a answer) T {
	a.t.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.t.Fatalf("%s answered %q: %v", a.what, a.body, err)
	}
	return v
}

// scimError checks a SCIM error, its status as a string too.
func (a answer) scimError(status int, scimType, detail string) {
	a.t.Helper()
	a.is(status)
	got := a.json()
	if s, ok := got["status"].(string); !ok || s != itoa(status) {
		a.t.Errorf("%s: status in the body is %#v, want the string %q", a.what, got["status"], itoa(status))
	}
	if got["detail"] != detail {
		a.t.Errorf("%s: detail = %q, want %q", a.what, got["detail"], detail)
	}
	if s, _ := got["scimType"].(string); s != scimType {
		a.t.Errorf("%s: scimType = %q, want %q", a.what, s, scimType)
	}
	if schemas, _ := got["schemas"].([]any); len(schemas) != 1 || schemas[0] != api.SchemaError {
		a.t.Errorf("%s: schemas = %v", a.what, got["schemas"])
	}
	if ct := a.header.Get("Content-Type"); ct != scim {
		a.t.Errorf("%s: Content-Type = %q, want %q", a.what, ct, scim)
	}
}

// code checks an error of /api/server/v1.
func (a answer) code(status int, code api.Code) string {
	a.t.Helper()
	a.is(status)
	e := decodeAs[api.ServerError](a)
	if e.Code != code || e.Message == "" || e.Description == "" {
		a.t.Errorf("%s: error = %+v, want the code %s", a.what, e, code)
	}
	return e.Description
}

// create makes an agent and returns it as it was answered.
func (g *rig) create(body string) api.Agent {
	g.t.Helper()
	return g.send("POST", agents, body).is(201).agent()
}

// bare makes an agent without a secret and returns its id.
func (g *rig) bare(name string) string {
	g.t.Helper()
	return g.create(`{"` + api.SchemaWSO2Agent + `":{"DisplayName":"` + name + `"},"` + api.SchemaCredentials + `":{"secret":"none"}}`).ID
}

// get reads an agent.
func (g *rig) get(id string) api.Agent {
	g.t.Helper()
	return g.send("GET", agents+"/"+id, "").is(200).agent()
}

func itoa(n int) string {
	text, _ := json.Marshal(n)
	return string(text)
}

func TestNew(t *testing.T) {
	if _, err := server.New(server.Config{}); err == nil {
		t.Error("New without an authority: no error")
	}
}

// TestEveryAnswer checks what every answer has, errors included.
func TestEveryAnswer(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	for _, tt := range []struct {
		method, target, body string
		kind                 string
	}{
		{"GET", agents, "", scim},
		{"GET", agents + "/" + id, "", scim},
		{"GET", agents + "/unknown", "", scim},
		{"PATCH", agents + "/" + id, "{}", scim},
		{"GET", "/scim2/Nothing", "", scim},
		{"GET", "/scim2", "", scim},
		{"GET", "/scim2/Schemas", "", scim},
		{"GET", service + id + "/secrets", "", "application/json"},
		{"GET", service + "unknown/secrets", "", "application/json"},
		{"GET", "/", "", "application/json"},
		{"BREW", agents, "", scim},
		{"GET", "/healthz", "", "text/plain; charset=utf-8"},
		{"DELETE", agents + "/" + id, "", ""},
	} {
		a := g.send(tt.method, tt.target, tt.body)
		if got, want := a.header.Get("Date"), "Sun, 01 Mar 2026 12:00:00 GMT"; got != want {
			t.Errorf("%s: Date = %q, want %q", a.what, got, want)
		}
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control = %q, want no-store", a.what, got)
		}
		if got := a.header.Get("Content-Type"); got != tt.kind {
			t.Errorf("%s: Content-Type = %q, want %q", a.what, got, tt.kind)
		}
	}
}

func TestHead(t *testing.T) {
	g := newRig(t)
	id := g.bare("bot")
	for _, target := range []string{agents, agents + "/" + id, agents + "/unknown", "/scim2/Schemas", "/healthz", "/nowhere"} {
		get, head := g.send("GET", target, ""), g.send("HEAD", target, "")
		if head.status != get.status || head.body != "" {
			t.Errorf("%s = %d %q, want %d and no body", head.what, head.status, head.body, get.status)
		}
		if got, want := head.header.Get("Content-Length"), itoa(len(get.body)); got != want {
			t.Errorf("%s: Content-Length = %s, want %s as of the GET", head.what, got, want)
		}
	}
}

// TestLocation: the base of locations is what the request went to, unless one
// is configured.
func TestLocation(t *testing.T) {
	for _, tt := range []struct {
		name   string
		adjust func(*server.Config)
		target string
		want   string
	}{
		{"configured", func(*server.Config) {}, agents, base},
		{"slash at the end", func(c *server.Config) { c.BaseURL += "/" }, agents, base},
		{"http", func(c *server.Config) { c.BaseURL = "" }, "http://127.0.0.1:8484" + agents, "http://127.0.0.1:8484"},
		{"https", func(c *server.Config) { c.BaseURL = "" }, "https://a.example" + agents, "https://a.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, tt.adjust)
			a := g.send("POST", tt.target, `{"`+api.SchemaWSO2Agent+`":{}}`).is(201)
			want := tt.want + agents + "/" + a.agent().ID
			if got := a.header.Get("Location"); got != want {
				t.Errorf("Location = %q, want %q", got, want)
			}
			if got := a.agent().Meta.Location; got != want {
				t.Errorf("meta.location = %q, want %q", got, want)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	broken := func(c *server.Config) {
		c.Authority = func(context.Context, bool) (*authority.Authority, error) { return nil, authority.ErrBusy }
	}
	g := newRig(t)
	g.send("GET", "/healthz", "", "Authorization", "").is(200)
	g.send("GET", "/readyz", "", "Authorization", "").is(200)
	g = newRig(t, func(c *server.Config) { c.Ready = "ok faults" })
	if got := g.send("GET", "/readyz", "", "Authorization", "").is(200).body; got != "ok faults\n" {
		t.Errorf("/readyz says %q", got)
	}
	g = newRig(t, broken)
	g.send("GET", "/healthz", "", "Authorization", "").is(200)
	g.send("GET", "/readyz", "", "Authorization", "").code(503, api.CodeBusy)
	if !strings.Contains(g.log.String(), "locked by another process") {
		t.Errorf("the log does not say why the server is not ready: %s", g.log)
	}
}
