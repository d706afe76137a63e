package storetest

import (
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/google/go-cmp/cmp"
)

var existsTests = map[string]func(*testing.T, opener){
	"not found":                notFound,
	"taken":                    takenAlready,
	"external id":              externalID,
	"removed with its secrets": removed,
	"the transaction goes on":  goesOn,
	"many without external id": func(t *testing.T, open opener) { add(t, open(), store.Agent{ID: id(1)}, store.Agent{ID: id(2)}) },
	"same secret id, two agents": func(t *testing.T, open opener) {
		s := open()
		add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)})
		update(t, s, func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: id(1), ID: "s"}) })
		update(t, s, func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: id(2), ID: "s"}) })
	},
}

func notFound(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2), ExternalID: "Two"})
	update(t, s, func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: id(2), ID: "s"}) })
	reads := map[string]func(store.Reader) error{
		"Agent":                        func(r store.Reader) error { _, err := r.Agent(id(9)); return err },
		"Agent without id":             func(r store.Reader) error { _, err := r.Agent(""); return err },
		"AgentByExternalID":            func(r store.Reader) error { _, err := r.AgentByExternalID("Three"); return err },
		"AgentByExternalID other case": func(r store.Reader) error { _, err := r.AgentByExternalID("two"); return err },
		"AgentByExternalID empty":      func(r store.Reader) error { _, err := r.AgentByExternalID(""); return err },
		"Agent with a NUL":             func(r store.Reader) error { _, err := r.Agent("\x00"); return err },
		"Agent that is no UTF-8":       func(r store.Reader) error { _, err := r.Agent("\xff"); return err },
		"AgentByExternalID with a NUL": func(r store.Reader) error { _, err := r.AgentByExternalID("a\x00b"); return err },
		"Secret with a NUL":            func(r store.Reader) error { _, err := r.Secret(id(2), "s\x00"); return err },
		"Secret of no agent":           func(r store.Reader) error { _, err := r.Secret(id(9), "s"); return err },
		"Secret of another agent":      func(r store.Reader) error { _, err := r.Secret(id(1), "s"); return err },
		"Secret":                       func(r store.Reader) error { _, err := r.Secret(id(2), "t"); return err },
	}
	writes := map[string]func(store.Tx) error{
		"SetAgent":               func(tx store.Tx) error { return tx.SetAgent(store.Agent{ID: id(9)}) },
		"RemoveAgent":            func(tx store.Tx) error { return tx.RemoveAgent(id(9)) },
		"AddSecret to no agent":  func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: id(9), ID: "s"}) },
		"SetSecret":              func(tx store.Tx) error { return tx.SetSecret(store.Secret{AgentID: id(2), ID: "t"}) },
		"SetSecret, wrong agent": func(tx store.Tx) error { return tx.SetSecret(store.Secret{AgentID: id(1), ID: "s"}) },
		"SetSecret of no agent":  func(tx store.Tx) error { return tx.SetSecret(store.Secret{AgentID: id(9), ID: "s"}) },
	}
	for name, fn := range reads {
		wantIs(t, name, s.View(t.Context(), fn), store.ErrNotFound)
		wantIs(t, name+" in an update", try(t, s, func(tx store.Tx) error { return fn(tx) }), store.ErrNotFound)
	}
	for name, fn := range writes {
		wantIs(t, name, try(t, s, fn), store.ErrNotFound)
	}
}

func takenAlready(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1), DisplayName: "first", ExternalID: "one"}, store.Agent{ID: id(2), ExternalID: "two"})
	first := store.Secret{AgentID: id(1), ID: "s", Digest: "first", Revoked: read(t, s, id(1)).Created}
	update(t, s, func(tx store.Tx) error { return tx.AddSecret(first) })
	for name, fn := range map[string]func(store.Tx) error{
		"AddAgent":                     func(tx store.Tx) error { return tx.AddAgent(store.Agent{ID: id(1), DisplayName: "second"}) },
		"AddAgent with an external id": func(tx store.Tx) error { return tx.AddAgent(store.Agent{ID: id(3), ExternalID: "one"}) },
		"SetAgent to an external id":   func(tx store.Tx) error { return tx.SetAgent(store.Agent{ID: id(2), ExternalID: "one"}) },
		"AddSecret":                    func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: id(1), ID: "s", Digest: "second"}) },
	} {
		wantIs(t, name, try(t, s, fn), store.ErrExists)
	}
	if a := read(t, s, id(1)); a.DisplayName != "first" {
		t.Errorf("AddAgent replaced %q", a.DisplayName)
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.Secret(id(1), "s")
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("AddSecret replaced it (-want +got):\n%s", diff)
		}
		return err
	})
}

func externalID(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1), ExternalID: "x"}, store.Agent{ID: id(2), ExternalID: "X"}) // case counts
	steps := []func(store.Tx) error{
		func(tx store.Tx) error { return tx.SetAgent(store.Agent{ID: id(1), ExternalID: "x", Owner: "kept"}) },
		func(tx store.Tx) error { return tx.SetAgent(store.Agent{ID: id(1)}) }, // gives it up
		func(tx store.Tx) error { return tx.SetAgent(store.Agent{ID: id(2), ExternalID: "x"}) },
		func(tx store.Tx) error { return tx.RemoveAgent(id(2)) },
		func(tx store.Tx) error { return tx.AddAgent(store.Agent{ID: id(3), ExternalID: "x"}) },
	}
	for i, step := range steps {
		if err := try(t, s, step); err != nil {
			t.Fatalf("step %d = %v", i, err)
		}
	}
	view(t, s, func(r store.Reader) error {
		a, err := r.AgentByExternalID("x")
		if a.ID != id(3) {
			t.Errorf("x is %s, want %s", a.ID, id(3))
		}
		return err
	})
}

func removed(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1)}, store.Agent{ID: id(2)})
	for _, agent := range []string{id(1), id(2)} {
		update(t, s, func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: agent, ID: "s"}) })
	}
	update(t, s, func(tx store.Tx) error {
		if err := tx.RemoveAgent(id(1)); err != nil {
			return err
		}
		_, err := tx.Secret(id(1), "s")
		wantIs(t, "Secret in the same update", err, store.ErrNotFound)
		return nil
	})
	add(t, s, store.Agent{ID: id(1)})
	view(t, s, func(r store.Reader) error {
		all, err := r.Secrets([]string{id(1), id(2)}, 0, 10)
		if len(all[id(1)]) != 0 || len(all[id(2)]) != 1 {
			t.Errorf("Secrets = %v, want that of the other agent alone", all)
		}
		return err
	})
}

// goesOn: the authority may ask, be told no, and do something else.
func goesOn(t *testing.T, open opener) {
	s := open()
	add(t, s, store.Agent{ID: id(1), ExternalID: "x"}, store.Agent{ID: id(2)})
	update(t, s, func(tx store.Tx) error {
		_, err := tx.Agent(id(9))
		wantIs(t, "Agent", err, store.ErrNotFound)
		wantIs(t, "AddAgent", tx.AddAgent(store.Agent{ID: id(3), ExternalID: "x"}), store.ErrExists)
		wantIs(t, "SetAgent", tx.SetAgent(store.Agent{ID: id(2), ExternalID: "x"}), store.ErrExists)
		wantIs(t, "AddSecret", tx.AddSecret(store.Secret{AgentID: id(9), ID: "s"}), store.ErrNotFound)
		return tx.SetAgent(store.Agent{ID: id(2), Owner: "went on"})
	})
	if got := read(t, s, id(2)).Owner; got != "went on" {
		t.Errorf("Owner = %q, want what was written after the refusals", got)
	}
}
