package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// TestSpend_together: in a commit that several share, what one spent who failed
// then is not spent, whatever else it wrote, and the others' is.
func TestSpend_together(t *testing.T) {
	s := openWith(t, newPath(t), seams{})
	later, failed := time.Now().Add(time.Hour), errors.New("failed")
	const id = "00000000-0000-4000-8000-000000000001"
	writes := func(tx store.Tx) error { return tx.AddAgent(store.Agent{ID: id}) }
	spends := func(tx store.Tx) error { return tx.Spend("k", later) }
	fails := func(store.Tx) error { return failed }
	riders := []struct {
		steps []func(store.Tx) error
		want  error
	}{
		{[]func(store.Tx) error{spends, fails}, failed},
		{[]func(store.Tx) error{spends, writes, fails}, failed},
		{[]func(store.Tx) error{writes, spends, fails}, failed},
		{[]func(store.Tx) error{spends}, nil},
		{[]func(store.Tx) error{spends, writes}, store.ErrExists},
		{[]func(store.Tx) error{fails}, failed},
	}
	waiting := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.queue)
	}
	update := func(steps []func(store.Tx) error) error {
		return s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			for _, step := range steps {
				if err := step(tx); err != nil {
					return nil, err
				}
			}
			return one, nil
		})
	}
	held, release := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() { // holds the first commit until all others wait for the second
		if err := s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) {
			close(held)
			<-release
			return one, nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-held
	for n, r := range riders {
		done.Go(func() {
			if err := update(r.steps); !errors.Is(err, r.want) {
				t.Errorf("rider %d: %v, want %v", n, err, r.want)
			}
		})
		for waiting() <= n {
			time.Sleep(time.Millisecond)
		}
	}
	close(release)
	done.Wait()
	if agents, entries := count(t, s); agents != 0 || entries != 3 {
		t.Errorf("%d agents and %d entries, want 0 and 3", agents, entries)
	}
}

// TestSpend_forgets: what expired goes, a little with each that is spent, so that the
// table does not grow beyond what is in force; what is in force stays.
func TestSpend_forgets(t *testing.T) {
	s := openWith(t, newPath(t), seams{})
	now := time.Now()
	spend := func(from, to int, ends time.Time) {
		t.Helper()
		err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			for n := from; n < to; n++ {
				sum := sha256.Sum256([]byte{byte(n), byte(n >> 8)}) // in no order
				if err := tx.Spend(hex.EncodeToString(sum[:]), ends); err != nil {
					return nil, err
				}
			}
			return one, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	spend(0, 500, now.Add(time.Hour))
	spend(500, 2000, now.Add(-time.Minute))
	spend(2000, 2700, now.Add(time.Hour)) // 44 looks at 64 each: once round the 2,700
	var live, all int
	err := s.db.QueryRowContext(t.Context(), "SELECT count(*), count(*) FILTER (WHERE expires > ?) FROM spent", now.Unix()).Scan(&all, &live)
	if err != nil {
		t.Fatal(err)
	}
	if live != 1200 || all > 1400 {
		t.Errorf("%d are in force and %d are kept, want 1200 and few more", live, all)
	}
}
