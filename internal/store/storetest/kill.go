package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// writeForEver adds agents until the process is killed. Each comes with a
// secret and an entry, and is counted in the first agent.
func writeForEver(t *testing.T, s store.Store, name string) error {
	for i := 0; ; i++ {
		agent := fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
		err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			return []audit.Event{{Action: audit.AgentCreate, AgentID: agent}}, errors.Join(
				tx.AddAgent(store.Agent{ID: agent}),
				tx.AddSecret(store.Secret{AgentID: agent, ID: "s"}),
				increment(tx, id(1)),
			)
		})
		if err != nil {
			return err
		}
		say(agent)
	}
}

// rounds is how often two writing processes are killed, one after the other.
const rounds = 50

// kill: kill -9 at any moment loses nothing that was answered, leaves nothing
// by halves, stops no other process, and costs no time afterwards.
func kill(t *testing.T, open func(*testing.T, string) store.Store) {
	dir := t.TempDir()
	s := open(t, dir)
	add(t, s, store.Agent{ID: id(1)})
	all := entries(t, s)
	before := seen{last: all[len(all)-1]}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var reopened, plain []time.Duration
	timed := func() (store.Store, time.Duration) {
		began := time.Now()
		s := open(t, dir)
		return s, time.Since(began)
	}
	for round := range rounds {
		acked := killTwo(t, dir)
		s, took := timed()
		reopened = append(reopened, took)
		before = before.check(t, s, acked)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s, took = timed()
		plain = append(plain, took)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	slices.Sort(reopened)
	slices.Sort(plain)
	got, usual := reopened[rounds/2], plain[rounds/2]
	t.Logf("%d kills, %d updates; opened again in %v, at most %v; where nobody was killed in %v", 2*rounds, before.agents, got, reopened[rounds-1], usual)
	// Nobody knows what else this machine does now; both times were taken side by side.
	if got > max(100*time.Millisecond, 4*usual) {
		t.Errorf("to open the store after a kill takes %v, and %v where nobody was killed", got, usual)
	}
}

// killTwo starts two writers, kills one at some moment, and the other when it
// has gone on. It returns what both say is done.
func killTwo(t *testing.T, dir string) (acked []string) {
	t.Helper()
	children := spawn(t, 2, "write", dir)
	for _, p := range children {
		acked = append(acked, p.word(t))
	}
	time.Sleep(time.Duration(time.Now().UnixNano() % int64(20*time.Millisecond)))
	acked = append(acked, children[0].kill()...)
	for range len(children[1].words) + 8 { // the last of these it wrote after the kill
		acked = append(acked, children[1].word(t))
	}
	return append(acked, children[1].kill()...)
}

// seen is what earlier rounds have checked.
type seen struct {
	agents int // the first not counted
	last   audit.Entry
}

// check looks at what is new, and returns what is seen then.
func (before seen) check(t *testing.T, s store.Store, acked []string) (after seen) {
	t.Helper()
	there := map[string]bool{}
	view(t, s, func(r store.Reader) error {
		page, err := r.Agents(store.Query{Offset: 1 + before.agents, Limit: 1 << 30})
		if err != nil {
			return err
		}
		for _, a := range page.Agents {
			there[a.ID] = true
			if _, err := r.Secret(a.ID, "s"); err != nil {
				t.Errorf("half of an update: %v", err)
			}
		}
		after.agents = page.Total - 1
		counter, err := r.Agent(id(1))
		if err != nil {
			return err
		}
		if counter.Epoch != int64(after.agents) {
			t.Errorf("half of an update: %d agents, and counted %d", after.agents, counter.Epoch)
		}
		list, err := r.Entries(before.last.Seq, 1<<30)
		if len(list) != len(page.Agents) {
			t.Errorf("half of an update: %d agents, and %d entries", len(page.Agents), len(list))
		}
		after.last = before.last
		for _, e := range list {
			if err := e.Verify(after.last); err != nil {
				t.Error(err)
			}
			if !there[e.AgentID] {
				t.Errorf("half of an update: an entry, and no agent %s", e.AgentID)
			}
			after.last = e
		}
		return err
	})
	for _, agent := range acked {
		if !there[agent] {
			t.Errorf("lost: agent %s, which a child had an answer for", agent)
		}
	}
	return after
}
