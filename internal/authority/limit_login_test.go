package authority_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2" //nolint:depguard // the order of measurements; nothing becomes a secret
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Agent ids are public: nobody can keep an agent out by failing in its name.
// The failures fill no disk.
func TestLogin_throttled(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	o.in(t, bot)
	wrong := bot
	wrong.Secret = secret.Generate()
	before := len(o.trail(t))
	for n := range 60 {
		_, err := o.Login(t.Context(), wrong)
		refusal, ok := errors.AsType[*authority.Error](err)
		switch {
		case !ok:
			t.Fatal(err)
		case n < 10 && refusal.Kind != authority.BadLogin:
			t.Errorf("failure %d: %v", n, err)
		case n >= 10 && (refusal.Kind != authority.Throttled || refusal.RetryAfter <= 0 || refusal.RetryAfter > 6*time.Second):
			t.Errorf("failure %d: %v, again after %v", n, err, refusal.RetryAfter)
		}
		if n%20 == 0 {
			o.in(t, bot) // from the same address
		}
	}
	if got := len(o.trail(t)) - before; got != 10+3 {
		t.Errorf("%d entries, want those of ten failures and three logins", got)
	}
	if got, err := o.Failures(t.Context()); got.Throttled != 50 {
		t.Errorf("%d were counted as throttled, want 50: %v", got.Throttled, err)
	}

	// A chosen secret costs an argon2id: who failed too often gets none, at
	// its own address.
	weak := o.bot(t, authority.AgentChange{Password: chosen()})
	bad := weak
	bad.Secret = secret.New("Wrong-Horse-7-Battery")
	for range 11 {
		_, _ = o.Login(t.Context(), bad)
	}
	if taken := allocated(func() { _, _ = o.Login(t.Context(), bad) }); taken > 1<<20 {
		t.Errorf("a throttled login took %d KiB", taken>>10)
	}
	_, err := o.Login(t.Context(), weak)
	wantRefusal(t, err, authority.Throttled)
	weak.Address = "192.0.2.77"
	o.in(t, weak)
	o.clock.Add(time.Minute)
	weak.Address = bad.Address
	o.in(t, weak)
}

// allocated is how many bytes fn takes from the heap.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// For a secret that people chose, each failure takes exactly one argon2id,
// whoever fails and why; for one of our shape none.
func TestLogin_sameWork(t *testing.T) {
	o := newOffice(t, "")
	failures := o.failures(t, func() secret.Text { return chosen() })
	for _, f := range failures {
		// A first one fills the caches of the store.
		_, _ = o.Login(t.Context(), f.login())
		if taken := allocated(func() { _, _ = o.Login(t.Context(), f.login()) }); taken < 19<<20 || taken > 22<<20 {
			t.Errorf("%s takes %d KiB, want 19 MiB", f.name, taken>>10)
		}
	}
	for _, f := range o.failures(t, secret.Generate) {
		_, _ = o.Login(t.Context(), f.login())
		if taken := allocated(func() { _, _ = o.Login(t.Context(), f.login()) }); taken > 1<<20 {
			t.Errorf("%s takes %d KiB", f.name, taken>>10)
		}
	}
}

// failure is one reason to be refused.
type failure struct {
	name  string
	login func() authority.Login
}

// failures are the reasons that nobody may tell apart.
func (o *office) failures(t *testing.T, secrets func() secret.Text) []failure {
	t.Helper()
	born := authority.AgentChange{Password: secrets()}
	bot, blocked, keyed := o.bot(t, born), o.bot(t, born), o.bot(t, authority.AgentChange{Password: born.Password, AuthMethods: &[]string{"tls_client_auth"}})
	o.change(t, blocked.ID, authority.AgentChange{Active: new(false)})
	wrong := secret.Generate()
	if !born.Password.HasOurShape() {
		wrong = secret.New("Wrong-Horse-7-Battery")
	}
	right := func(l authority.Login) func() authority.Login {
		return func() authority.Login { l.Secret = born.Password; return l }
	}
	return []failure{
		{"unknown id", func() authority.Login { l := bot; l.ID = idOne; l.Secret = born.Password; return l }},
		{"wrong secret", func() authority.Login {
			l := bot
			l.Secret = wrong
			return l
		}},
		{"blocked agent", right(blocked)},
		{"method not allowed", right(keyed)},
	}
}

// S7: over 2·10⁴ samples of each, no two reasons for a refusal differ in time
// by more than chance (Welch's t below 4.5). They come interleaved, from many
// goroutines. They are of those that enter the audit,
// and of those that come too often.
func TestLogin_sameTime(t *testing.T) {
	if os.Getenv("AGENTCREDS_TEST_TIMING") == "" {
		t.Skip("measures time: set AGENTCREDS_TEST_TIMING=1 on a machine that does nothing else")
	}
	for _, tt := range []struct {
		name       string
		refill     time.Duration // of the clock, for each round
		goroutines int
	}{{"entered", time.Minute, 64}, {"throttled", 0, 16}} {
		t.Run(tt.name, func(t *testing.T) {
			var worst string
			for range 2 { // a noisy machine gets a second chance
				o := newOffice(t, "")
				if worst = apart(o.sample(t, o.failures(t, secret.Generate), tt.goroutines, 20_000, tt.refill)); worst == "" {
					return
				}
			}
			t.Error(worst)
		})
	}
}

// sample measures each failure so many times, in microseconds.
func (o *office) sample(t *testing.T, failures []failure, goroutines, samples int, refill time.Duration) map[string][]float64 {
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

// apart names the two that differ most, "" when it may be chance.
func apart(times map[string][]float64) (worst string) {
	most := 4.5
	for a, ta := range times {
		for b, tb := range times {
			if w := welch(ta, tb); a < b && math.Abs(w) >= most {
				most = math.Abs(w)
				worst = fmt.Sprintf("%s and %s differ: Welch's t is %.1f of %d samples (%.0f and %.0f µs)", a, b, w, len(ta), mean(ta), mean(tb))
			}
		}
	}
	return worst
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
