//go:build unix

package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// After the database started again the last uses were lost, and a server that was
// stopped then ended with a failure: the second attempt, on another connection,
// named a statement that only the first connection had.
func TestAside_restart(t *testing.T) {
	db := pgtest.Start(t)
	s := open(t, postgres.Config{URL: db.URL(""), Create: true, Replica: true})
	addAgent(t, s, "a")
	touch := func() error {
		return s.Touch(t.Context(), []store.Use{{AgentID: "a", SecretID: "s", At: time.Now()}})
	}
	if err := touch(); err != nil {
		t.Fatal(err)
	}
	db.Stop()
	db.Launch(t)
	if err := touch(); err != nil {
		t.Errorf("Touch = %v", err)
	}
	db.Stop()
	db.Launch(t)
	if _, err := s.Count(t.Context(), "x", 1); err != nil {
		t.Errorf("Count = %v", err)
	}
}

// A replica died when its database went away between an attempt that was to be
// repeated and the end of its transaction: the next one had no connection.
func TestLost_whileUndone(t *testing.T) {
	db := pgtest.Start(t)
	s := open(t, postgres.Config{URL: db.URL(""), Create: true, Replica: true})
	busy, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	update := func(fn func(store.Tx) error) (err error) {
		return s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) { return []audit.Event{done}, fn(tx) })
	}
	all.Go(func() {
		_ = update(func(store.Tx) error {
			close(busy)
			<-release
			return nil
		})
	})
	<-busy
	// These two wait, and so are one group. The first fails after it has written.
	mine, once := errors.New("mine"), new(sync.Once)
	all.Go(func() {
		err := update(func(tx store.Tx) error {
			err := tx.AddAgent(store.Agent{ID: "a"})
			once.Do(func() {
				db.Stop()
				db.Launch(t)
			})
			return errors.Join(mine, err)
		})
		if !errors.Is(err, mine) {
			t.Errorf("Update = %v", err)
		}
	})
	all.Go(func() {
		if err := update(func(tx store.Tx) error { return tx.AddAgent(store.Agent{ID: "b"}) }); err != nil {
			t.Errorf("Update = %v", err)
		}
	})
	time.Sleep(200 * time.Millisecond) // so that both are in the queue
	close(release)
	all.Wait()
}
