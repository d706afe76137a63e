//go:build unix

package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

var done = audit.Event{Actor: "test", Action: audit.AgentUpdate}

// increment counts in an agent.
func increment(s store.Store, t *testing.T, id string) error {
	return s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		a, err := tx.Agent(id)
		if err != nil {
			return nil, err
		}
		a.Epoch++
		return []audit.Event{done}, tx.SetAgent(a)
	})
}

// epoch is what an agent was counted to.
func epoch(t *testing.T, s store.Store, id string) (n int64) {
	t.Helper()
	if err := s.View(t.Context(), func(r store.Reader) error {
		a, err := r.Agent(id)
		n = a.Epoch
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func addAgent(t *testing.T, s store.Store, id string) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		return []audit.Event{done}, tx.AddAgent(store.Agent{ID: id})
	}); err != nil {
		t.Fatal(err)
	}
}

// trail is all entries of all chains, which it has verified.
func trail(t *testing.T, s store.Store) (chains audit.Chains, all []audit.Entry) {
	t.Helper()
	if err := s.View(t.Context(), func(r store.Reader) (err error) {
		all, err = r.FindEntries(store.EntryQuery{Limit: 1 << 30})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if err := chains.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := chains.Complete(); err != nil {
		t.Fatal(err)
	}
	return chains, all
}

// Replicas write at once, each its own chain; nothing is lost, and whoever wrote
// between somebody's reading and writing makes him read again.
func TestReplicas(t *testing.T) {
	url := pgtest.Start(t).URL("")
	var replicas []*postgres.Store
	for range 3 {
		replicas = append(replicas, open(t, postgres.Config{URL: url, Replica: true}))
	}
	addAgent(t, replicas[0], "hot")
	const each, writers = 20, 12
	var wg sync.WaitGroup
	var won atomic.Int64
	for n := range writers {
		wg.Go(func() {
			s := replicas[n%len(replicas)]
			own := fmt.Sprint("own ", n)
			addAgent(t, s, own)
			for i := range each {
				if err := errors.Join(increment(s, t, own), increment(s, t, "hot")); err != nil {
					t.Error(err)
				}
				err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
					return []audit.Event{done}, tx.Spend(fmt.Sprint("jti ", i), time.Now().Add(time.Hour))
				})
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrExists):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := epoch(t, replicas[2], "hot"); got != each*writers {
		t.Errorf("counted to %d, want %d", got, each*writers)
	}
	if got := won.Load(); got != each {
		t.Errorf("%d keys were spent %d times, want once each", each, got)
	}
	chains, all := trail(t, replicas[0])
	// the birth of the store; two of each chain; the agents; the increments; the keys
	if want := 1 + 2*3 + 1 + writers + 2*each*writers + each; len(chains.Each()) != 4 || len(all) != want {
		t.Errorf("%d entries in %d chains, want %d in 4", len(all), len(chains.Each()), want)
	}
	_ = replicas[1].View(t.Context(), func(r store.Reader) error {
		heads, err := r.Heads()
		if err != nil || len(heads) != 4 {
			t.Errorf("Heads = %d, %v", len(heads), err)
		}
		for i, c := range chains.Each() {
			if heads[i].Hash != c.Last.Hash {
				t.Errorf("the head of chain %d is entry %d, want %d", i, heads[i].Seq, c.Last.Seq)
			}
		}
		return nil
	})
}

// A chain outlives the replica that wrote it: the next one goes on with it, so
// there are never more than there were replicas at once.
func TestLease(t *testing.T) {
	server := pgtest.Start(t)
	url := server.URL("")
	first := open(t, postgres.Config{URL: url, Replica: true})
	addAgent(t, first, "a")
	second := open(t, postgres.Config{URL: url, Replica: true})
	shared := open(t, postgres.Config{URL: url})
	for _, s := range []store.Store{first, second, shared} {
		if err := increment(s, t, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third := open(t, postgres.Config{URL: url, Replica: true})
	if err := increment(third, t, "a"); err != nil {
		t.Fatal(err)
	}
	chains, _ := trail(t, third)
	if n := len(chains.Each()); n != 3 || chains.Of(1).Last.Seq&0xff != 4 || chains.Of(2).Last.Seq&0xff != 2 {
		t.Errorf("%d chains, the first ends with %d, the second with %d", n, chains.Of(1).Last.Seq, chains.Of(2).Last.Seq)
	}

	// The database starts again: both go on, each with a chain of its own.
	server.Kill()
	if err := increment(third, t, "a"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Update without a database = %v, want ErrUnavailable", err)
	}
	if err := third.View(t.Context(), func(store.Reader) error { return nil }); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("View without a database = %v, want ErrUnavailable", err)
	}
	server.Launch(t)
	for _, s := range []store.Store{third, second, shared, third} {
		if err := increment(s, t, "a"); err != nil {
			t.Error(err)
		}
	}
	if got := epoch(t, second, "a"); got != 8 {
		t.Errorf("counted to %d, want 8", got)
	}
	if chains, _ := trail(t, shared); len(chains.Each()) != 3 {
		t.Errorf("%d chains, want 3", len(chains.Each()))
	}
}

// The database is killed under load, again and again: what was answered is there,
// once, and what was not is there or not, and its entry with it.
func TestRestarts(t *testing.T) {
	server := pgtest.Start(t)
	url := server.URL("")
	var replicas []*postgres.Store
	for range 2 {
		replicas = append(replicas, open(t, postgres.Config{URL: url, Replica: true}))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	answered, unknown := map[string]bool{}, map[string]bool{}
	for n := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("%d-%d", n, i)
				err := replicas[n%2].Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
					return []audit.Event{{Action: audit.AgentCreate, AgentID: id}}, tx.AddAgent(store.Agent{ID: id})
				})
				mu.Lock()
				switch {
				case err == nil:
					answered[id] = true
				case errors.Is(err, store.ErrUnsure):
					unknown[id] = true
				case !errors.Is(err, store.ErrUnavailable):
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	for i := range 3 {
		time.Sleep(300 * time.Millisecond)
		if i%2 == 0 {
			server.Kill()
		} else {
			server.Stop()
		}
		server.Launch(t)
	}
	time.Sleep(300 * time.Millisecond)
	close(stop)
	wg.Wait()
	_, all := trail(t, replicas[0])
	entered := map[string]int{}
	for _, e := range all {
		if e.AgentID != "" {
			entered[e.AgentID]++
		}
	}
	for id := range answered {
		if entered[id] != 1 {
			t.Errorf("agent %s was answered, and has %d entries", id, entered[id])
		}
	}
	for id := range entered {
		if !answered[id] && !unknown[id] {
			t.Errorf("agent %s is there, and its caller was told that it is not", id)
		}
	}
	if err := replicas[1].View(t.Context(), func(r store.Reader) error {
		page, err := r.Agents(store.Query{})
		if page.Total != len(entered) {
			t.Errorf("%d agents and %d entries", page.Total, len(entered))
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	t.Logf("%d were answered, of %d it is not known", len(answered), len(unknown))
}

// What was answered is kept, also where the database is set not to wait for its
// disk.
func TestDurable(t *testing.T) {
	server := pgtest.Start(t)
	run(t, server.URL(""), "ALTER DATABASE postgres SET synchronous_commit = off")
	s := open(t, postgres.Config{URL: server.URL(""), Replica: true})
	addAgent(t, s, "a")
	for n := range int64(5) {
		if err := increment(s, t, "a"); err != nil {
			t.Fatal(err)
		}
		server.Kill()
		server.Launch(t)
		if got := epoch(t, s, "a"); got != n+1 {
			t.Fatalf("counted to %d, and after the database was killed it is %d", n+1, got)
		}
	}
}
