package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// lazily opens the store at path when a request needs it, as a server inside a
// process does.
func lazily(t *testing.T, path string) func(*server.Config) {
	return func(cfg *server.Config) {
		now := cfg.Now
		cfg.Explain = true
		cfg.Authority = func(ctx context.Context, create bool) (*authority.Authority, error) {
			st, err := sqlite.Open(ctx, sqlite.Config{Path: path, Create: create, Now: now})
			if errors.Is(err, authority.ErrNoStore) && !create {
				return authority.Empty(authority.Config{Now: now})
			}
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { _ = st.Close() })
			return authority.New(authority.Config{Store: st, Now: now})
		}
	}
}

// TestNoStoreYet: before the first agent there is nothing, and asking makes
// nothing; what is not there cannot be changed; the first create makes it.
func TestNoStoreYet(t *testing.T) {
	dir := t.TempDir()
	g := newRig(t, lazily(t, filepath.Join(dir, "agents.db")))
	storeID := func() string {
		return decodeAs[api.ServerConfig](g.send("GET", "/scim2/ServiceProviderConfig", "").is(200)).Capabilities.StoreID
	}
	for range 2 {
		if p := g.send("GET", agents, "").page(); p.Total != 0 {
			t.Errorf("list = %+v", p)
		}
		g.send("POST", agents+"/.search", `{"filter":"id eq x"}`).is(200)
		g.send("GET", agents+"/"+newID, "").scimError(404, "", "User not found in the user store.")
		g.send("DELETE", agents+"/"+newID, "").is(404)
		g.send("PUT", agents+"/"+newID, `{"userName":"AGENT/`+newID+`"}`).is(404)
		g.send("PATCH", agents+"/"+newID, `{"Operations":[{"op":"remove","path":"externalId"}]}`).is(404)
		g.send("POST", service+newID+"/secrets", `{}`).code(404, api.CodeNoAgent)
		g.send("PUT", service+newID+"/secrets/"+newID, `{"secretValue":"`+strong+`"}`).code(404, api.CodeNoAgent)
		g.send("POST", service+newID+"/revoke", ``).code(404, api.CodeNoAgent)
		g.send("GET", "/readyz", "").is(200)
		if id := storeID(); id != "" {
			t.Errorf("storeId = %q before there is a store", id)
		}
	}
	// A body that nobody can read makes no store either.
	g.send("POST", agents, `{`).is(400)
	g.send("POST", agents, `{}`, "Content-Type", "text/plain").is(406)
	g.send("POST", agents, `{}`, "Authorization", "Bearer eve:").is(403)
	if files, _ := os.ReadDir(dir); len(files) > 0 {
		t.Errorf("asking made %v", files)
	}
	g.create(`{}`)
	if id := storeID(); len(id) != 36 {
		t.Errorf("storeId = %q", id)
	}
	if p := g.send("GET", agents, "").page(); p.Total != 1 {
		t.Errorf("list = %+v", p)
	}
}

// TestStoreTrouble: every way in which a store can fail has its status; the
// text of the error goes to the log, and to the caller only where Explain says
// so.
func TestStoreTrouble(t *testing.T) {
	const path = "/srv/agents.db"
	for _, tt := range []struct {
		err    error
		status int
		code   api.Code
		retry  string
	}{
		{authority.ErrBusy, 503, api.CodeBusy, "1"},
		{authority.ErrCrowded, 503, api.CodeBusy, "1"},
		{authority.ErrFull, 507, api.CodeStorage, ""},
		{authority.ErrReadOnly, 507, api.CodeStorage, ""},
		{authority.ErrForeign, 507, api.CodeStorage, ""},
		{authority.ErrNoStore, 507, api.CodeStorage, ""},
		{errors.New("disk on fire"), 500, api.CodeInternal, ""},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			fails := func(cfg *server.Config) {
				cfg.Authority = func(context.Context, bool) (*authority.Authority, error) {
					return nil, fmt.Errorf("open the database %s: %w", path, tt.err)
				}
			}
			g := newRig(t, fails)
			a := g.send("GET", service+newID+"/secrets", "")
			a.code(tt.status, tt.code)
			trace := decodeAs[api.ServerError](a).TraceID
			if strings.Contains(a.body, path) || trace == "" || a.header.Get("X-Request-Id") != trace {
				t.Errorf("outside: %s, X-Request-Id %q", a.body, a.header.Get("X-Request-Id"))
			}
			if got := a.header.Get("Retry-After"); got != tt.retry {
				t.Errorf("Retry-After = %q, want %q", got, tt.retry)
			}
			var line map[string]any
			if err := json.Unmarshal(g.log.Bytes(), &line); err != nil {
				t.Fatalf("the log is not one line: %v\n%s", err, g.log)
			}
			if text, _ := line["error"].(string); !strings.Contains(text, path) || line["trace"] != trace || line["principal"] != "ann" {
				t.Errorf("log = %s", g.log)
			}
			if a := g.send("GET", agents, "").is(tt.status); a.json()["scimType"] != nil || strings.Contains(a.body, path) {
				t.Errorf("outside, in SCIM: %s", a.body)
			}

			g = newRig(t, fails, func(cfg *server.Config) { cfg.Explain = true })
			want := "Open the database " + path + ": " + tt.err.Error() + "."
			if got := g.send("GET", service+newID+"/secrets", "").code(tt.status, tt.code); got != want {
				t.Errorf("explained = %q, want %q", got, want)
			}
			g.send("GET", agents, "").scimError(tt.status, "", want)
		})
	}
}

// TestExplainsAll: an error of the store that wraps the sentinel and its cause
// is told in full. Only the sentinel's words were, once: neither the file nor
// what to do.
func TestExplainsAll(t *testing.T) {
	const path = "/srv/agents.db"
	g := newRig(t, func(cfg *server.Config) {
		cfg.Explain = true
		cfg.Authority = func(context.Context, bool) (*authority.Authority, error) {
			return nil, fmt.Errorf("open the database %s: %w: free some and try again (%w)", path, authority.ErrFull, errors.New("disk on fire"))
		}
	})
	want := "Open the database " + path + ": " + authority.ErrFull.Error() + ": free some and try again (disk on fire)."
	g.send("GET", agents, "").scimError(507, "", want)
}

// deaf is a store that has no room for the audit entry of a refusal: a fault
// that a real one has only when its disk fills between two transactions.
type deaf struct{ store.Store }

func (s deaf) Update(ctx context.Context, fn func(store.Tx) ([]audit.Event, error)) error {
	return s.Store.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		events, err := fn(tx)
		for _, ev := range events {
			if ev.Outcome == audit.Refused {
				return nil, store.ErrFull
			}
		}
		return events, err
	})
}

// TestRefusalWithoutAudit: when a refusal cannot be written down, that is what
// is answered; a 404 would say that all is well.
func TestRefusalWithoutAudit(t *testing.T) {
	g := newRig(t, func(cfg *server.Config) {
		st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "deaf.db"), Create: true, Now: cfg.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		a, err := authority.New(authority.Config{Store: deaf{st}, Now: cfg.Now})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Authority = server.Always(a)
	})
	id := g.bare("bot")
	g.send("DELETE", agents+"/"+newID, "").is(507)
	g.send("POST", service+id+"/secrets", `{"revoke":["`+newID+`"]}`).code(507, api.CodeStorage)
	g.send("GET", agents+"/"+newID, "").is(404) // a read leaves no entry
}

// TestForeignFile goes the whole way: what is not ours is named.
func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	if err := os.WriteFile(path, []byte(`{"agents":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	g := newRig(t, lazily(t, path))
	for _, a := range []answer{g.send("GET", agents, ""), g.send("POST", agents, `{}`)} {
		if a.is(507); !strings.Contains(a.body, path) {
			t.Errorf("the file is not named: %s", a.body)
		}
	}
}

// TestPanic: a fault of ours is one line in the log and no more than an id
// outside.
func TestPanic(t *testing.T) {
	g := newRig(t, func(cfg *server.Config) {
		cfg.Authority = func(context.Context, bool) (*authority.Authority, error) { panic("the secret is Hunter-2") }
	})
	a := g.send("GET", agents, "").is(500)
	if strings.Contains(a.body, "Hunter") || a.header.Get("X-Request-Id") == "" {
		t.Errorf("outside: %s", a.body)
	}
	if !strings.Contains(g.log.String(), a.header.Get("X-Request-Id")) || !strings.Contains(g.log.String(), "handle.go") {
		t.Errorf("log = %s", g.log)
	}
	if got := a.header.Get("Content-Type"); got != scim {
		t.Errorf("Content-Type = %q", got)
	}
	g = newRig(t, func(cfg *server.Config) {
		cfg.Explain = true
		cfg.Authority = func(context.Context, bool) (*authority.Authority, error) { panic("a slip") }
	})
	g.send("GET", agents, "").scimError(500, "", "The server panicked: a slip.")
}

// TestGivenUp: a caller who went away is no fault of the server.
func TestGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g := newRig(t, func(cfg *server.Config) {
		cfg.Authority = func(context.Context, bool) (*authority.Authority, error) {
			cancel()
			return nil, ctx.Err()
		}
	})
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, agents, nil)
	req.Header.Set("Authorization", admin)
	g.do(req).is(503)
	if g.log.Len() > 0 {
		t.Errorf("log = %s", g.log)
	}
}

// TestLogHasNoSecret: bodies and headers do not reach the log, whatever fails.
func TestLogHasNoSecret(t *testing.T) {
	g := newRig(t, func(cfg *server.Config) {
		cfg.Authority = func(context.Context, bool) (*authority.Authority, error) { return nil, authority.ErrFull }
	})
	const hunter = "Hunter-2-Canary"
	for _, a := range []answer{
		g.send("POST", agents, `{"password":"`+hunter+`"}`),
		g.send("PUT", service+newID+"/secrets/"+newID, `{"secretValue":"`+hunter+`"}`),
		g.send("GET", agents+"?token="+hunter, "", "Authorization", "Bearer "+hunter+":*"),
		g.send("PATCH", agents+"/x", `{"Operations":[{"op":"replace","path":"password","value":{"`+hunter+`":1}}]}`),
	} {
		if strings.Contains(a.body, hunter) {
			t.Errorf("%s answers %s", a.what, a.body)
		}
	}
	if log := strings.ReplaceAll(g.log.String(), `"principal":"`+hunter, ""); strings.Contains(log, hunter) {
		t.Errorf("log = %s", log)
	}
}
