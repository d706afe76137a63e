package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var concurrentTests = map[string]func(*testing.T, opener){
	"handles lose nothing":    handlesLoseNothing,
	"goroutines lose nothing": goroutinesLoseNothing,
	"each its own fate":       ownFate,
	"waiting can be ended":    waitingEnds,
	"same id": func(t *testing.T, open opener) {
		ids := map[string]bool{}
		for range 4 {
			ids[open().ID()] = true
		}
		for id := range ids {
			if len(ids) != 1 || len(id) != 36 || strings.ToLower(id) != id {
				t.Errorf("ids of four handles: %v, want one lower-case UUID", ids)
			}
		}
	},
}

// together runs fn n times at once, and fails the test for each error.
func together(t *testing.T, n int, fn func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := fn(i); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func handlesLoseNothing(t *testing.T, open opener) {
	handles := []store.Store{open(), open(), open(), open()}
	add(t, handles[0], store.Agent{ID: id(1)})
	before := len(entries(t, handles[0]))
	together(t, len(handles), func(i int) error {
		for range 25 {
			if err := try(t, handles[i], func(tx store.Tx) error { return increment(tx, id(1)) }); err != nil {
				return err
			}
		}
		return nil
	})
	for _, s := range handles {
		if got, n := read(t, s, id(1)).Epoch, len(entries(t, s))-before; got != 100 || n != 100 {
			t.Errorf("counted to %d with %d entries, want 100", got, n)
		}
	}
}

func goroutinesLoseNothing(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)})
	together(t, 100, func(int) error {
		for range 3 {
			if err := try(t, s, func(tx store.Tx) error { return increment(tx, id(1)) }); err != nil {
				return err
			}
		}
		return nil
	})
	if got := read(t, s, id(1)).Epoch; got != 300 {
		t.Errorf("counted to %d, want 300", got)
	}
	entries(t, s)
}

// ownFate: updates that run at once may share a commit. What becomes of one is
// nothing to the others.
func ownFate(t *testing.T, open opener) {
	const n, fates = 120, 6
	s := open()
	add(t, s, store.Agent{ID: id(0)})
	before := len(entries(t, s))
	refused := errors.New("refused")
	together(t, n, func(i int) (err error) {
		defer func() {
			if thrown := recover(); thrown != nil && thrown != i {
				err = fmt.Errorf("recovered %v, want %d", thrown, i)
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err = s.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
			if err := increment(tx, id(0)); err != nil {
				return nil, err
			}
			if err := tx.AddAgent(store.Agent{ID: id(1 + i)}); err != nil {
				return nil, err
			}
			events := []audit.Event{event}
			switch i % fates {
			case 0:
				return events, refused
			case 1:
				panic(i)
			case 2:
				return nil, nil
			case 3:
				return events, tx.AddAgent(store.Agent{ID: id(0)})
			case 4:
				cancel()
			}
			return events, nil
		})
		want := []error{refused, nil, store.ErrNoEvent, store.ErrExists, nil, nil}[i%fates]
		if i%fates == 1 || !errors.Is(err, want) {
			return fmt.Errorf("Update = %v, want %v", err, want)
		}
		return nil
	})
	for i := range n {
		err := s.View(t.Context(), func(r store.Reader) error {
			_, err := r.Agent(id(1 + i))
			return err
		})
		if there := err == nil; there != (i%fates >= 4) {
			t.Errorf("agent of update %d: %v", i, err)
		}
	}
	if got, events := read(t, s, id(0)).Epoch, len(entries(t, s))-before; got != n/fates*2 || events != n/fates*2 {
		t.Errorf("counted to %d with %d entries, want %d", got, events, n/fates*2)
	}
}

// waitingEnds: a context ends the wait for an update of the same handle, and
// of another. Those who wait behind are not forgotten.
func waitingEnds(t *testing.T, open opener) {
	s, other := open(), open()
	add(t, s, store.Agent{ID: id(1)})
	holds, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		update(t, s, func(tx store.Tx) error {
			close(holds)
			<-release
			return increment(tx, id(1))
		})
	})
	<-holds
	type wait struct {
		cancel context.CancelFunc
		ended  chan error
	}
	var given []wait
	for i := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		handle := []store.Store{s, other}[i%2]
		wg.Go(func() {
			ended <- handle.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
				return []audit.Event{event}, increment(tx, id(1))
			})
		})
		if i/2%2 == 0 {
			given = append(given, wait{cancel, ended})
			continue
		}
		defer cancel()
		defer func() {
			if err := <-ended; err != nil {
				t.Errorf("an update that went on waiting = %v", err)
			}
		}()
	}
	time.Sleep(20 * time.Millisecond) // let them queue; without, the test is only weaker
	for _, w := range given {
		w.cancel()
		select {
		case err := <-w.ended:
			wantIs(t, "Update", err, context.Canceled)
		case <-time.After(5 * time.Second):
			t.Error("the end of its context did not end the wait")
		}
	}
	close(release)
	wg.Wait()
	if got := read(t, s, id(1)).Epoch; got != 7 {
		t.Errorf("counted to %d, want 7: the first, and the six that waited", got)
	}
}
