package journey_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// sinkShots are those of crashes, and one at the provider of the sinks.
var sinkShots = append(slices.Clone(shots), shot{"kill-sink", syscall.SIGKILL, "sink"})

// sinkPoint is where a rotation into two sinks is interrupted, and how.
type sinkPoint struct {
	of    string // a recipe
	n     int    // of a request, the server's or a sink's; 0: a moment that the seed draws
	round int    // of the moments
	stage stage
	shot  shot
}

func (p sinkPoint) name() string {
	if p.n == 0 {
		return fmt.Sprintf("%s/moment-%d-%s", p.of, p.round, p.shot.name)
	}
	return fmt.Sprintf("%s/%d-%s-%s", p.of, p.n, p.stage, p.shot.name)
}

// sinkPointsOf are all there are, in an order that only the seed decides; of
// four about one is a moment.
func sinkPointsOf(requests map[string]int) (all []sinkPoint) {
	for recipe, n := range requests {
		for _, sh := range sinkShots {
			for _, st := range stages {
				for i := range n {
					all = append(all, sinkPoint{of: recipe, n: i + 1, stage: st, shot: sh})
				}
			}
			for i := range n + n/3 {
				all = append(all, sinkPoint{of: recipe, round: i, shot: sh})
			}
		}
	}
	shuffle(all, func(p sinkPoint) string { return p.name() })
	return all
}

// sinkPoints is how many are tried by default.
const sinkPoints = 30

// TestJourney_sinkKilled: whoever is killed or interrupted while a secret is
// rotated into two sinks, one more run brings both to what the server takes, and
// nothing readable is left in any file.
func TestJourney_sinkKilled(t *testing.T) {
	sinkTools(t)
	created, requests := map[string]*kitchen{}, map[string]int{}
	for name, recipe := range recipes() {
		k := newKitchen(t, recipe, nil)
		k.w.must("apply")
		k.agree("create")
		created[name] = k
		cut := &severed{kitchen: newKitchen(t, recipe, k)}
		cut.run(t)
		requests[name] = cut.requests
		k.s.stop()
	}
	t.Logf("requests: %v", requests)
	all := sinkPointsOf(requests)
	if limit := os.Getenv("AGENTCREDS_TEST_SINK_POINTS"); limit != "all" {
		all = all[:min(len(all), number(t, "AGENTCREDS_TEST_SINK_POINTS", sinkPoints))]
	}
	var struck, extra, searched atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d points, %d of them struck, %d extra rotations, %d files and logs searched", len(all), struck.Load(), extra.Load(), searched.Load())
		if int(struck.Load()) < len(all)*6/10 && !t.Failed() {
			t.Errorf("only %d of %d points were struck", struck.Load(), len(all))
		}
	})
	for _, pt := range all {
		t.Run(pt.name(), func(t *testing.T) {
			t.Parallel()
			for attempt := range 5 {
				cut := &severed{sinkPoint: pt, attempt: attempt, kitchen: newKitchen(t, recipes()[pt.of], created[pt.of])}
				if again := cut.run(t); again {
					continue
				}
				if cut.struck {
					struck.Add(1)
				}
				extra.Add(int64(cut.extra))
				searched.Add(int64(cut.searched))
				break
			}
		})
	}
}

// severed is one rotation, interrupted, and its repetition.
type severed struct {
	sinkPoint
	*kitchen
	attempt int

	px       *proxy
	needles  *needles
	requests int // of an undisturbed run
	struck   bool
	extra    int // rotations
	searched int // files and outputs
}

// run reports whether the point must be tried again, as crash.run does.
func (c *severed) run(t *testing.T) (again bool) {
	t.Helper()
	c.px, c.needles = newProxy(t, c.address), newNeedles()
	c.trace(c.px.url)
	c.collect()

	first := c.interrupt(t)
	c.collect()
	c.requests, c.struck = len(c.px.log()), c.struck || c.px.hit() != nil
	if _, err := c.w.stateNow(); err != nil && c.shot.hard() {
		t.Logf("Terraform left a broken state (%v): once more", err)
		return true
	}
	c.search(t, "interrupted", first)
	c.px.restart(nil)
	if c.shot.name == "" && first.code != 0 {
		t.Fatalf("undisturbed: %s", first)
	}
	second := c.w.must("plan", "-var", "trigger=2", "-out=again.tfplan")
	third := c.w.must("apply", "again.tfplan")
	c.collect()
	c.agree(first)
	c.one(t, first)
	c.w.settled("-var", "trigger=2")
	c.search(t, "repeated", second, third)
	c.s.stop()
	return false
}

// trace leads the CLI to a URL, with every log that there is, and with what goes
// where Terraform writes everything else.
func (c *severed) trace(url string, more ...string) {
	if err := os.MkdirAll(c.w.path("tmp"), 0o700); err != nil {
		c.w.t.Fatal(err)
	}
	c.w.env = slices.Concat(c.env(url), more, []string{"TF_LOG=TRACE", "TF_LOG_PATH=" + c.w.path("trace.log"), "TMPDIR=" + c.w.path("tmp")})
}

// interrupt rotates; at the point the shot is fired.
func (c *severed) interrupt(t *testing.T) result {
	t.Helper()
	started := make(chan struct{})
	var p *process
	if c.n != 0 {
		c.px.restart(&strike{n: c.n, stage: c.stage, do: sync.OnceValue(func() bool {
			<-started
			return c.shot.fire(t, p)
		})})
	}
	p = c.w.begin("apply", "-var", "trigger=2")
	close(started)
	if c.n == 0 && c.shot.name != "" {
		// From the plan on, which takes about half of the time.
		for !strings.Contains(p.stdout.String(), "efreshing state") && !p.over() {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(moment(c.name()+strconv.Itoa(c.attempt), 600*time.Millisecond))
		if c.struck = !p.over(); c.struck {
			c.shot.fire(t, p)
		}
	}
	return p.wait()
}

// one: the agent has one secret that is not on its way out, and at most one more
// than without the interruption.
func (c *severed) one(t *testing.T, first result) {
	t.Helper()
	active := 0
	list := c.s.secrets(c.s.agents()[0].ID)
	for _, s := range list {
		if s.Status == "ACTIVE" {
			active++
		}
	}
	c.extra = len(list) - 2
	if active != 1 || c.extra < 0 || c.extra > 1 {
		t.Errorf("the agent has %+v\nafter %s", list, first)
	}
}

// collect makes needles of all values that were on their way by now.
func (c *severed) collect() {
	for _, seen := range c.px.log() {
		c.needles.add("the value in "+seen.path, seen.secret)
	}
	for name, held := range c.sinks.held() {
		c.needles.add("the value in sink "+name, held.Value)
	}
	for _, variable := range c.recipe.env {
		name, value, _ := strings.Cut(variable, "=")
		c.needles.add(name, value)
	}
}

// search looks for them in every file, and in what was said: where a recipe
// hides the value there is none.
func (c *severed) search(t *testing.T, when string, said ...result) {
	t.Helper()
	texts := tree(t, c.w.dir)
	for _, r := range said {
		texts["what "+r.args+" said"] = []byte(r.stdout + r.stderr)
	}
	found := 0
	for name, data := range texts {
		c.searched++
		for _, f := range c.needles.find(data) {
			if found++; c.hidden {
				t.Errorf("%s: found %s in %s", when, f, name)
			}
		}
	}
	if !c.hidden && found == 0 {
		t.Errorf("the search finds nothing, not even where it is")
	}
}
