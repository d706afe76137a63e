package storetest

import (
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var closeTests = map[string]func(*testing.T, opener){
	"finishes what runs": finishes,
	"the store stays":    stays,
	"afterwards":         afterClose,
	"leaves others alone": func(t *testing.T, open opener) {
		s, other := open(), open()
		add(t, s, store.Agent{ID: id(1)})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		update(t, other, func(tx store.Tx) error { return increment(tx, id(1)) })
		if got := read(t, open(), id(1)).Epoch; got != 1 {
			t.Errorf("counted to %d, want 1", got)
		}
	},
}

// stays: what was committed is there after all handles are closed.
func stays(t *testing.T, open opener) {
	s := open()
	beforeWriteAll(t, s)
	update(t, s, writeAll)
	storeID, n := s.ID(), len(entries(t, s))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	wantWrittenIn(t, "in a new handle", s, true)
	if s.ID() != storeID || len(entries(t, s)) != n {
		t.Errorf("ID %s with %d entries, want %s with %d", s.ID(), len(entries(t, s)), storeID, n)
	}
}

func finishes(t *testing.T, open opener) {
	s, other := open(), open()
	add(t, s, store.Agent{ID: id(1)})
	var wg sync.WaitGroup
	running, closing := make(chan struct{}, 2), make(chan struct{})
	wg.Go(func() {
		update(t, s, func(tx store.Tx) error {
			running <- struct{}{}
			<-closing
			return increment(tx, id(1))
		})
	})
	wg.Go(func() {
		view(t, s, func(r store.Reader) error {
			running <- struct{}{}
			<-closing
			_, err := r.Agent(id(1))
			return err
		})
	})
	<-running
	<-running
	wg.Go(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	// Only when Close has begun are new calls refused: from then on it waits.
	for s.View(t.Context(), func(store.Reader) error { return nil }) == nil {
	}
	close(closing)
	wg.Wait()
	if got := read(t, other, id(1)).Epoch; got != 1 {
		t.Errorf("counted to %d, want 1", got)
	}
}

func afterClose(t *testing.T, open opener) {
	s := open()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close = %v", err)
		}
	}
	if err := s.View(t.Context(), func(store.Reader) error { return nil }); err == nil {
		t.Error("View works after Close")
	}
	if err := s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) { return []audit.Event{event}, nil }); err == nil {
		t.Error("Update works after Close")
	}
}
