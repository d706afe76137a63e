// Package storetest is the contract of package store as tests: whoever keeps a
// store calls Run, and RunProcesses when several processes may share it. It
// knows what a store promises, and nothing of how one is made.
package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// opener opens another handle on one store.
type opener func() store.Store

// Run checks one process. open makes a place for a new store; each call of
// what it returns opens another handle on the store there, and closes it when
// the test ends. A handle may be closed before.
func Run(t *testing.T, open func(t *testing.T) func() store.Store) {
	for _, group := range []struct {
		name  string
		tests map[string]func(*testing.T, opener)
	}{
		{"Records", recordTests},
		{"Exists", existsTests},
		{"Queries", queryTests},
		{"Secrets", secretTests},
		{"Update", updateTests},
		{"View", viewTests},
		{"Audit", auditTests},
		{"Clients", clientTests},
		{"Keys", keyTests},
		{"Credentials", credentialTests},
		{"CA", caTests},
		{"Roles", roleTests},
		{"Once", onceTests},
		{"Find", findTests},
		{"Cut", cutTests},
		{"Quarantine", quarantineTests},
		{"Version", versionTests},
		{"Concurrent", concurrentTests},
		{"Close", closeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for name, test := range group.tests {
				t.Run(name, func(t *testing.T) { test(t, open(t)) })
			}
		})
	}
}

// id returns the n-th of a row of ids.
func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// event is what an update enters when the test does not care.
var event = audit.Event{Actor: "storetest", Action: audit.AgentUpdate}

// try runs an update with one event and returns its error.
func try(t *testing.T, s store.Store, fn func(store.Tx) error) error {
	t.Helper()
	return s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		return []audit.Event{event}, fn(tx)
	})
}

// update runs an update that must go well.
func update(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := try(t, s, fn); err != nil {
		t.Fatalf("Update = %v", err)
	}
}

// view runs a view that must go well.
func view(t *testing.T, s store.Store, fn func(store.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("View = %v", err)
	}
}

// add adds agents.
func add(t *testing.T, s store.Store, agents ...store.Agent) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		for _, a := range agents {
			if err := tx.AddAgent(a); err != nil {
				return err
			}
		}
		return nil
	})
}

// read returns the agent with that id.
func read(t *testing.T, s store.Store, id string) (a store.Agent) {
	t.Helper()
	view(t, s, func(r store.Reader) (err error) {
		a, err = r.Agent(id)
		return err
	})
	return a
}

// increment counts in an agent, as a rule of the authority would: it reads,
// then writes what follows from it.
func increment(tx store.Tx, id string) error {
	a, err := tx.Agent(id)
	if err != nil {
		return err
	}
	a.Epoch++
	return tx.SetAgent(a)
}

// wantIs checks that err wraps target.
func wantIs(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s = %v, want %v", what, err, target)
	}
}

// entries returns the whole chain after it has verified it.
func entries(t *testing.T, s store.Store) (all []audit.Entry) {
	t.Helper()
	view(t, s, func(r store.Reader) (err error) {
		all, err = r.Entries(0, 1<<30)
		return err
	})
	var c audit.Chain
	for _, e := range all {
		if err := c.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	return all
}
