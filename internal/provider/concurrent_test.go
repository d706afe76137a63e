package provider_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestManyOnOneFile: three provider processes and a server work on one file at
// once, each on many resources. Nobody loses anything, nobody is told that the
// database is locked, and nobody waits for long.
func TestManyOnOneFile(t *testing.T) {
	t.Parallel()
	embedded := newEmbedded(t)
	embedded.newAgent(t, nil).apply(nil) // so that there is a file
	places := []*place{remoteOver(t, embedded.path())}
	for range 3 {
		places = append(places, &place{args: embedded.args, shared: embedded.plugin(t)})
	}
	const each = 4
	made := make([]*managed, len(places)*each)
	var longest time.Duration
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range made {
		p := places[i%len(places)]
		wg.Go(func() {
			step := func(fn func()) {
				began := time.Now()
				fn()
				mu.Lock()
				defer mu.Unlock()
				longest = max(longest, time.Since(began))
			}
			agent, secret := p.resource(t, agentType), p.resource(t, secretType)
			config := attrs{"display_name": "bot", "external_id": fmt.Sprint("team/bot", i)}
			do := func(m *managed, config attrs) bool {
				_, d := m.try(config)
				if len(d.errors()) > 0 {
					t.Error(d.errors())
				}
				return len(d.errors()) == 0
			}
			step(func() { do(agent, config) })
			if agent.state == nil {
				return
			}
			for n := range 4 {
				step(func() { do(secret, agent.owns(attrs{"rotation_trigger": trigger(fmt.Sprint(n))})) })
				step(func() { do(agent, config.with("display_name", fmt.Sprint("bot", n))) })
			}
			made[i] = secret
		})
	}
	wg.Wait()
	if n := embedded.hand(t).count(); n != len(made) {
		t.Errorf("there are %d agents, want %d", n, len(made))
	}
	for _, m := range made {
		if m == nil {
			continue
		}
		embedded.expectLive(t, m.agentID(), m.secretID(), m.previous())
		if name := embedded.hand(t).agent(m.agentID()).Profile.DisplayName; name != "bot3" {
			t.Errorf("an update was lost: the name is %s", name)
		}
	}
	if longest > 10*time.Second {
		t.Errorf("somebody waited for %s", longest)
	}
}

// TestManyOnOneAgent: several states rotate one agent at the same time. Each
// rotation that says that it went through did, the others say that somebody was
// faster, and the server has no more secrets than it may.
func TestManyOnOneAgent(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	agent, first := p.newSecret(t, nil)
	config := first.configured().with("rotation_trigger", trigger("1"))
	plan := first.plan(config)
	const writers = 6
	var wg sync.WaitGroup
	states, said := make([]*managed, writers), make([]problems, writers)
	for i := range writers {
		copied := *first
		states[i] = &copied
		wg.Go(func() { _, said[i] = states[i].carryOut(config, plan) })
	}
	wg.Wait()
	var won *managed
	for i, d := range said {
		if len(d.errors()) == 0 {
			if won != nil {
				t.Error("two rotations of one plan went through")
			}
			won = states[i]
			continue
		}
		mustSay(t, "a rotation that came late", d, "Somebody changed it")
	}
	if won == nil {
		t.Fatal("no rotation went through")
	}
	p.expectLive(t, agent.id(), won.secretID(), first.secretID())
	p.expectStatus(t, agent.id(), won.secretID(), api.Active)
}

// TestManyReads: refreshing many objects costs few requests.
func TestManyReads(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	const agents = 150
	h := p.hand(t)
	importing, run := p.plugin(t), p.plugin(t)
	all := make([]*managed, 0, 2*agents)
	for range agents {
		id := h.create(api.Agent{}).ID
		h.add(id, api.SecretRequest{})
		for _, name := range []string{agentType, secretType} {
			out, d := importing.importBy(name, id, nil)
			if len(d.errors()) > 0 {
				t.Fatal(d)
			}
			all = append(all, &managed{t: t, place: p, name: name, instance: out})
		}
	}
	p.remote.forget()
	var wg sync.WaitGroup
	queue := make(chan *managed, len(all))
	for _, m := range all {
		queue <- m
	}
	close(queue)
	for range 10 { // as many as Terraform has under way
		wg.Go(func() {
			for m := range queue {
				out, d := run.read(m.name, m.instance)
				if len(d.errors()) > 0 || out.state == nil {
					t.Errorf("read: %v", d)
				}
			}
		})
	}
	wg.Wait()
	// What the server is, three single reads, two pages and the end of the list;
	// and one or two more.
	if n := p.remote.count("", anyPath); n > 8 {
		t.Errorf("%d objects were read by %d requests: %v", len(all), n, p.remote.requests("", anyPath))
	}
}
