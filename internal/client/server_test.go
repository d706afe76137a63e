package client_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

func TestServer(t *testing.T) {
	ours := api.Capabilities{StoreID: "s-1", MaxSecrets: 10, Overlap: true, Principal: "me"}
	plain := func(store string) client.Server {
		return client.Server{Kind: client.KindWSO2, Capabilities: api.Capabilities{StoreID: store, MaxSecrets: 1}}
	}
	json := func(v any) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, v) } }
	for _, tt := range []struct {
		name   string
		path   string
		script http.HandlerFunc
		want   client.Server // no Kind: an error
		asked  int           // when Server is called twice
	}{
		{"reference", "", json(serverConfig(&ours)), client.Server{Kind: client.KindReference, Capabilities: ours}, 1},
		{"reference without a store", "", json(serverConfig(&api.Capabilities{MaxSecrets: 2})),
			client.Server{Kind: client.KindReference, Capabilities: api.Capabilities{MaxSecrets: 2}}, 2},
		{"wso2", "/t/acme", json(serverConfig(nil)), plain("wso2:/t/acme"), 1},
		{"wso2, super tenant", "", json(serverConfig(nil)), plain("wso2:/t/carbon.super"), 1},
		{"wso2, super tenant by name", "/t/carbon.super/", json(serverConfig(nil)), plain("wso2:/t/carbon.super"), 1},
		{"wso2 without a schema", "/t/acme", body(200, `{"authenticationSchemes":[{"type":"oauth2"}]}`), plain("wso2:/t/acme"), 1},
		{"not found", "/t/acme", status(404), plain("wso2:/t/acme"), 1},
		{"not implemented", "/t/acme", status(501), plain("wso2:/t/acme"), 1},
		{"forbidden", "", status(403), client.Server{}, 2},
		{"down", "", status(502), client.Server{}, 10},
		{"html", "", body(200, "<html>"), client.Server{}, 2},
		{"another API", "", body(200, `{"hello":"world"}`), client.Server{}, 2},
		{"down, then up", "", sequence(status(403), json(serverConfig(&ours))), client.Server{Kind: client.KindReference, Capabilities: ours}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := scripted(nil, tt.script)
			c := f.over(t, func(cfg *client.Config) { cfg.BaseURL += tt.path })
			_, _ = c.Server(t.Context())
			got, err := c.Server(t.Context())
			if got != tt.want || (err == nil) != (tt.want.Kind != "") {
				t.Errorf("Server = %+v, %v; want %+v", got, err, tt.want)
			}
			if f.configs() != tt.asked {
				t.Errorf("asked %d times, want %d", f.configs(), tt.asked)
			}
			if got.Extended() != (tt.want.Kind == client.KindReference) {
				t.Errorf("Extended = %v", got.Extended())
			}
		})
	}
}

// TestServerSingleFlight: all resources of a plan ask at once.
func TestServerSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := scripted(nil, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			reply(w, 200, serverConfig(&api.Capabilities{StoreID: "s-1"}))
		})
		c := f.inside(t)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if s, err := c.Server(t.Context()); err != nil || s.StoreID != "s-1" {
					t.Errorf("Server = %v, %v", s, err)
				}
			})
		}
		wg.Wait()
		if f.configs() != 1 {
			t.Errorf("asked %d times, want 1", f.configs())
		}
	})
}

// TestServerAfterFirstCreate: the first agent makes the store. Whoever asks
// after it must not be told what was true before.
func TestServerAfterFirstCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		store := ""
		f := scripted(nil, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			now := store
			if r.Method == http.MethodPost {
				store = "s-1"
			}
			mu.Unlock()
			if r.Method == http.MethodPost {
				reply(w, 201, agent("a1"))
				return
			}
			if now == "" {
				time.Sleep(10 * time.Second) // old news come last
			}
			reply(w, 200, serverConfig(&api.Capabilities{StoreID: now}))
		})
		c := f.inside(t)
		go func() { _, _ = c.Server(t.Context()) }()
		time.Sleep(5 * time.Second)
		if _, err := c.CreateAgent(t.Context(), api.Agent{}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if s, err := c.Server(t.Context()); err != nil || s.StoreID != "s-1" {
				t.Errorf("Server = %+v, %v; want the new store", s, err)
			}
		}
		time.Sleep(time.Minute)
		if s, err := c.Server(t.Context()); err != nil || s.StoreID != "s-1" || f.configs() != 2 {
			t.Errorf("Server = %+v, %v after %d requests", s, err, f.configs())
		}
	})
}

// TestNotAgent: on a WSO2 server an id may be a person's.
func TestNotAgent(t *testing.T) {
	person := func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, api.Agent{ID: "a1", UserName: "DEFAULT/jane"})
	}
	for name, call := range calls(t) {
		if name == "read" || name == "create" {
			continue
		}
		f := wso2(person)
		c := f.over(t)
		for range 2 {
			if err := call(t.Context(), c); !errors.Is(err, client.ErrNotAgent) || !strings.Contains(err.Error(), "AGENT/") || strings.Contains(err.Error(), "jane") {
				t.Errorf("%s = %v, want ErrNotAgent", name, err)
			}
		}
		for _, r := range f.requests() {
			if r.method != http.MethodGet {
				t.Errorf("%s sent %s", name, r.method)
			}
		}

		// Our server knows nothing but agents: no proof is asked for.
		f = reference(success(name))
		if err := call(t.Context(), f.over(t)); err != nil || len(f.requests()) != 1 {
			t.Errorf("%s on the reference server = %v after %d requests", name, err, len(f.requests()))
		}
	}
}

// TestProof: whatever showed the id as an agent's in this run is proof enough.
func TestProof(t *testing.T) {
	script := func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodDelete:
			w.WriteHeader(204)
		case r.URL.Path == api.PathAgents && r.Method == http.MethodGet:
			whole := agent("a1") // a page of names alone has it read once more
			whole.Profile = api.AgentProfile{DisplayName: "Bot", Description: api.Marker(whole.ExternalID)}
			reply(w, 200, api.List[api.Agent]{Schemas: []string{api.SchemaList}, Resources: []api.Agent{whole}})
		default:
			reply(w, 200, agent("a1"))
		}
	}
	for _, tt := range []struct {
		name   string
		before func(*client.Client) error
		gets   int
	}{
		{"nothing", func(*client.Client) error { return nil }, 1},
		{"a read", func(c *client.Client) error { _, err := c.ReadAgent(t.Context(), "a1"); return err }, 1},
		{"a fresh read", func(c *client.Client) error { _, err := c.Agent(t.Context(), "a1"); return err }, 1},
		{"a page", func(c *client.Client) error { _, _, err := c.AgentByExternalID(t.Context(), "ext-a1"); return err }, 1},
		{"its creation", func(c *client.Client) error { _, err := c.CreateAgent(t.Context(), api.Agent{}); return err }, 0},
		{"a write", func(c *client.Client) error { _, err := c.PatchAgent(t.Context(), "a1", renameOps()); return err }, 1},
	} {
		f := wso2(script)
		c := f.over(t)
		if err := tt.before(c); err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteAgent(t.Context(), "a1", ""); err != nil {
			t.Fatal(err)
		}
		gets := 0
		for _, r := range f.requests() {
			if r.method == http.MethodGet {
				gets++
			}
		}
		if gets != tt.gets {
			t.Errorf("after %s: %d GETs, want %d", tt.name, gets, tt.gets)
		}
	}
	// Without proof the write is not sent, whatever the reason.
	f := wso2(status(403))
	if err := f.over(t).DeleteAgent(t.Context(), "a1", ""); !errors.Is(err, api.ErrForbidden) || len(f.requests()) != 1 {
		t.Errorf("DeleteAgent = %v after %d requests", err, len(f.requests()))
	}
}
