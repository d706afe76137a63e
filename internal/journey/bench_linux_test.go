package journey_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	benchAgents = 1000
	benchRounds = 5
	// benchLimit ends the rounds early on a machine that has no time: the
	// ratio of one round is better than none.
	benchLimit = 8 * time.Minute
)

// yardstick is what Terraform itself does with as many objects as agents have
// with their secrets, in the same blocks and with the same references.
func yardstick(agents int) string {
	var b strings.Builder
	for shard, left := 0, agents; left > 0; shard, left = shard+1, left-shardSize {
		fmt.Fprintf(&b, `
resource "terraform_data" "bot_%[1]d" {
  count = %[2]d
  input = "Bot %[1]d-${count.index}"
}

resource "terraform_data" "secret_%[1]d" {
  count            = %[2]d
  input            = terraform_data.bot_%[1]d[count.index].id
  triggers_replace = { by = "1" }
}
`, shard, min(left, shardSize))
	}
	return b.String()
}

// median of a list; zero of none.
func median[T int64 | time.Duration | float64](list []T) T {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// column is what was measured of one verb.
type column struct{ ours, yard []measured }

// of is the median of what a function tells of each run.
func of[T int64 | time.Duration | float64](runs []measured, what func(measured) T) T {
	list := make([]T, len(runs))
	for i, m := range runs {
		list[i] = what(m)
	}
	return median(list)
}

// ratio is the median of the rounds' ratios.
func (c *column) ratio(what func(measured) time.Duration) float64 {
	ratios := make([]float64, len(c.ours))
	for i := range c.ours {
		ratios[i] = what(c.ours[i]).Seconds() / what(c.yard[i]).Seconds()
	}
	return median(ratios)
}

func wall(m measured) time.Duration      { return m.took }
func cpu(m measured) time.Duration       { return m.state.UserTime() + m.state.SystemTime() }
func providers(m measured) time.Duration { return m.provider.cpu }
func memory(m measured) float64          { return float64(m.provider.memory) / (1 << 20) }

// BenchmarkJourney_agents compares whole runs over agents with a secret each,
// embedded, with runs over as many terraform_data, one after the other. It
// fails on no number.
func BenchmarkJourney_agents(b *testing.B) {
	n := benchSize(b)
	verbs := []string{"apply", "destroy"}
	columns := map[string]*column{"apply": {}, "destroy": {}}
	rounds := 0
	for b.Loop() {
		for began := time.Now(); rounds < benchRounds && time.Since(began) < benchLimit; rounds++ {
			yard, ours := newWorkspace(b, yardstick(n)), newWorkspace(b, header+embedded+shards(n))
			for _, verb := range verbs {
				c := columns[verb]
				c.yard, c.ours = append(c.yard, yard.measure(verb)), append(c.ours, ours.measure(verb))
			}
		}
	}
	b.Logf("%d agents with a secret each, embedded, against %d terraform_data; medians of %d rounds\n%s", n, 2*n, rounds, table(verbs, columns))
	for _, verb := range verbs {
		columns[verb].report(b, verb, wall)
	}
	b.ReportMetric(of(columns["apply"].ours, memory), "apply-MiB")
}

// planAgents is how many agents plans are measured over: what takes long is to
// make them.
const planAgents = 250

// BenchmarkJourney_plan compares plans with nothing to do over agents with a
// secret each with plans over as many terraform_data, and with plans of the same
// binary as it is where nobody does anything about it: by the framework alone,
// with the SDK's logs and Go's own garbage collection. It fails on no number.
func BenchmarkJourney_plan(b *testing.B) {
	n := number(b, "AGENTCREDS_TEST_BENCH_AGENTS", planAgents)
	yard, ours := newWorkspace(b, yardstick(n)), newWorkspace(b, header+embedded+shards(n))
	yard.measure("apply")
	ours.measure("apply")
	plan, plain := &column{}, &column{}
	for b.Loop() {
		for range benchRounds {
			plan.yard, plan.ours = append(plan.yard, yard.measure("plan")), append(plan.ours, ours.measure("plan"))
			ours.env = []string{"TF_LOG_SDK=TRACE", "GOGC=100", "GOMEMLIMIT=off"}
			plain.yard = append(plain.yard, ours.measure("plan"))
			ours.env = nil
		}
	}
	plain.ours = plan.ours
	b.Logf("%d agents with a secret each, embedded, against %d terraform_data; medians of %d rounds\n%s", n, 2*n, len(plan.ours), table([]string{"plan"}, map[string]*column{"plan": plan}))
	b.Logf("beside the framework alone, with logs and garbage collection at their defaults: %.2f of the wall, %.2f of the CPU, %.2f of the provider's CPU",
		plain.ratio(wall), plain.ratio(cpu), plain.ratio(providers))
	plan.report(b, "plan", wall)
	plain.report(b, "plain", providers)
	b.ReportMetric(of(plan.ours, memory), "plan-MiB")
}

// report tells tools/bench of a column.
func (c *column) report(b *testing.B, name string, what func(measured) time.Duration) {
	b.Helper()
	b.ReportMetric(c.ratio(what), name+"-ratio")
	b.ReportMetric(of(c.ours, what).Seconds(), name+"-ours-s")
	b.ReportMetric(of(c.yard, what).Seconds(), name+"-yard-s")
}

// benchSize is how many agents there are. What Terraform does grows with the
// square of it: a machine that would need hours gets fewer, and is told so.
func benchSize(b *testing.B) int {
	const trial = 5 // a part of the whole
	n := number(b, "AGENTCREDS_TEST_BENCH_AGENTS", benchAgents)
	if os.Getenv("AGENTCREDS_TEST_BENCH_AGENTS") != "" {
		return n
	}
	w := newWorkspace(b, yardstick(n/trial))
	// A round is an apply and a destroy, for us and for the yardstick, which is
	// the quicker one.
	round := 6 * trial * trial * (w.measure("apply").took + w.measure("destroy").took) / 2
	if round <= benchLimit {
		return n
	}
	fewer := max(50, int(float64(n)*math.Sqrt(benchLimit.Seconds()/round.Seconds())))
	b.Logf("a round of %d agents would take about %s on this machine now: %d are measured (AGENTCREDS_TEST_BENCH_AGENTS sets another number)", n, round.Round(time.Minute), fewer)
	return fewer
}

func table(verbs []string, columns map[string]*column) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %9s %15s %6s %10s %13s %13s\n", "", "ours", "terraform_data", "ratio", "CPU ratio", "provider CPU", "provider RSS")
	for _, verb := range verbs {
		c := columns[verb]
		fmt.Fprintf(&b, "%-8s %9s %15s %6.2f %10.2f %13s %9.1f MiB\n", verb, round(of(c.ours, wall)), round(of(c.yard, wall)),
			c.ratio(wall), c.ratio(cpu), round(of(c.ours, providers)), of(c.ours, memory))
	}
	return b.String()
}
