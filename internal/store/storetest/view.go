package storetest

import (
	"errors"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var viewTests = map[string]func(*testing.T, opener){
	"one picture": onePicture,
	"the error as it is": func(t *testing.T, open opener) {
		want := errors.New("mine")
		if err := open().View(t.Context(), func(store.Reader) error { return want }); err != want {
			t.Errorf("View = %v, want the error of its function as it is", err)
		}
	},
	"nobody waits for readers": noWait,
	"many at once": func(t *testing.T, open opener) {
		s := open()
		add(t, s, store.Agent{ID: id(1)})
		together(t, 50, func(int) error {
			return s.View(t.Context(), func(r store.Reader) error {
				_, err := r.Agent(id(1))
				return err
			})
		})
	},
}

// onePicture: a View shows the store as it was when it began, even where it
// reads for the first time later.
func onePicture(t *testing.T, open opener) {
	s, other := open(), open()
	beforeWriteAll(t, s)
	view(t, s, func(r store.Reader) error {
		update(t, other, writeAll)
		wantWritten(t, "in a view from before", r, false)
		list, err := r.Entries(0, 1<<30)
		update(t, s, func(tx store.Tx) error { return tx.AddAgent(store.Agent{ID: id(5)}) })
		again, _ := r.Entries(0, 1<<30)
		wantWritten(t, "later in a view from before", r, false)
		if len(list) != len(again) {
			t.Errorf("%d entries, then %d", len(list), len(again))
		}
		return err
	})
	update(t, s, func(tx store.Tx) error { return tx.RemoveAgent(id(5)) })
	wantWrittenIn(t, "in a later view", s, true)
}

// noWait: a reader does not wait for a writer, nor a writer for a reader, of
// the same handle or another. It would hang.
func noWait(t *testing.T, open opener) {
	s, other := open(), open()
	add(t, s, store.Agent{ID: id(1)})
	for _, writer := range []store.Store{s, other} {
		err := writer.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			read(t, s, id(1))
			read(t, other, id(1))
			return []audit.Event{event}, increment(tx, id(1))
		})
		if err != nil {
			t.Fatal(err)
		}
		view(t, s, func(store.Reader) error {
			update(t, writer, func(tx store.Tx) error { return increment(tx, id(1)) })
			return nil
		})
	}
	if got := read(t, s, id(1)).Epoch; got != 4 {
		t.Errorf("counted to %d, want 4", got)
	}
}
