package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/embedded"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// A store that another process makes is seen, and one that cannot be opened is
// tried again.
func TestLooksAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	c := open(t, embedded.Config{Path: path})
	if _, err := c.Agent(t.Context(), nobody); !errors.Is(err, api.ErrNotFound) {
		t.Fatalf("before there is a store: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"version": 4}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"a read":  func() error { _, err := c.Agent(t.Context(), nobody); return err },
		"a write": func() error { _, err := c.CreateAgent(t.Context(), newAgent()); return err },
	} {
		err := call()
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "not a store of this program") {
			t.Errorf("%s of a foreign file: %v", name, err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != `{"version": 4}` {
		t.Errorf("the foreign file is %q, %v", text, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other := open(t, embedded.Config{Path: path})
	a := create(t, other)
	if got, err := c.Agent(t.Context(), a.ID); err != nil || got.Profile.DisplayName != "bot" {
		t.Errorf("Agent = %+v, %v", got, err)
	}
}

// Errors of opening reach the caller in full: which file, what, and what to do.
func TestOpenErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		make func(t *testing.T, dir string) (path string)
		want []string
	}{
		"a directory": {func(_ *testing.T, dir string) string { return dir }, []string{"not a store of this program"}},
		"below a file": {func(t *testing.T, dir string) string {
			file := filepath.Join(dir, "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(file, "agents.db")
		}, []string{"not a directory"}},
		"a directory that cannot be written": {func(t *testing.T, dir string) string {
			if os.Getuid() <= 0 {
				t.Skip("for root, and on Windows, every directory can be written")
			}
			if err := os.Chmod(dir, 0o500); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
			return filepath.Join(dir, "agents.db")
		}, []string{"cannot be written", "permission"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := tt.make(t, t.TempDir())
			c := open(t, embedded.Config{Path: path})
			_, err := c.CreateAgent(t.Context(), newAgent())
			if err == nil {
				t.Fatal("an agent was made")
			}
			for _, want := range append(tt.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
		})
	}
}

// A store that came from a backup is not used: each request says why, and of which
// file, until somebody has accepted it.
func TestQuarantine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	a := create(t, open(t, embedded.Config{Path: path}))
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	rules, err := authority.New(authority.Config{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	used := open(t, embedded.Config{Path: path}) // which has it open before
	if _, err := used.Agent(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	who := authority.Principal{Name: "restorer"}
	if _, err := rules.Quarantine(t.Context(), who, audit.StoreQuarantine, nil); err != nil {
		t.Fatal(err)
	}
	late := open(t, embedded.Config{Path: path})
	for range 2 {
		_, err := late.Agent(t.Context(), a.ID)
		if err == nil || errors.Is(err, api.ErrNotFound) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore --accept --database") {
			t.Errorf("the agent of a quarantined store: %v", err)
		}
		if _, err := used.Agent(t.Context(), a.ID); err == nil || errors.Is(err, api.ErrNotFound) || !strings.Contains(err.Error(), "quarantined since") {
			t.Errorf("the agent of a store that is quarantined under one's feet: %v", err)
		}
		if _, err := late.CreateAgent(t.Context(), newAgent()); err == nil || !strings.Contains(err.Error(), "quarantined") {
			t.Errorf("a write to a quarantined store: %v", err)
		}
	}
	if _, err := rules.Accept(t.Context(), who, authority.Trail{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client.Client{late, used} {
		if got, err := c.Agent(t.Context(), a.ID); err != nil || got.ID != a.ID {
			t.Errorf("after it was accepted: %+v, %v", got, err)
		}
	}
}
