package journey_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// networkFaults are what becomes of one request in the journey of faults: each
// word is one of serve --fault. What takes longer than the provider waits is a
// timeout: before the server did anything, and after.
var networkFaults = []string{
	"reset", "reset-after-commit", "lost-after-commit", "500-after-commit", "503",
	"cut 0", "cut 40", "cut headers", "cut half", "cut last", "delay 10s", "slow 10s",
	"502", "502-after-commit", "429 retry-after 1s, times 4",
}

// faultScenarios are those of crashes, and a run that only reads.
var faultScenarios = append(slices.Clone(scenarios),
	scenario{name: "read", verb: "apply", agents: crashAgents, secrets: 1})

// faultPoint is one request that breaks, alone or with all that follow it.
type faultPoint struct {
	scenario scenario
	fault    string
	n        int
	forGood  bool
}

func (p faultPoint) rule() string {
	if p.forGood || strings.Contains(p.fault, ",") {
		return fmt.Sprintf("%s, after %d", p.fault, p.n-1)
	}
	return fmt.Sprintf("%s, nth %d", p.fault, p.n)
}

func (p faultPoint) name() string { return p.scenario.name + "/" + p.rule() }

// faultPointsOf are all there are, in an order that only the seed decides. What
// lasts as long as the provider waits does not happen for good: each run would
// take a minute, to show what the others show.
func faultPointsOf(scenarios []scenario, requests map[string]int) (all []faultPoint) {
	for _, sc := range scenarios {
		for _, f := range networkFaults {
			for n := 1; n <= requests[sc.name]; n++ {
				all = append(all, faultPoint{sc, f, n, false})
				if !strings.HasSuffix(f, "10s") && !strings.Contains(f, ",") {
					all = append(all, faultPoint{sc, f, n, true})
				}
			}
		}
	}
	shuffle(all, func(p faultPoint) string { return p.name() })
	return all
}

// faultPoints is how many are tried by default.
const faultPoints = 30

// TestJourney_faults: any request of creating, rotating, replacing, destroying
// and reading breaks in any way; one more run, and everything is as if nothing
// had been.
func TestJourney_faults(t *testing.T) { faults(t, reference, faultPoints) }

// TestJourney_faultsAsgardeo: the same where an agent has one secret and no
// external id, with a pair that rotates and goes back.
func TestJourney_faultsAsgardeo(t *testing.T) { faults(t, asgardeo, faultPoints) }

func faults(t *testing.T, h house, few int) {
	tools(t)
	created, requests := rehearse(t, h, h.scenarios)
	all := faultPointsOf(h.scenarios, requests)
	if limit := os.Getenv("AGENTCREDS_TEST_FAULT_POINTS"); limit != "all" {
		all = all[:min(len(all), number(t, "AGENTCREDS_TEST_FAULT_POINTS", few))]
	}
	var failed, extra atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d points, %d runs failed, %d extra rotations", len(all), failed.Load(), extra.Load())
	})
	for _, pt := range all {
		t.Run(pt.name(), func(t *testing.T) {
			t.Parallel()
			c := &crash{house: h, point: point{scenario: pt.scenario}, created: created}
			if c.breaks(t, pt.rule()) {
				failed.Add(1)
			}
			extra.Add(int64(c.extra))
		})
	}
}

// breaks runs the command at a server with a fault, and reports whether it
// failed; then once more without.
func (c *crash) breaks(t *testing.T, rule string) (failed bool) {
	t.Helper()
	c.begin(t)
	faulty := serve(t, c.w.path(database), append([]string{"--fault", rule}, c.house.args...)...)
	c.serve(t) // the same store, without the fault
	c.w.env = append(c.house.env(faulty, faulty.url), "AGENTCREDS_REQUEST_TIMEOUT=2s")
	first := c.w.run(c.scenario.verb, c.scenario.args...)
	if !strings.Contains(faulty.p.stderr.String(), `"msg":"fault"`) {
		t.Errorf("nothing broke: %s", first)
	}
	c.w.env = c.house.env(c.s, c.s.url)
	if first.code != 0 {
		if r := c.w.run(c.scenario.verb, c.scenario.again()...); r.code != 0 {
			t.Fatalf("the re-run fails: %s\nafter: %s", r, first)
		}
	}
	c.converged(t, first, nil)
	faulty.stop()
	c.s.stop()
	return first.code != 0
}
