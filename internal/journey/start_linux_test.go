package journey_test

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
