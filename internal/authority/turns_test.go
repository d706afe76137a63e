package authority

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// Never more run at once than may, and all come to their turn, or leave.
func TestTurns_bound(t *testing.T) {
	const most = 3
	turns := newTurns(most)
	ctx, cancel := context.WithCancel(t.Context())
	var running, came, left atomic.Int64
	var done sync.WaitGroup
	for n := range 600 {
		done.Go(func() {
			mine := ctx
			if n%2 == 0 {
				mine = t.Context() // does not leave
			}
			end, err := turns.take(mine, string(rune('a'+n%5)))
			if err != nil {
				left.Add(1)
				return
			}
			if now := running.Add(1); now > most {
				t.Errorf("%d run at once", now)
			}
			if came.Add(1) == 50 {
				cancel()
			}
			running.Add(-1)
			end()
		})
	}
	done.Wait()
	if came.Load()+left.Load() != 600 || came.Load() < 300 {
		t.Errorf("%d came to their turn and %d left", came.Load(), left.Load())
	}
	if turns.free != most || len(turns.keys)+len(turns.waiting) != 0 {
		t.Errorf("%d are free, and %v wait", turns.free, turns.keys)
	}
	cancel()
}

// Who comes alone waits for one of the crowd, not for all.
func TestTurns_fair(t *testing.T) {
	turns := newTurns(1)
	end, err := turns.take(t.Context(), "crowd")
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var done sync.WaitGroup
	queue := func(key string) {
		waiting := func() (n int) {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			for _, q := range turns.waiting {
				n += len(q)
			}
			return n
		}
		before := waiting()
		done.Go(func() {
			end, err := turns.take(t.Context(), key)
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, key) // one at a time
			end()
		})
		for waiting() == before {
		}
	}
	for range 100 {
		queue("crowd")
	}
	queue("guest")
	end()
	done.Wait()
	for at, key := range order {
		if key == "guest" && at > 1 {
			t.Errorf("the guest is served as number %d of %d", at+1, len(order))
		}
	}
	if len(order) != 101 {
		t.Errorf("%d came to their turn", len(order))
	}
}

// Who sets a secret is told before its client gives up that too many wait, and
// that nothing was changed; who gives up itself is told so.
func TestTurns_crowded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Authority{slow: newTurns(1)}
		end, err := a.slow.take(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := a.digest(t.Context(), "bot", secret.New("Chosen-by-1-person")); !errors.Is(err, ErrCrowded) || time.Since(began) != mostWait {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), mostWait/2)
		defer cancel()
		if _, err := a.digest(ctx, "bot", secret.New("Chosen-by-1-person")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		end()
		if a.slow.free != 1 || len(a.slow.waiting) != 0 {
			t.Errorf("%d are free, and %v wait", a.slow.free, a.slow.waiting)
		}
	})
}

// Whatever takes a slow digest waits for its turn, and what takes none does
// not. Those that run at once take less memory than a server may grow by.
func TestTurns_everywhere(t *testing.T) {
	if need := mostSlow() * 19 << 20; need > 64<<20 {
		t.Errorf("the digests that may run at once take %d MiB", need>>20)
	}
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "agents.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	a, err := New(Config{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	key, err := secret.NewSealKey(make([]byte, secret.SealKeyLen))
	if err != nil {
		t.Fatal(err)
	}
	i, err := NewIssuer(IssuerConfig{Authority: a, URL: "https://auth.example", Seal: func() (secret.SealKey, error) { return key, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close(context.Background()) })
	me := Principal{Name: "test", Scopes: []string{AllScopes}}
	bot, _, err := a.CreateAgent(t.Context(), me, NewAgent{})
	if err != nil {
		t.Fatal(err)
	}
	acts := map[string]func(context.Context, secret.Text) error{
		"a login": func(ctx context.Context, value secret.Text) error {
			_, err := i.Login(ctx, Login{ID: bot.ID, Secret: value, Method: "client_secret_basic"})
			return err
		},
		"a login of nobody": func(ctx context.Context, value secret.Text) error {
			_, err := i.Login(ctx, Login{ID: "nobody", Secret: value, Method: "client_secret_basic"})
			return err
		},
		"who asks": func(ctx context.Context, value secret.Text) error {
			_, err := i.Authenticate(ctx, Login{ID: bot.ID, Secret: value, Method: "client_secret_basic"})
			return err
		},
		"a new agent": func(ctx context.Context, value secret.Text) error {
			_, _, err := a.CreateAgent(ctx, me, NewAgent{AgentChange: AgentChange{Password: value}})
			return err
		},
		"a new secret": func(ctx context.Context, value secret.Text) error {
			made, _, err := a.AddSecret(ctx, me, NewSecret{AgentID: bot.ID, Value: value})
			if err == nil {
				err = a.RevokeSecret(ctx, me, bot.ID, made.ID, nil)
			}
			return err
		},
		"a password": func(ctx context.Context, value secret.Text) error {
			_, err := a.ChangeAgent(ctx, me, bot.ID, AgentChange{Password: value})
			return err
		},
	}
	ends := make([]func(), mostSlow())
	for n := range ends {
		if ends[n], err = a.slow.take(t.Context(), "test"); err != nil {
			t.Fatal(err)
		}
	}
	people := secret.New("Correct-Horse-7-Battery")
	for name, act := range acts {
		if err := act(t.Context(), secret.Generate()); !done(err) {
			t.Errorf("%s with a secret of ours: %v", name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- act(ctx, people) }()
		for waits := false; !waits && len(ended) == 0; time.Sleep(time.Millisecond) {
			a.slow.mu.Lock()
			waits = len(a.slow.keys) == 1
			a.slow.mu.Unlock()
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a secret that people chose waits for no turn: %v", name, err)
		}
	}
	for _, end := range ends {
		end()
	}
	for name, act := range acts {
		if err := act(t.Context(), people); !done(err) {
			t.Errorf("%s with a turn: %v", name, err)
		}
	}
}

// done reports whether something was carried out, or refused for its own sake.
func done(err error) bool {
	_, refused := asError(err)
	return err == nil || refused
}
