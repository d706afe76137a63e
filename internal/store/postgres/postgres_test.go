//go:build unix

package postgres_test

import (
	"fmt"
	"hash/fnv"
	"os"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/storetest"
)

// open opens a handle, making the store when there is none.
func open(t *testing.T, cfg postgres.Config) *postgres.Store {
	t.Helper()
	cfg.Create, cfg.Creator = true, "test"
	s, err := postgres.Open(t.Context(), cfg)
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
	server, n := pgtest.Start(t), 0
	storetest.Run(t, func(t *testing.T) func() store.Store {
		n++
		url := server.URL(fmt.Sprint("store", n))
		return func() store.Store { return open(t, postgres.Config{URL: url}) }
	})
}

// baseVariable tells a child process of TestProcesses where the database is.
const baseVariable = "POSTGRES_TEST_URL"

func TestProcesses(t *testing.T) {
	if os.Getenv(baseVariable) == "" {
		t.Setenv(baseVariable, pgtest.Start(t).URL(""))
	}
	storetest.RunProcesses(t, func(t *testing.T, dir string) store.Store {
		name := fnv.New64()
		_, _ = name.Write([]byte(dir))
		return open(t, postgres.Config{URL: fmt.Sprintf("%s?search_path=dir%d", os.Getenv(baseVariable), name.Sum64())})
	})
}
