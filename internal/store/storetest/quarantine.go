package storetest

import (
	"errors"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var quarantineTests = map[string]func(*testing.T, opener){
	"seen by all": quarantineSeen,
	"undone":      quarantineUndone,
	"epochs":      epochs,
}

// wantQuarantined looks at a handle, in a View and in an Update.
func wantQuarantined(t *testing.T, s store.Store, want bool) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		if got := r.Quarantined(); got != want {
			t.Errorf("Quarantined in a View = %v, want %v", got, want)
		}
		return nil
	})
	update(t, s, func(tx store.Tx) error {
		if got := tx.Quarantined(); got != want {
			t.Errorf("Quarantined in an Update = %v, want %v", got, want)
		}
		return nil
	})
}

// quarantineSeen: every handle sees it at once, those that are open and those that
// come, and all else goes on.
func quarantineSeen(t *testing.T, open opener) {
	s, other := open(), open()
	wantQuarantined(t, other, false)
	for _, closed := range []bool{true, true, false, false, true} {
		update(t, s, func(tx store.Tx) error {
			if err := tx.SetQuarantined(closed); err != nil {
				return err
			}
			if tx.Quarantined() != closed {
				t.Errorf("an Update does not see that it set %v", closed)
			}
			return nil
		})
		for _, h := range []store.Store{s, other, open()} {
			wantQuarantined(t, h, closed)
		}
	}
	add(t, other, store.Agent{ID: id(1)})
	if got := read(t, s, id(1)); got.ID != id(1) {
		t.Errorf("Agent = %+v", got)
	}
}

// quarantineUndone: an Update that fails has set nothing, also for those who share
// its commit.
func quarantineUndone(t *testing.T, open opener) {
	s := open()
	failed := errors.New("failed")
	for _, closed := range []bool{true, false} {
		err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			return nil, errors.Join(tx.SetQuarantined(closed), failed)
		})
		if !errors.Is(err, failed) {
			t.Fatalf("Update = %v", err)
		}
		wantQuarantined(t, s, !closed)
		wantQuarantined(t, open(), !closed)
		update(t, s, func(tx store.Tx) error { return tx.SetQuarantined(true) })
	}
	// Of many that share commits, every second opens it and fails: no other sees that.
	together(t, 64, func(i int) error {
		err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			if !tx.Quarantined() {
				return nil, errors.New("an Update sees what another has undone")
			}
			if i%2 == 0 {
				return nil, errors.Join(tx.SetQuarantined(false), failed)
			}
			return []audit.Event{event}, nil
		})
		if errors.Is(err, failed) {
			return nil
		}
		return err
	})
	wantQuarantined(t, s, true)
}

// epochs: those of all agents and clients grow, and nothing else of them changes.
func epochs(t *testing.T, open opener) {
	s := open()
	for n := 1; n <= 3; n++ {
		add(t, s, store.Agent{ID: id(n), Epoch: int64(n), DisplayName: "bot"})
	}
	want := fullClient(4, "tf")
	update(t, s, func(tx store.Tx) error { return tx.AddClient(want) })
	update(t, s, func(tx store.Tx) error { return tx.RaiseEpochs(1 << 40) })
	for n := 1; n <= 3; n++ {
		if a := read(t, open(), id(n)); a.Epoch != int64(n)+1<<40 || a.DisplayName != "bot" {
			t.Errorf("agent %d: %+v", n, a)
		}
	}
	if c, err := readClient(t, s, want.ID); err != nil || c.Epoch != want.Epoch+1<<40 || c.Name != "tf" || len(c.Keys) != 2 {
		t.Errorf("client: %+v, %v", c, err)
	}
}
