package journey_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestJourney_lostCreate: a create was lost, and nobody said that what is there
// is ours. The second run makes no second agent: it shows how to import the
// one that there is, and that is all that is needed.
func TestJourney_lostCreate(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, config(remote))
	s := serve(t, w.path(database))
	px := newProxy(t, s.url)
	w.env = s.env(px.url)

	started := make(chan struct{})
	var p *process
	kill := func(sh shot) func() bool {
		return func() bool {
			<-started
			return sh.fire(t, p)
		}
	}
	// The first request asks what the server is, the second creates.
	px.restart(&strike{n: 2, stage: committed, do: kill(shots[0])})
	p = w.begin("apply")
	close(started)
	first := p.wait()
	if hit := px.hit(); hit == nil || hit.method != "POST" || hit.status != 201 || first.code == 0 {
		t.Fatalf("struck %v: %s", hit, first)
	}
	agents := s.agents()
	if len(agents) != 1 || len(w.state().agentIDs()) != 0 {
		t.Fatalf("%d agents, %d in the state", len(agents), len(w.state().agentIDs()))
	}
	px.restart(nil)

	r := w.run("apply")
	block := fmt.Sprintf("id = %q", agents[0].ID)
	for _, words := range []string{"external_id", "team/bot", "import {", block, "on_existing"} {
		if said := r.stdout + r.stderr; r.code != 1 || !strings.Contains(said, words) {
			t.Errorf("want exit 1 and %q: %s", words, r)
		}
	}
	w.write("import.tf", "import {\n  to = agentcreds_agent.bot\n  "+block+"\n}\n")
	w.must("apply")
	w.settled()
	for _, h := range w.state().secrets() {
		if !s.knows(h) || h.agentID != agents[0].ID || len(s.agents()) != 1 {
			t.Errorf("the state has secret %s of agent %s; the server has %v", h.id, h.agentID, s.agents())
		}
	}
	s.stop()
}
