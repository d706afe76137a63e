package client_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// agentSince is what a plain WSO2 server answers about an agent whose password
// was set at a time.
func agentSince(ms int64) api.Agent {
	a := api.Agent{ID: "a1", UserName: "AGENT/a1"}
	a.System = &api.AgentSystem{LastPasswordUpdateTime: strconv.FormatInt(ms, 10)}
	return a
}

// TestSetPassword: whatever becomes of the answer, the agent gets this value and
// no other, and the caller learns whether it has it.
func TestSetPassword(t *testing.T) {
	type step struct {
		sets bool // the password is set
		then http.HandlerFunc
	}
	answers := http.HandlerFunc(nil)
	for _, tt := range []struct {
		name    string
		steps   []step // of the PATCH, one after the other
		deaf    bool   // reads fail afterwards
		fails   bool
		unknown bool
		sent    int
	}{
		{"set", []step{{true, answers}}, false, false, false, 1},
		{"set, and the answer lost", []step{{true, cut}}, false, false, false, 1},
		{"set, and the answer is of a proxy", []step{{true, status(502)}}, false, false, false, 1},
		{"lost before it was set", []step{{false, cut}, {true, answers}}, false, false, false, 2},
		{"set late, and in the history by then", []step{{false, cut}, {true, status(400)}}, false, false, false, 2},
		{"never set", []step{{false, cut}}, false, true, true, 3},
		{"refused", []step{{false, status(400)}}, false, true, false, 1},
		{"refused for now", []step{{false, status(429, "Retry-After", "0")}, {true, answers}}, false, false, false, 2},
		{"lost with all that follows", []step{{true, cut}}, true, true, true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, values, deaf := int64(1000), []string{}, false
			f := wso2(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					if deaf {
						status(403)(w, r)
						return
					}
					reply(w, 200, agentSince(now))
					return
				}
				s := tt.steps[min(len(values), len(tt.steps)-1)]
				data := make([]byte, r.ContentLength)
				_, _ = r.Body.Read(data)
				values = append(values, string(data))
				if s.sets {
					now++
				}
				deaf = tt.deaf
				if s.then != nil {
					s.then(w, r)
					return
				}
				reply(w, 200, agentSince(now))
			})
			c := f.over(t)
			a, err := c.SetPassword(t.Context(), "a1", secret.New(value))
			if (err != nil) != tt.fails || errors.Is(err, client.ErrAmbiguous) != tt.unknown || len(values) != tt.sent {
				t.Fatalf("SetPassword = %v after %d requests; want failure %v, unknown %v, %d requests", err, len(values), tt.fails, tt.unknown, tt.sent)
			}
			for _, v := range values {
				if v != values[0] {
					t.Errorf("it sent %q and %q", values[0], v)
				}
			}
			if err == nil && a.PasswordTime() != 1001 {
				t.Errorf("the password was set at %d, want 1001", a.PasswordTime())
			}
		})
	}
}

// TestSetPasswordProof: a person's password is not set.
func TestSetPasswordProof(t *testing.T) {
	f := wso2(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, api.Agent{ID: "a1", UserName: "DEFAULT/jane"})
	})
	_, err := f.over(t).SetPassword(t.Context(), "a1", secret.New(value))
	if !errors.Is(err, client.ErrNotAgent) || len(f.requests()) != 1 || f.requests()[0].method != http.MethodGet {
		t.Errorf("SetPassword = %v after %v", err, f.requests())
	}
}

// TestWSO2Budget: a plain WSO2 server has the budget of Asgardeo unless another
// is set; one that refuses is left alone for as long as it asks, by everybody.
func TestWSO2Budget(t *testing.T) {
	for perMinute, floor := range map[int]time.Duration{0: 58 * time.Second, 1200: 9 * time.Second, -1: 0} {
		synctest.Test(t, func(t *testing.T) {
			f := wso2(replyAgent)
			c := f.inside(t, func(cfg *client.Config) { cfg.RequestsPerMinute = perMinute })
			start := time.Now()
			for range 200 {
				if _, err := c.Agent(t.Context(), "a1"); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(start); took < floor || took > floor+floor/10 {
				t.Errorf("with %d a minute 200 requests took %s, want about %s", perMinute, took, floor)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		f := wso2(sequence(status(429, "Retry-After", "20"), replyAgent))
		var l debugLog
		c := f.inside(t, func(cfg *client.Config) { cfg.Logger = &l })
		start := time.Now()
		first := make(chan error)
		go func() { _, err := c.Agent(t.Context(), "a1"); first <- err }()
		time.Sleep(time.Second)
		if _, err := c.Agent(t.Context(), "a2"); err != nil || time.Since(start) < 20*time.Second {
			t.Errorf("another request went %s after a refusal for 20s, %v", time.Since(start), err)
		}
		if err := <-first; err != nil || len(f.requests()) != 3 {
			t.Errorf("the refused one = %v after %d requests in all, want 3", err, len(f.requests()))
		}
		if !strings.Contains(strings.Join(l.lines, "\n"), "requests wait for their turn") {
			t.Errorf("the log does not tell that requests wait: %q", l.lines)
		}
	})
}
