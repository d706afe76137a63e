package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// success is what a call wants to hear.
func success(name string) http.HandlerFunc {
	switch {
	case name == "delete" || strings.HasPrefix(name, "revoke"):
		return status(204)
	case strings.HasSuffix(name, "secret"):
		return func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, api.Secret{SecretID: "s2"}) }
	default:
		return replyAgent
	}
}

// TestRetryTable is the table of what is sent again, over all calls.
func TestRetryTable(t *testing.T) {
	for _, tt := range []struct {
		name      string
		fault     http.HandlerFunc
		again     bool // also what must not be done twice
		repeat    bool // what twice is as once
		ambiguous bool // of what is not repeated
	}{
		{"connection cut", cut, false, true, true},
		{"500", status(500), false, true, true},
		{"502", status(502), false, true, true},
		{"502 that asks to wait", status(502, "Retry-After", "0"), false, true, true},
		{"503", status(503), false, true, true},
		{"503 that asks to wait", status(503, "Retry-After", "0"), true, true, false},
		{"504", status(504), false, true, true},
		{"429", status(429), true, true, false},
		{"429 that asks to wait", status(429, "Retry-After", "0"), true, true, false},
		{"429 with nonsense", status(429, "Retry-After", "-5"), true, true, false},
		{"501", status(501), false, false, false},
		{"507", status(507), false, false, false}, // a full disk was "the outcome is not known: … nothing was changed"
		{"400", status(400), false, false, false},
		{"401", status(401), false, false, false},
		{"403", status(403), false, false, false},
		{"404", status(404), false, false, false},
		{"408", status(408), false, false, false},
		{"409", status(409), false, false, false},
		{"412", status(412), false, false, false},
	} {
		for name, call := range calls(t) {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				f := reference(sequence(tt.fault, success(name)))
				err := call(t.Context(), f.over(t))
				repeats := tt.again || tt.repeat && !once[name]
				want := 1
				if repeats {
					want = 2
				}
				if got := f.requests(); len(got) != want {
					t.Fatalf("%d requests, want %d; error %v", len(got), want, err)
				} else if repeats && (got[0].body != got[1].body || got[0].path != got[1].path) {
					t.Errorf("repeated as %v, first %v", got[1], got[0])
				}
				if (err == nil) != repeats {
					t.Errorf("error = %v, want one: %v", err, !repeats)
				}
				if amb := tt.ambiguous && once[name]; errors.Is(err, client.ErrAmbiguous) != amb {
					t.Errorf("error = %v, want ambiguous: %v", err, amb)
				}
			})
		}
	}
}

// TestRetryGivesUp: a fault that stays ends the call, and the error of a write
// says that it may have been done.
func TestRetryGivesUp(t *testing.T) {
	for _, tt := range []struct {
		name      string
		script    http.HandlerFunc
		requests  int
		ambiguous bool
	}{
		{"always down", status(502), 5, true},
		{"always cut", cut, 5, true},
		{"down, then refused for good", sequence(status(502), status(409)), 2, false},
		{"down, then turned away", sequence(status(502), status(403)), 2, true},
		{"down, then unknown", sequence(status(502), status(401)), 2, true},
		{"refused for now, then for good", sequence(status(429), status(409)), 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := reference(tt.script)
			_, err := f.over(t).PutSecret(t.Context(), "a1", "s2", secretRequest(), "")
			if err == nil || errors.Is(err, client.ErrAmbiguous) != tt.ambiguous || len(f.requests()) != tt.requests {
				t.Errorf("PutSecret = %v after %d requests", err, len(f.requests()))
			}
			for _, r := range f.requests() {
				if r.body != f.requests()[0].body {
					t.Errorf("repeated with another body: %s", r.body)
				}
			}
		})
	}
	f := reference(status(502))
	if _, err := f.over(t, func(cfg *client.Config) { cfg.MaxRetries = -1 }).Agent(t.Context(), "a1"); err == nil || len(f.requests()) != 1 {
		t.Errorf("without retries: %v after %d requests", err, len(f.requests()))
	}
}

// TestRetryUnreached: where nobody is there, the first call tries as often as it
// may, and the reads after it once each, until somebody answers again. A write
// always tries as often as it may.
func TestRetryUnreached(t *testing.T) {
	var away atomic.Bool
	var dialled atomic.Int32
	f := reference(success("read"))
	c := f.over(t, func(cfg *client.Config) {
		cfg.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dialled.Add(1); away.Load() {
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}}
	})
	call := calls(t)
	for n, step := range []struct {
		call  string
		away  bool
		dials int32
	}{
		{"read", false, 2}, // it asks what the server can do first
		{"read", true, 5}, {"read", true, 1}, {"delete", true, 5}, {"read", true, 1},
		{"read", false, 1}, {"read", true, 5},
	} {
		away.Store(step.away)
		before := dialled.Load()
		err := call[step.call](t.Context(), c)
		if dials := dialled.Load() - before; dials != step.dials || (err != nil) != step.away {
			t.Errorf("step %d, %s: %d connections tried, want %d; error %v", n+1, step.call, dials, step.dials, err)
		}
	}
}

// TestRetriedDelete: the first delete was done and its answer lost, so that the
// second finds nothing.
func TestRetriedDelete(t *testing.T) {
	gone := func(w http.ResponseWriter, r *http.Request) { scimError(w, 404, "no such agent") }
	dead := body(409, `{"code":"AGC-40904","message":"revoked"}`)
	noSecret := body(404, `{"code":"AGC-40402","message":"none"}`)
	for _, tt := range []struct {
		name, call string
		script     http.HandlerFunc
		ok         bool
	}{
		{"lost answer", "delete", sequence(status(502), gone), true},
		{"cut answer", "delete", sequence(cut, gone), true},
		{"lost, refused for now, gone", "delete", sequence(cut, status(429), gone), true},
		{"lost answer, secret", "revoke secret", sequence(cut, noSecret), true},
		{"lost answer, dead secret", "revoke secret", sequence(cut, dead), true},
		{"gone at once", "delete", gone, false},
		{"refused for now, then gone", "delete", sequence(status(429), gone), false},
		{"lost, then a proxy's 404", "delete", sequence(status(502), status(404)), false},
		{"a put is no delete", "put secret", sequence(cut, noSecret), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := calls(t)[tt.call](t.Context(), reference(tt.script).over(t))
			if (err == nil) != tt.ok {
				t.Errorf("error = %v, want success: %v", err, tt.ok)
			}
		})
	}
}

// TestRetryAfter measures the waits by a clock that stands still.
func TestRetryAfter(t *testing.T) {
	in := func(d time.Duration) http.HandlerFunc { // as a date, by a clock that is a day ahead
		return func(w http.ResponseWriter, r *http.Request) {
			now := time.Now().Add(24 * time.Hour).UTC()
			w.Header().Set("Date", now.Format(http.TimeFormat))
			w.Header().Set("Retry-After", now.Add(d).Format(http.TimeFormat))
			w.WriteHeader(503)
		}
	}
	for _, tt := range []struct {
		name        string
		script      http.HandlerFunc
		requests    int
		least, most time.Duration
		problem     string
	}{
		{"seconds", sequence(status(429, "Retry-After", "7"), replyAgent), 2, 7 * time.Second, 8 * time.Second, ""},
		{"at the cap", sequence(status(429, "Retry-After", "60"), replyAgent), 2, 60 * time.Second, 61 * time.Second, ""},
		{"date", sequence(in(9*time.Second), replyAgent), 2, 9 * time.Second, 10 * time.Second, ""},
		{"past date", sequence(in(-time.Hour), replyAgent), 2, 250 * time.Millisecond, 500 * time.Millisecond, ""},
		{"too long", status(429, "Retry-After", "999999"), 1, 0, 0, "it asks to wait 277h46m39s, and no more than 1m0s is waited"},
		{"much too long", status(503, "Retry-After", strings.Repeat("9", 30)), 1, 0, 0, "it asks to wait"},
		{"a date too late", in(time.Hour), 1, 0, 0, "it asks to wait 1h0m0s"},
		{"zero for ever", status(429, "Retry-After", "0"), 11, 70 * time.Second, 3 * time.Minute, "tried"},
		{"a minute for ever", status(429, "Retry-After", "59"), 4, 177 * time.Second, 3 * time.Minute, "tried 4 times in 2m"},
		{"refused without a word", status(429), 11, 70 * time.Second, 3 * time.Minute, "tried"},
		{"down", status(502), 5, 3750 * time.Millisecond, 7500 * time.Millisecond, "tried 5 times"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := reference(tt.script)
				c := f.inside(t)
				start := time.Now()
				_, err := c.Agent(t.Context(), "a1")
				took := time.Since(start)
				n := len(f.requests())
				// How often is refused within three minutes depends on the jitter.
				if tt.requests == 11 && n > 8 && n < 16 {
					n = 11
				}
				if n != tt.requests || took < tt.least || took > tt.most {
					t.Errorf("%d requests in %s, want %d in %s to %s", n, took, tt.requests, tt.least, tt.most)
				}
				if (err == nil) != (tt.problem == "") || err != nil && !strings.Contains(err.Error(), tt.problem) {
					t.Errorf("error = %v, want %q", err, tt.problem)
				}
				if tt.problem != "" && !errors.Is(err, api.ErrRateLimited) && !errors.Is(err, &api.Error{Status: 503}) && !errors.Is(err, &api.Error{Status: 502}) {
					t.Errorf("error = %v has no answer in its chain", err)
				}
			})
		})
	}
}

// TestRetryDeadline: a deadline alone would not say what was wrong.
func TestRetryDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := reference(status(429, "Retry-After", "30", "X-Request-Id", "r-1"))
		c := f.inside(t)
		if _, err := c.Server(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := c.CreateAgent(ctx, api.Agent{})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, api.ErrRateLimited) || !strings.Contains(err.Error(), "the server answered 429, trace id r-1") {
			t.Errorf("error = %v, want the deadline and the answer before it", err)
		}
		if errors.Is(err, client.ErrAmbiguous) {
			t.Errorf("error = %v: what was refused was not done", err)
		}
	})
}

// TestJitter: callers who were refused together do not come back together.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		for range 20 {
			start := time.Now()
			if _, err := reference(sequence(status(502), replyAgent)).inside(t).Agent(t.Context(), "a1"); err != nil {
				t.Fatal(err)
			}
			waits = append(waits, time.Since(start))
		}
		slices.Sort(waits)
		if waits[0] == waits[19] || waits[0] < 250*time.Millisecond || waits[19] > 500*time.Millisecond {
			t.Errorf("waits = %v, want different ones from 250 ms to 500 ms", waits)
		}
	})
}
