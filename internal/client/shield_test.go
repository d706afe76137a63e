package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// shielded are the calls whose answer must not be lost.
var shielded = map[string]bool{
	"create": true, "password": true, "put secret": true, "add secret": true,
	"expire secret": true, "revoke secret": true, "revoke all": true,
}

// TestShield cancels each call while the server works on it.
func TestShield(t *testing.T) {
	for name, call := range calls(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				f := reference(func(w http.ResponseWriter, r *http.Request) {
					cancel()
					time.Sleep(5 * time.Second)
					success(name)(w, r)
				})
				err := call(ctx, f.inside(t))
				if (err == nil) != shielded[name] || err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("error = %v, shielded: %v", err, shielded[name])
				}
				if len(f.requests()) != 1 {
					t.Errorf("%d requests, want 1", len(f.requests()))
				}
			})
		})
	}
}

// TestShieldOverHTTP does the same over a connection, whose cancelling is
// net/http's business.
func TestShieldOverHTTP(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := reference(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		time.Sleep(50 * time.Millisecond)
		reply(w, 201, agent("a1"))
	})
	if a, err := f.over(t).CreateAgent(ctx, api.Agent{}); err != nil || a.ID != "a1" {
		t.Errorf("CreateAgent = %v, %v; want the answer", a, err)
	}
}

// TestShieldEnds: the answer is waited for half a minute at most, whatever the
// setting; what is not shielded, as long as the setting says.
func TestShieldEnds(t *testing.T) {
	for _, tt := range []struct {
		call string
		want time.Duration
	}{{"create", 30 * time.Second}, {"read", 10 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			f := reference(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			c := f.inside(t, func(cfg *client.Config) { cfg.Timeout, cfg.MaxRetries = 10*time.Minute, -1 })
			start := time.Now()
			err := calls(t)[tt.call](t.Context(), c)
			if time.Since(start) != tt.want || err == nil || !strings.Contains(err.Error(), "no answer within "+tt.want.String()) {
				t.Errorf("%s = %v after %s, want %s", tt.call, err, time.Since(start), tt.want)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error = %v looks as if the caller's time were up", err)
			}
			if errors.Is(err, client.ErrAmbiguous) != (tt.call == "create") {
				t.Errorf("error = %v, ambiguous is wrong", err)
			}
		})
	}
}

// TestCancelWhileWaiting: whatever is not yet on its way is not sent any more.
func TestCancelWhileWaiting(t *testing.T) {
	for _, tt := range []struct {
		name      string
		script    http.HandlerFunc
		change    func(*client.Config)
		requests  int
		ambiguous bool
	}{
		{"for Retry-After", status(429, "Retry-After", "50"), func(*client.Config) {}, 1, false},
		{"for a retry", status(502), func(cfg *client.Config) { cfg.RetryWait = 20 * time.Second }, 1, true},
		{"for the budget", status(429, "Retry-After", "0"), func(cfg *client.Config) { cfg.RequestsPerMinute = 1 }, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := reference(tt.script)
				c := f.inside(t, tt.change)
				if _, err := c.Server(t.Context()); err != nil { // takes the budget of the minute
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(3*time.Second, cancel)
				start := time.Now()
				_, err := c.PutSecret(ctx, "a1", "s1", secretRequest(), "")
				if !errors.Is(err, context.Canceled) || time.Since(start) != 3*time.Second {
					t.Errorf("PutSecret = %v after %s, want to be cancelled after 3s", err, time.Since(start))
				}
				if got := len(f.requests()); got != tt.requests {
					t.Errorf("%d requests, want %d", got, tt.requests)
				}
				if errors.Is(err, client.ErrAmbiguous) != tt.ambiguous {
					t.Errorf("error = %v, want ambiguous: %v", err, tt.ambiguous)
				}
			})
		})
	}
}

// TestNotBegun: a call that nobody waits for sends nothing.
func TestNotBegun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls(t) {
		f := reference(success(name))
		c := f.over(t)
		if _, err := c.Server(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := call(ctx, c); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrAmbiguous) || len(f.requests()) != 0 {
			t.Errorf("%s = %v after %d requests", name, err, len(f.requests()))
		}
	}
}

// TestLimiter: no minute has more requests than allowed, and hardly fewer.
func TestLimiter(t *testing.T) {
	for _, perMinute := range []int{1, 7, 60, 200, 1000} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Duration
			start := time.Now()
			f := reference(func(w http.ResponseWriter, r *http.Request) {
				at = append(at, time.Since(start))
				reply(w, 200, api.SecretList{})
			})
			c := f.inside(t, func(cfg *client.Config) { cfg.RequestsPerMinute = perMinute })
			for range 3 * perMinute {
				if _, err := c.Secrets(t.Context(), "a1"); err != nil {
					t.Fatal(err)
				}
			}
			for i := range at {
				if j := i + perMinute; j < len(at) && at[j]-at[i] < time.Minute-time.Millisecond {
					t.Fatalf("%d a minute: request %d came %s after request %d", perMinute, j, at[j]-at[i], i)
				}
			}
			floor := 3*time.Minute - time.Minute/time.Duration(perMinute)
			if took := at[len(at)-1]; took > floor+floor/20 {
				t.Errorf("%d a minute: %d requests took %s, more than 5 %% above %s", perMinute, len(at), took, floor)
			}
		})
	}
}

// TestLimiterDeadline: a turn after the deadline is not waited for.
func TestLimiterDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := reference(replyAgent)
		c := f.inside(t, func(cfg *client.Config) { cfg.RequestsPerMinute = 1 })
		if _, err := c.Server(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Agent(ctx, "a1")
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "requests_per_minute") || time.Since(start) != 0 {
			t.Errorf("Agent = %v after %s", err, time.Since(start))
		}
	})
}
