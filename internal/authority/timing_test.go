package authority_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2" //nolint:depguard // the order of measurements; nothing becomes a secret
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// BenchmarkLogin_failures tells how far apart in time the reasons for a refusal
// are: Welch's t of each two, below 4.5 when it may be chance (S7). They come
// interleaved, from many goroutines: those that enter the audit, those that come
// too often, and those with secrets that people chose. It fails on no number: a
// machine that does something else beside shows that, and not a leak.
// AGENTCREDS_TEST_TIMING sets the number of samples of each.
func BenchmarkLogin_failures(b *testing.B) {
	for _, tt := range []struct {
		name       string
		refill     time.Duration // of the clock, for each round
		goroutines int
		samples    int
		secrets    func() secret.Text
	}{
		{"entered", time.Minute, 64, 20_000, secret.Generate},
		{"throttled", 0, 256, 20_000, secret.Generate},
		{"chosen", time.Minute, 4, 200, func() secret.Text { return chosen() }},
	} {
		b.Run(tt.name, func(b *testing.B) {
			if n, err := strconv.Atoi(os.Getenv("AGENTCREDS_TEST_TIMING")); err == nil {
				tt.samples = n
			}
			for b.Loop() {
				o := newOffice(b, "")
				times := o.sample(b, o.failures(b, tt.secrets), tt.goroutines, tt.samples, tt.refill)
				text, worst := apart(times)
				b.Logf("%d samples of each\n%s", tt.samples, text)
				b.ReportMetric(worst, "largest-|t|")
			}
		})
	}
}

// apart lists Welch's t of each two, and tells the largest.
func apart(times map[string][]float64) (text string, worst float64) {
	var lines strings.Builder
	names := slices.Sorted(maps.Keys(times))
	for i, a := range names {
		for _, other := range names[:i] {
			t := math.Abs(welch(times[a], times[other]))
			worst = max(worst, t)
			fmt.Fprintf(&lines, "|t| %5.2f  %s, %s (%.0f and %.0f µs)\n", t, a, other, mean(times[a]), mean(times[other]))
		}
	}
	return lines.String(), worst
}

// sample measures each failure so many times, in microseconds.
func (o *office) sample(t testing.TB, failures []failure, goroutines, samples int, refill time.Duration) map[string][]float64 {
	times := map[string][]float64{}
	var mu sync.Mutex
	var done sync.WaitGroup
	for range goroutines {
		done.Go(func() {
			for range samples/goroutines + 1 {
				o.clock.Add(refill)
				for _, n := range rand.Perm(len(failures)) {
					name, l := failures[n].name, failures[n].login()
					began := time.Now()
					_, err := o.Login(t.Context(), l)
					took := time.Since(began)
					if _, refused := errors.AsType[*authority.Error](err); !refused {
						t.Error(err)
						return
					}
					mu.Lock()
					times[name] = append(times[name], float64(took.Microseconds()))
					mu.Unlock()
				}
			}
		})
	}
	done.Wait()
	return times
}

// welch is Welch's t of two samples.
func welch(a, b []float64) float64 {
	ma, va := moments(a)
	mb, vb := moments(b)
	return (ma - mb) / math.Sqrt(va/float64(len(a))+vb/float64(len(b)))
}

func moments(xs []float64) (mean, variance float64) {
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		variance += (x - mean) * (x - mean) / float64(len(xs)-1)
	}
	return mean, variance
}

func mean(xs []float64) float64 { m, _ := moments(xs); return m }
