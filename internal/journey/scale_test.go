//go:build unix

package journey_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// scaleAgents is the size by default; 1,000 is what the provider is made for.
const scaleAgents = 200

// shardSize is how many instances one block has: Terraform copies the whole of
// a resource for each instance, so many small blocks are quicker than a large
// one.
const shardSize = 100

// shards are as many agents as are asked for, with a secret each. The first
// secret of all is rotated by the variable one.
func shards(agents int) string {
	var b strings.Builder
	b.WriteString("\nvariable \"one\" {\n  type    = string\n  default = \"1\"\n}\n")
	for shard, left := 0, agents; left > 0; shard, left = shard+1, left-shardSize {
		trigger := `"1"`
		if shard == 0 {
			trigger = `count.index == 0 ? var.one : "1"`
		}
		fmt.Fprintf(&b, `
resource "agentcreds_agent" "bot_%[1]d" {
  count        = %[2]d
  display_name = "Bot %[1]d-${count.index}"
  external_id  = "scale/bot-%[1]d-${count.index}"
  scopes       = ["tickets:read"]
}

resource "agentcreds_agent_secret" "bot_%[1]d" {
  count            = %[2]d
  agent_id         = agentcreds_agent.bot_%[1]d[count.index].id
  rotation_trigger = { by = %[3]s }
}
`, shard, min(left, shardSize), trigger)
	}
	return b.String()
}

// has fails unless the state has so many agents and secrets.
func (w *workspace) has(agents int) {
	w.t.Helper()
	st := w.state()
	if a, s := len(st.agentIDs()), len(st.secrets()); a != agents || s != agents {
		w.t.Fatalf("the state has %d agents and %d secrets, want %d of each", a, s, agents)
	}
}

func TestJourney_scaleEmbedded(t *testing.T) {
	n := number(t, "AGENTCREDS_TEST_AGENTS", scaleAgents)
	w := newWorkspace(t, header+embedded+shards(n))
	apply := w.must("apply")
	w.has(n)
	plan := w.settled()
	destroy := w.must("destroy")
	w.has(0)
	t.Logf("%d agents with a secret each, embedded: apply %s, plan with nothing to do %s, destroy %s",
		n, round(apply.took), round(plan.took), round(destroy.took))
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// tally counts what came to a proxy.
type tally struct{ all, writes, posts, puts, deletes int }

func (p *proxy) tally() tally {
	var c tally
	for _, r := range p.log() {
		c.all++
		if r.writes() {
			c.writes++
		}
		switch r.method {
		case http.MethodPost:
			c.posts++
		case http.MethodPut:
			c.puts++
		case http.MethodDelete:
			c.deletes++
		}
	}
	return c
}

// TestJourney_requests counts what each command costs at a server: about one
// request for a hundred objects that are read, one for each that is written.
func TestJourney_requests(t *testing.T) {
	const few = 4
	n := number(t, "AGENTCREDS_TEST_AGENTS", scaleAgents)
	pages := (n + 99) / 100
	w := newWorkspace(t, header+remote+shards(n))
	s := serve(t, w.path(database))
	defer s.stop()
	px := newProxy(t, s.url)
	w.env = s.env(px.url)
	measure := func(what string, run func()) tally {
		t.Helper()
		px.restart(nil)
		run()
		c := px.tally()
		t.Logf("%s of %d agents with a secret each: %+v", what, n, c)
		return c
	}

	c := measure("apply", func() { w.must("apply") })
	w.has(n)
	if c.posts != n || c.puts != n || c.writes != 2*n || c.all > 2*n+few {
		t.Errorf("to create %d agents and secrets took %+v; want a write for each and at most %d requests more", n, c, few)
	}
	c = measure("plan with nothing to do", func() { w.settled() })
	if c.writes != 0 || c.all > pages+few {
		t.Errorf("a plan with nothing to do took %+v; want no write, at most %d requests", c, pages+few)
	}
	c = measure("apply with nothing to do", func() { w.must("apply") })
	if c.writes != 0 || c.all > pages+few {
		t.Errorf("an apply with nothing to do took %+v; want no write, at most %d requests", c, pages+few)
	}
	c = measure("apply that rotates one", func() { w.must("apply", "-var", "one=2") })
	if c.writes != 1 || c.puts != 1 || c.all > pages+2*few {
		t.Errorf("to rotate one secret took %+v; want 1 PUT, at most %d requests", c, pages+2*few)
	}
	c = measure("destroy", func() { w.must("destroy", "-var", "one=2") })
	// The one that was rotated has a predecessor in its grace, which ends too.
	if c.deletes != 2*n+1 || c.writes != 2*n+1 || c.all > 2*n+1+pages+2*few {
		t.Errorf("to destroy %d agents and secrets took %+v", n, c)
	}
	if left := len(s.agents()); left != 0 {
		t.Errorf("%d agents are left at the server", left)
	}
}
