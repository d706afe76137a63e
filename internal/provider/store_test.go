package provider_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// removeStore takes the database away, with what SQLite has beside it.
func removeStore(t *testing.T, path string) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	for _, f := range files {
		if err == nil {
			err = os.Remove(f)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lostStore checks that a store that is not the one of the state is an error
// of whatever is done, and changes nothing.
func lostStore(t *testing.T, objects []*managed, want ...string) {
	t.Helper()
	want = append(want, "The store is not the one that the state knows", "accept_new_store = true")
	for _, m := range objects {
		before := m.instance
		mustSay(t, "the refresh", m.refresh(), want...)
		_, d := m.try(m.configured().with("deletion_policy", "abandon"))
		mustSay(t, "the apply", d, want...)
		config := m.configured().with("deletion_policy", "abandon") // without a refresh
		_, d = m.carryOut(config, m.planBy(m.place.plugin(t), config))
		mustSay(t, "the update", d, want...)
		_, d = m.carryOut(nil, planned{private: m.private})
		mustSay(t, "the destroy", d, want...)
		if !cmp.Equal(before.state, m.state) {
			t.Errorf("the state is %v", m.state)
		}
	}
}

// TestStoreVanished: a lost file must never look like deleted agents.
func TestStoreVanished(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	agent, secret := p.newSecret(t, nil)
	removeStore(t, p.path())
	lostStore(t, []*managed{agent, secret}, p.path(), "does not exist")
	expectNoFile(t, p.path())

	// Replaced on purpose: for one run it is accepted, and everything is new.
	config := agent.configured()
	accepting := *p
	accepting.args = p.args.with("accept_new_store", true)
	for _, m := range []*managed{agent, secret} {
		m.place = &accepting
		if d := m.refresh(); len(d.errors()) > 0 || m.state != nil {
			t.Fatalf("the refresh left %v: %v", m.state, d)
		}
		m.place = p
	}
	agent.apply(config)
	secret.apply(agent.owns(nil))
	p.expectLive(t, agent.id(), secret.secretID())
}

// TestStoreSwapped: neither does another file in its place.
func TestStoreSwapped(t *testing.T) {
	t.Parallel()
	p, other := newEmbedded(t), newEmbedded(t)
	agent, secret := p.newSecret(t, nil)
	stranger := other.newAgent(t, nil)
	p.args = other.args
	lostStore(t, []*managed{agent, secret}, other.path(), "has the store")
	if n := p.hand(t).count(); n != 1 {
		t.Errorf("there are %d agents in the other store", n)
	}
	stranger.apply(stranger.configured())
}

// TestServerSwapped: nor another server at the address.
func TestServerSwapped(t *testing.T) {
	t.Parallel()
	p, other := newRemotePlace(t), newRemotePlace(t)
	agent, secret := p.newSecret(t, nil)
	p.args = other.args
	lostStore(t, []*managed{agent, secret}, other.remote.url, "has the store")
}

// TestStoreIsNone: what is not a store is told as such, and stays as it is.
func TestStoreIsNone(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"JSON": `{"version": 4}`, "nothing": "", "text": "agents\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newEmbedded(t)
			if err := os.WriteFile(p.path(), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			m := p.resource(t, agentType)
			_, d := m.try(attrs{"display_name": "bot"})
			mustSay(t, "the create", d, p.path(), "embedded_path")
			_, d = p.imports(t, agentType, "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10", nil)
			mustSay(t, "the import", d, p.path())
			if got, err := os.ReadFile(p.path()); err != nil || string(got) != content || m.state != nil {
				t.Errorf("the file is now %q (%v)", got, err)
			}
		})
	}
	t.Run("a directory", func(t *testing.T) {
		t.Parallel()
		p := &place{args: attrs{"embedded_path": t.TempDir()}}
		_, d := p.resource(t, agentType).try(attrs{"display_name": "bot"})
		mustSay(t, "the create", d, p.path(), "embedded_path")
	})
	t.Run("below a file", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		p := &place{args: attrs{"embedded_path": filepath.Join(file, "agents.db")}}
		_, d := p.resource(t, agentType).try(attrs{"display_name": "bot"})
		mustSay(t, "the create", d, p.path(), "embedded_path")
	})
}

// TestStoreMadeByMany: the first resources of a configuration are created at
// once, and all of them are in the one store that this makes.
func TestStoreMadeByMany(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	run := p.plugin(t)
	agents := make([]*managed, 8)
	var wg sync.WaitGroup
	for i := range agents {
		agents[i] = p.resource(t, agentType)
		wg.Go(func() {
			config := attrs{"display_name": "bot"}
			plan := run.plan(agentType, instance{}, config)
			out, d := run.applyPlan(agentType, instance{}, config, plan)
			if len(d) > 0 {
				t.Error(d)
			}
			agents[i].instance = out
		})
	}
	wg.Wait()
	removeStore(t, p.path())
	for _, m := range agents {
		mustSay(t, "the refresh", m.refresh(), "The store is not the one", "does not exist")
	}
}
