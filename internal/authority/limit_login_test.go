package authority_test

import (
	"errors"
	"runtime"
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
func (o *office) failures(t testing.TB, secrets func() secret.Text) []failure {
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
