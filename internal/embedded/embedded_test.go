package embedded_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/embedded"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const nobody = "00000000-0000-4000-8000-000000000000"

// open makes a client that the test lets go of the file with.
func open(t testing.TB, cfg embedded.Config) *client.Client {
	t.Helper()
	c, done, err := embedded.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func newAgent() api.Agent {
	return api.Agent{Profile: api.AgentProfile{DisplayName: "bot"}, Extension: &api.AgentSecurity{Secret: api.SecretNone}}
}

func create(t testing.TB, c *client.Client) api.Agent {
	t.Helper()
	a, err := c.CreateAgent(t.Context(), newAgent())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// entries are the names in a directory.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Name())
	}
	return names
}

// A plan leaves no trace: what reads, or changes what is not there, makes no
// file and no directory, and is answered as by an empty store.
func TestNoTrace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	c := open(t, embedded.Config{Path: filepath.Join(dir, "agents.db"), Version: "1.2.3"})
	ctx := t.Context()
	srv, err := c.Server(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if srv.StoreID != "" || srv.Version != "1.2.3" || srv.MaxSecrets != 2 || !srv.Overlap {
		t.Errorf("the server says %+v", srv)
	}
	for a, err := range c.FindAgents(ctx, nil) {
		t.Errorf("found %v, %v", a.ID, err)
	}
	if _, found, err := c.AgentByExternalID(ctx, "x"); found || err != nil {
		t.Errorf("AgentByExternalID = %v, %v", found, err)
	}
	for name, call := range map[string]func() error{
		"Agent":        func() error { _, err := c.Agent(ctx, nobody); return err },
		"DeleteAgent":  func() error { return c.DeleteAgent(ctx, nobody, "") },
		"Secrets":      func() error { _, err := c.Secrets(ctx, nobody); return err },
		"AddSecret":    func() error { _, err := c.AddSecret(ctx, nobody, api.SecretRequest{}); return err },
		"RevokeSecret": func() error { return c.RevokeSecret(ctx, nobody, nobody, "") },
		"RevokeAll":    func() error { return c.RevokeAll(ctx, nobody) },
	} {
		if err := call(); !errors.Is(err, api.ErrNotFound) {
			t.Errorf("%s = %v, want ErrNotFound", name, err)
		}
	}
	if names := entries(t, filepath.Dir(dir)); len(names) != 0 {
		t.Errorf("there is %v now", names)
	}
}

// The first agent makes the store, and its directory.
func TestFirstAgent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "agents.db")
	c := open(t, embedded.Config{Path: path})
	a := create(t, c)
	srv, err := c.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if srv.StoreID == "" || !strings.HasPrefix(srv.Principal, "local:") || !strings.Contains(srv.Principal, "@") {
		t.Errorf("the server says %+v", srv)
	}
	s, err := c.AddSecret(t.Context(), a.ID, api.SecretRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if !s.SecretValue.HasOurShape() || s.CreatedBy != srv.Principal {
		t.Errorf("the secret is %+v", s)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for name, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestPrincipal(t *testing.T) {
	c := open(t, embedded.Config{Path: filepath.Join(t.TempDir(), "agents.db"), Principal: "ci", MaxSecrets: 5})
	srv, err := c.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if srv.Principal != "ci" || srv.MaxSecrets != 5 {
		t.Errorf("the server says %+v", srv)
	}
}

func TestNew_refuses(t *testing.T) {
	for name, cfg := range map[string]embedded.Config{
		"no path":           {},
		"too many secrets":  {Path: "x.db", MaxSecrets: 11},
		"too few to be any": {Path: "x.db", MaxSecrets: -1},
	} {
		if _, err := embedded.New(cfg); err == nil {
			t.Errorf("%s: New refused nothing", name)
		}
	}
}

// Several clients, as the aliases of a provider, work on one file at once.
func TestSeveralClients(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	const clients, agents = 4, 8
	var ids sync.Map
	var done sync.WaitGroup
	for range clients {
		c := open(t, embedded.Config{Path: path})
		for range agents {
			done.Go(func() {
				a, err := c.CreateAgent(context.WithoutCancel(t.Context()), newAgent())
				if err != nil {
					t.Error(err)
					return
				}
				ids.Store(a.ID, true)
				if _, err := c.AddSecret(t.Context(), a.ID, api.SecretRequest{SecretValue: secret.Generate()}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	done.Wait()
	found := 0
	for a, err := range open(t, embedded.Config{Path: path}).FindAgents(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := ids.Load(a.ID); !ok {
			t.Errorf("agent %s was made by nobody", a.ID)
		}
		found++
	}
	if found != clients*agents {
		t.Errorf("%d agents, want %d", found, clients*agents)
	}
}

// A request that is given up says so, and does nothing.
func TestGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	c := open(t, embedded.Config{Path: path})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Agent(ctx, nobody); !errors.Is(err, context.Canceled) {
		t.Errorf("Agent = %v", err)
	}
	if _, err := c.Server(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Server = %v", err)
	}
	if names := entries(t, filepath.Dir(path)); len(names) != 0 {
		t.Errorf("there is %v now", names)
	}
}

func TestClose(t *testing.T) {
	for name, used := range map[string]bool{"used": true, "never used": false} {
		c, done, err := embedded.Open(embedded.Config{Path: filepath.Join(t.TempDir(), "agents.db")})
		if err != nil {
			t.Fatal(err)
		}
		if used {
			create(t, c)
		}
		for range 2 {
			if err := done(); err != nil {
				t.Errorf("%s: close: %v", name, err)
			}
		}
		if _, err := c.CreateAgent(t.Context(), newAgent()); err == nil {
			t.Errorf("%s: an agent was made after close", name)
		}
	}
}
