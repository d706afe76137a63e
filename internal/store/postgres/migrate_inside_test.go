//go:build unix

package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// Of replicas of the next version that start at once on a store of this one, one
// migrates it and the others wait; nothing is lost; this version stops. A step
// that fails leaves all as it was.
func TestMigrate_atOnce(t *testing.T) {
	url := pgtest.Start(t).URL("")
	opened := func(steps ...string) (*Store, error) {
		return Open(context.Background(), Config{URL: url, Create: true, Creator: "test", Replica: true, migrations: steps})
	}
	now, err := opened(migrations...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = now.Close() }()
	add := func(s *Store, id string) error {
		return s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			return []audit.Event{{Action: audit.AgentCreate, AgentID: id}}, tx.AddAgent(store.Agent{ID: id})
		})
	}
	if err := add(now, "before"); err != nil {
		t.Fatal(err)
	}

	next := "CREATE TABLE notes (n bigint); INSERT INTO notes SELECT n FROM agents"
	if _, err := opened(append(migrations[:len(migrations):len(migrations)], next+"; SELECT 1/0")...); err == nil {
		t.Fatal("a step that fails is none")
	}
	if err := add(now, "still"); err != nil {
		t.Errorf("after a step that failed: %v", err)
	}

	steps := append(migrations[:len(migrations):len(migrations)], next)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			s, err := opened(steps...)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			if s.ID() != now.ID() {
				t.Errorf("the store is %s, and was %s", s.ID(), now.ID())
			}
			var notes int
			if err := s.pool.QueryRow(t.Context(), "SELECT count(*) FROM notes").Scan(&notes); err != nil || notes != 2 {
				t.Errorf("%d notes, %v: want 2", notes, err)
			}
			if err := s.View(t.Context(), func(r store.Reader) error {
				_, err := r.Agent("still")
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := add(now, "after"); !errors.Is(err, store.ErrForeign) {
		t.Errorf("a program of before = %v, want ErrForeign", err)
	}
}
