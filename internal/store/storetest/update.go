package storetest

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var updateTests = map[string]func(*testing.T, opener){
	"all or nothing":       allOrNothing,
	"an event is required": eventRequired,
	"what is seen when":    seenWhen,
	"ended context":        endedContext,
	"carried through":      carriedThrough,
	"panic":                panics,
	"end of the goroutine": goexit,
	"kept beyond its end":  keptTx,
}

// writeAll uses every method that writes. It needs beforeWriteAll.
func writeAll(tx store.Tx) error {
	return errors.Join(
		tx.SetAgent(store.Agent{ID: id(1), DisplayName: "changed", ExternalID: "changed"}),
		tx.RemoveAgent(id(2)),
		tx.AddAgent(store.Agent{ID: id(4)}),
		tx.AddSecret(store.Secret{AgentID: id(4), ID: "new"}),
		tx.SetSecret(store.Secret{AgentID: id(3), ID: "s", Digest: "changed"}),
	)
}

func beforeWriteAll(t *testing.T, s store.Store) {
	t.Helper()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)}, store.Agent{ID: id(3)})
	update(t, s, func(tx store.Tx) error {
		return errors.Join(
			tx.AddSecret(store.Secret{AgentID: id(2), ID: "s"}),
			tx.AddSecret(store.Secret{AgentID: id(3), ID: "s"}),
		)
	})
}

// wantWritten checks, by every method that reads, that all of writeAll is to
// be seen, or none of it.
func wantWritten(t *testing.T, when string, r store.Reader, want bool) {
	t.Helper()
	a, err := r.Agent(id(1))
	_, external := r.AgentByExternalID("changed")
	_, two := r.Agent(id(2))
	_, twoSecret := r.Secret(id(2), "s")
	_, four := r.Secret(id(4), "new")
	all, listed := r.Secrets([]string{id(2), id(3), id(4)}, 0, 9)
	page, paged := r.Agents(store.Query{Limit: 9})
	if err := errors.Join(err, listed, paged); err != nil || len(page.Agents) != 3 || len(all[id(3)]) != 1 {
		t.Fatalf("%s: %v, %d agents, %v", when, err, len(page.Agents), all)
	}
	for what, got := range map[string]bool{
		"SetAgent":                 a.DisplayName == "changed",
		"SetAgent, by external id": external == nil,
		"RemoveAgent":              errors.Is(two, store.ErrNotFound),
		"RemoveAgent, its secret":  errors.Is(twoSecret, store.ErrNotFound),
		"RemoveAgent, in the list": len(all[id(2)]) == 0,
		"AddAgent":                 page.Agents[2].ID == id(4),
		"AddSecret":                four == nil,
		"AddSecret, in the list":   len(all[id(4)]) == 1,
		"SetSecret":                all[id(3)][0].Digest == "changed",
	} {
		if got != want {
			t.Errorf("%s: seen %s: %v, want %v", when, what, got, want)
		}
	}
}

func wantWrittenIn(t *testing.T, when string, s store.Store, want bool) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		wantWritten(t, when, r, want)
		return nil
	})
}

func allOrNothing(t *testing.T, open opener) {
	s, other := open(), open()
	beforeWriteAll(t, s)
	before := len(entries(t, s))
	refused := errors.New("refused")
	err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		if err := writeAll(tx); err != nil {
			t.Errorf("writeAll = %v", err)
		}
		return []audit.Event{event}, refused
	})
	if err != refused { // as it is, not wrapped
		t.Errorf("Update = %v, want the error of its function as it is", err)
	}
	for when, s := range map[string]store.Store{"after an error": s, "after an error, elsewhere": other} {
		wantWrittenIn(t, when, s, false)
		if got := len(entries(t, s)); got != before {
			t.Errorf("%s: %d entries, want %d", when, got, before)
		}
	}
	update(t, s, writeAll) // which can still be done
	wantWrittenIn(t, "after success", s, true)
	wantWrittenIn(t, "after success, elsewhere", other, true)
}

func eventRequired(t *testing.T, open opener) {
	s := open()
	beforeWriteAll(t, s)
	before := len(entries(t, s))
	for name, events := range map[string][]audit.Event{"nil": nil, "empty": {}} {
		err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) { return events, writeAll(tx) })
		wantIs(t, name, err, store.ErrNoEvent)
		wantWrittenIn(t, name, s, false)
	}
	if got := len(entries(t, s)); got != before {
		t.Errorf("%d entries, want %d", got, before)
	}
}

func seenWhen(t *testing.T, open opener) {
	s, other := open(), open()
	beforeWriteAll(t, s)
	update(t, s, func(tx store.Tx) error {
		wantWritten(t, "before, in the update", tx, false)
		if err := writeAll(tx); err != nil {
			return err
		}
		wantWritten(t, "in the update", tx, true)
		wantWrittenIn(t, "before the end", s, false)
		wantWrittenIn(t, "before the end, elsewhere", other, false)
		return nil
	})
	wantWrittenIn(t, "at the end", s, true)
	wantWrittenIn(t, "at the end, elsewhere", other, true)
}

func endedContext(t *testing.T, open opener) {
	s := open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantIs(t, "Update", s.Update(ctx, func(store.Tx) ([]audit.Event, error) {
		t.Error("the function of the Update was called")
		return nil, nil
	}), context.Canceled)
	wantIs(t, "View", s.View(ctx, func(store.Reader) error {
		t.Error("the function of the View was called")
		return nil
	}), context.Canceled)
}

// carriedThrough: once its function runs, the end of the context is too late.
func carriedThrough(t *testing.T, open opener) {
	s := open()
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		cancel()
		return []audit.Event{event}, tx.AddAgent(store.Agent{ID: id(1)})
	})
	if err != nil {
		t.Fatalf("Update = %v", err)
	}
	read(t, s, id(1))
}

func panics(t *testing.T, open opener) {
	s := open()
	beforeWriteAll(t, s)
	func() {
		defer func() {
			if got := recover(); got != "here it is" {
				t.Errorf("recovered %v from Update, want what was thrown", got)
			}
		}()
		_ = try(t, s, func(tx store.Tx) error {
			if err := writeAll(tx); err != nil {
				return err
			}
			panic("here it is")
		})
	}()
	func() {
		defer func() {
			if got := recover(); got != "a view" {
				t.Errorf("recovered %v from View, want what was thrown", got)
			}
		}()
		_ = s.View(t.Context(), func(store.Reader) error { panic("a view") })
	}()
	wantWrittenIn(t, "after the panic", s, false)
	update(t, s, writeAll)
	wantWrittenIn(t, "after the next update", s, true)
}

// goexit: t.FailNow in a function is what does this.
func goexit(t *testing.T, open opener) {
	s := open()
	beforeWriteAll(t, s)
	for _, call := range []func(){
		func() {
			_ = try(t, s, func(tx store.Tx) error {
				if err := writeAll(tx); err != nil {
					return err
				}
				runtime.Goexit()
				return nil
			})
		},
		func() {
			_ = s.View(t.Context(), func(store.Reader) error {
				runtime.Goexit()
				return nil
			})
		},
	} {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			call()
		}()
		<-ended
	}
	wantWrittenIn(t, "afterwards", s, false)
	update(t, s, writeAll)
	wantWrittenIn(t, "after the next update", s, true)
}

// keptTx: what outlives its function does nothing.
func keptTx(t *testing.T, open opener) {
	s := open()
	var kept store.Tx
	var keptReader store.Reader
	update(t, s, func(tx store.Tx) error {
		kept = tx
		return tx.AddAgent(store.Agent{ID: id(1)})
	})
	view(t, s, func(r store.Reader) error {
		keptReader = r
		return nil
	})
	if err := kept.RemoveAgent(id(1)); err == nil {
		t.Error("a Tx that was kept writes")
	}
	for name, r := range map[string]store.Reader{"Tx": kept, "Reader": keptReader} {
		_, agent := r.Agent(id(1))
		_, external := r.AgentByExternalID("x")
		_, agents := r.Agents(store.Query{})
		_, secret := r.Secret(id(1), "s")
		_, secrets := r.Secrets([]string{id(1)}, 0, 0)
		_, list := r.Entries(0, 1)
		for method, err := range map[string]error{
			"Agent": agent, "AgentByExternalID": external, "Agents": agents,
			"Secret": secret, "Secrets": secrets, "Entries": list,
		} {
			if err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of a %s that was kept = %v, want an error of its own", method, name, err)
			}
		}
	}
	read(t, s, id(1))
}
