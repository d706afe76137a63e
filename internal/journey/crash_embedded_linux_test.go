package journey_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// kills is how many moments are tried in embedded mode.
const kills = 24

// TestJourney_crashEmbedded: there is no server that could stay alive, the
// provider is killed with it at any moment while it works.
func TestJourney_crashEmbedded(t *testing.T) {
	created := newWorkspace(t, crashConfig)
	created.must("apply")
	var cut atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d of %d runs were cut short", cut.Load(), kills)
		if cut.Load() < kills/6 && !t.Failed() {
			t.Errorf("only %d of %d runs were cut short", cut.Load(), kills)
		}
	})
	for i := range kills {
		sc := scenarios[i%len(scenarios)]
		sh := shots[i/len(scenarios)%2] // the provider, or Terraform
		name := fmt.Sprintf("%s-%s-%d", sc.name, sh.name, i)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for attempt := range 5 {
				c := &crash{point: point{scenario: sc, shot: sh}, created: created}
				again, short := c.killAt(t, moment(name+strconv.Itoa(attempt), 40*time.Millisecond))
				if again {
					continue
				}
				if short {
					cut.Add(1)
				}
				break
			}
		})
	}
}

// killAt kills a while after the first object was begun, and runs the command
// again. It reports whether this is to be tried once more, as crash.run does,
// and whether the run was not over yet.
func (c *crash) killAt(t *testing.T, wait time.Duration) (again, short bool) {
	t.Helper()
	c.begin(t)
	p := c.w.begin(c.scenario.verb, c.scenario.args...)
	for !strings.Contains(p.stdout.String(), "ing...") && !p.over() {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(wait)
	short = !p.over()
	victims := []int{p.pid()}
	if c.shot.to == "provider" {
		victims = children(p.pid(), tools(t).provider)
	}
	for _, pid := range victims {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	first := p.wait()
	if _, err := c.w.stateNow(); err != nil {
		t.Logf("Terraform left a broken state (%v): once more", err)
		return true, short
	}
	if r := c.w.run(c.scenario.verb, c.scenario.args...); r.code != 0 {
		t.Fatalf("the re-run fails: %s\nafter %s: %s", r, wait, first)
	}
	c.serve(t)
	defer c.s.stop()
	c.converged(t, first, nil)
	return false, short
}

// moment draws a time below a limit.
func moment(name string, limit time.Duration) time.Duration {
	n, err := strconv.ParseUint(drawn(name)[:8], 16, 32)
	if err != nil {
		return limit
	}
	return time.Duration(float64(limit) * float64(n) / (1 << 32))
}
