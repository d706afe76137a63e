//go:build unix

package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// inTime calls what may have to wait for a database that is slow to come back.
func inTime(call func() error) (err error) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if err = call(); !errors.Is(err, store.ErrUnavailable) {
			return err
		}
	}
	return err
}

// A replica that is cut off from the database says so, as often as it is asked,
// holds up no other one, and goes on when the line is good again.
func TestCutOff(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	line := server.Line(t)
	off := open(t, postgres.Config{URL: line.URL("") + "?statement_timeout=1s&connect_timeout=1", Replica: true})
	other := open(t, postgres.Config{URL: server.URL(""), Replica: true})
	addAgent(t, other, "a")
	view := func() error { return off.View(t.Context(), func(store.Reader) error { return nil }) }
	for name, blow := range map[string]func(){"cut": line.Cut, "stalled": line.Stall} {
		if err := errors.Join(inTime(func() error { return increment(off, t, "a") }), inTime(view)); err != nil {
			t.Fatalf("before the line is %s: %v", name, err)
		}
		blow()
		var wg sync.WaitGroup
		for _, call := range []func() error{view, view, func() error { return increment(off, t, "a") }, func() error {
			_, err := off.Count(t.Context(), "n", 1)
			return err
		}} {
			wg.Go(func() {
				if err := call(); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("while the line is %s: %v, want ErrUnavailable", name, err)
				}
			})
		}
		wg.Wait()
		if err := increment(other, t, "a"); err != nil {
			t.Errorf("the other one while the line is %s: %v", name, err)
		}
		line.Mend()
	}
	if err := errors.Join(inTime(view), inTime(func() error { return increment(off, t, "a") })); err != nil {
		t.Error(err)
	}
	if got := epoch(t, off, "a"); got != 5 {
		t.Errorf("counted to %d, want 5", got)
	}
	trail(t, other)
}

// A replica that is cut off in the middle of an update holds what it has written
// for a few seconds only, and whoever asked is told that nothing was changed, or
// that it is not known.
func TestCutOff_inTheMiddle(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	line := server.Line(t)
	off := open(t, postgres.Config{URL: line.URL("") + "?statement_timeout=1s&connect_timeout=1", Replica: true})
	other := open(t, postgres.Config{URL: server.URL(""), Replica: true})
	addAgent(t, other, "a")
	stalled := make(chan struct{})
	answer := make(chan error, 1)
	go func() {
		answer <- off.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			a, err := tx.Agent("a")
			if err != nil {
				return nil, err
			}
			a.Epoch++
			if err := tx.SetAgent(a); err != nil {
				return nil, err
			}
			select {
			case <-stalled:
			default:
				line.Stall()
				close(stalled)
			}
			return []audit.Event{done}, nil
		})
	}()
	<-stalled
	if err := increment(other, t, "a"); err != nil {
		t.Errorf("the other one: %v", err)
	}
	err := <-answer
	if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrUnsure) {
		t.Errorf("the one that was cut off: %v", err)
	}
	line.Mend()
	if err := inTime(func() error { return increment(off, t, "a") }); err != nil {
		t.Errorf("when the line is good again: %v", err)
	}
	if got := epoch(t, other, "a"); got != 2 {
		t.Errorf("counted to %d, want 2", got)
	}
	trail(t, other)
}

// The connections of the pool are as many as the URL says. Whoever gets none is
// told that others read.
func TestPool(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{URL: pgtest.Start(t).URL("") + "?pool_max_conns=2"})
	began, end := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := s.View(t.Context(), func(store.Reader) error {
				began <- struct{}{}
				<-end
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
		<-began
	}
	since := time.Now()
	err := s.View(t.Context(), func(store.Reader) error { return errors.New("it reads") })
	if !errors.Is(err, store.ErrBusy) {
		t.Errorf("View after %v = %v, want ErrBusy", time.Since(since), err)
	}
	close(end)
	wg.Wait()
	if err := s.View(t.Context(), func(store.Reader) error { return nil }); err != nil {
		t.Error(err)
	}
}

// A statement takes no longer than the URL says.
func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	s := open(t, postgres.Config{URL: server.URL("") + "?statement_timeout=300ms"})
	addAgent(t, s, "a")
	held := make(chan struct{})
	go hold(t, server.URL(""), held)
	<-held
	err := increment(s, t, "a")
	if !errors.Is(err, store.ErrBusy) {
		t.Errorf("Update = %v, want ErrBusy", err)
	}
	held <- struct{}{}
	<-held
	if err := increment(s, t, "a"); err != nil {
		t.Error(fmt.Errorf("when it is free: %w", err))
	}
}
