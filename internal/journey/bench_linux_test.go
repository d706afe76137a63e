package journey_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
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

// yardstick is what Terraform itself does with as many objects, in blocks of
// the same size.
func yardstick(objects int) string {
	var b strings.Builder
	for shard, left := 0, objects; left > 0; shard, left = shard+1, left-shardSize {
		fmt.Fprintf(&b, "\nresource \"terraform_data\" \"it_%d\" {\n  count = %d\n  input = \"it-${count.index}\"\n}\n", shard, min(left, shardSize))
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
	verbs := []string{"apply", "plan", "destroy"}
	columns := map[string]*column{"apply": {}, "plan": {}, "destroy": {}}
	plain := &column{} // plans by the framework alone, with the SDK's logs and Go's own garbage collection
	rounds := 0
	for b.Loop() {
		for began := time.Now(); rounds < benchRounds && time.Since(began) < benchLimit; rounds++ {
			yard, ours := newWorkspace(b, yardstick(2*n)), newWorkspace(b, header+embedded+shards(n))
			for _, verb := range verbs {
				c := columns[verb]
				c.yard, c.ours = append(c.yard, yard.measure(verb)), append(c.ours, ours.measure(verb))
				if verb == "plan" {
					ours.env = []string{"TF_LOG_SDK=TRACE", "GOGC=100", "GOMEMLIMIT=off"} // as it is where nobody does anything about it
					plain.yard, plain.ours = append(plain.yard, ours.measure(verb)), append(plain.ours, c.ours[rounds])
					ours.env = nil
				}
			}
		}
	}
	b.Logf("%d agents with a secret each, embedded, against %d terraform_data; medians of %d rounds\n%s", n, 2*n, rounds, table(verbs, columns))
	b.Logf("a plan beside one of the same binary by the framework alone, with the SDK's logs and garbage collection at their defaults: %.2f of the wall, %.2f of the CPU, %.2f of the provider's CPU",
		plain.ratio(wall), plain.ratio(cpu), plain.ratio(providers))
	b.ReportMetric(plain.ratio(providers), "plain-ratio")
	b.ReportMetric(of(plain.ours, providers).Seconds(), "plain-ours-s")
	b.ReportMetric(of(plain.yard, providers).Seconds(), "plain-yard-s")
	for _, verb := range verbs {
		c := columns[verb]
		b.ReportMetric(c.ratio(wall), verb+"-ratio")
		b.ReportMetric(of(c.ours, wall).Seconds(), verb+"-ours-s")
		b.ReportMetric(of(c.yard, wall).Seconds(), verb+"-yard-s")
	}
	b.ReportMetric(of(columns["apply"].ours, memory), "apply-MiB")
	b.ReportMetric(of(columns["plan"].ours, memory), "plan-MiB")
}

// benchSize is how many agents there are. What Terraform does grows with the
// square of it: a machine that would need hours gets fewer, and is told so.
func benchSize(b *testing.B) int {
	const trial = 5 // a part of the whole
	n := number(b, "AGENTCREDS_TEST_BENCH_AGENTS", benchAgents)
	if os.Getenv("AGENTCREDS_TEST_BENCH_AGENTS") != "" {
		return n
	}
	w := newWorkspace(b, yardstick(2*n/trial))
	// A round is an apply, two plans and a destroy, for us and for the
	// yardstick, which is the quicker one.
	round := 8 * trial * trial * (w.measure("apply").took + w.measure("destroy").took) / 2
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

// BenchmarkJourney_coldStart measures from the start of the program to its
// handshake, beside a plugin of the same framework that does nothing.
func BenchmarkJourney_coldStart(b *testing.B) {
	const starts = 15
	ours := tools(b).provider
	nothing := filepath.Join(b.TempDir(), "terraform-provider-nothing")
	if err := buildPackage(nothing, "./internal/journey/testdata/nothing"); err != nil {
		b.Fatal(err)
	}
	took, memory := map[string][]time.Duration{}, map[string][]int64{}
	for b.Loop() {
		for range starts {
			for _, program := range []string{nothing, ours} {
				t, m := coldStart(b, program)
				took[program], memory[program] = append(took[program], t), append(memory[program], m)
			}
		}
	}
	mib := func(program string) float64 { return float64(median(memory[program])) / (1 << 20) }
	ratio := median(took[ours]).Seconds() / median(took[nothing]).Seconds()
	b.Logf("cold start, medians of %d: ours %s and %.1f MiB, a plugin that does nothing %s and %.1f MiB: ratio %.2f",
		len(took[ours]), median(took[ours]), mib(ours), median(took[nothing]), mib(nothing), ratio)
	b.ReportMetric(ratio, "start-ratio")
	b.ReportMetric(float64(median(took[ours]).Microseconds())/1000, "start-ours-ms")
	b.ReportMetric(float64(median(took[nothing]).Microseconds())/1000, "start-yard-ms")
	b.ReportMetric(mib(ours), "start-MiB")
}

// coldStart starts a plugin as Terraform does and waits for its handshake.
func coldStart(b *testing.B, program string) (time.Duration, int64) {
	b.Helper()
	cmd := exec.Command(program) //nolint:gosec // just built
	cmd.Env = []string{
		"TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		"PLUGIN_PROTOCOL_VERSIONS=6", "TMPDIR=" + b.TempDir(),
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	took := time.Since(began)
	memory := peakRSS(cmd.Process.Pid)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil || !strings.HasPrefix(line, "1|6|unix|") {
		b.Fatalf("%s: no handshake but %q (%v)", program, line, err)
	}
	return took, memory
}
