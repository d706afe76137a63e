package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/storetest"
)

// open opens the store at path, making it when there is none.
func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: true, Creator: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() store.Store {
		path := filepath.Join(t.TempDir(), "agents.db")
		return func() store.Store { return open(t, path) }
	})
}

func TestProcesses(t *testing.T) {
	storetest.RunProcesses(t, func(t *testing.T, dir string) store.Store {
		return open(t, filepath.Join(dir, "agents.db"))
	})
}
