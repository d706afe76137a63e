package client_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// strict refuses what is more than 200 requests in any minute.
type strict struct {
	mu      sync.Mutex
	at      []time.Time
	refused int
}

func (s *strict) allow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if n := len(s.at); n >= 200 && now.Sub(s.at[n-200]) < time.Minute {
		s.refused++
		return false
	}
	s.at = append(s.at, now)
	return true
}

// TestBudgetOfTwoProcesses: a plan and the apply that follows it are processes
// of their own. Together they are refused nothing, and the apply takes at most
// 2 % longer than the limit makes it.
func TestBudgetOfTwoProcesses(t *testing.T) {
	for _, planned := range []int{1, 20, 120, 500} {
		synctest.Test(t, func(t *testing.T) {
			var s strict
			f := wso2(func(w http.ResponseWriter, r *http.Request) {
				if !s.allow() {
					status(429, "Retry-After", "1")(w, r)
					return
				}
				replyAgent(w, r)
			})
			send := func(n int) {
				c := f.inside(t) // a new process
				var next atomic.Int64
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() {
						for next.Add(1) <= int64(n) {
							if _, err := c.Agent(t.Context(), "a1"); err != nil {
								t.Error(err)
							}
						}
					})
				}
				wg.Wait()
			}
			send(planned)
			start := time.Now()
			const applied = 2000
			send(applied)
			if s.refused > 0 {
				t.Errorf("after %d requests of a plan %d were refused", planned, s.refused)
			}
			if took, floor := time.Since(start), applied*time.Minute/200; took > floor+floor/50 {
				t.Errorf("%d requests took %s, the limit makes it %s", applied, took, floor)
			}
		})
	}
}

// TestBudgetOfStalls: a server that stands still now and then gets at once what
// was sent to it meanwhile. It is never one request too many.
func TestBudgetOfStalls(t *testing.T) {
	for _, stall := range []time.Duration{time.Second, 5 * time.Second, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var s strict
			began := time.Now()
			f := wso2(func(w http.ResponseWriter, r *http.Request) {
				const every = 90 * time.Second // more than a minute runs between two
				if at := time.Since(began) % every; at < stall {
					time.Sleep(stall - at)
				}
				if !s.allow() {
					status(429, "Retry-After", "1")(w, r)
					return
				}
				replyAgent(w, r)
			})
			c := f.inside(t)
			var next atomic.Int64
			var wg sync.WaitGroup
			const sent = 2000
			for range 10 {
				wg.Go(func() {
					for next.Add(1) <= sent {
						if _, err := c.Agent(t.Context(), "a1"); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if s.refused > 0 || len(s.at) != sent {
				t.Errorf("with stalls of %s: %d refused, %d answered", stall, s.refused, len(s.at))
			}
			// What a pause of some seconds took is caught up on.
			if took, floor := time.Since(began), sent*time.Minute/200; stall <= 5*time.Second && took > floor+floor/50 {
				t.Errorf("with stalls of %s it took %s, the limit makes it %s", stall, took, floor)
			}
		})
	}
}

// TestTenThousandReads: agents are read by pages, and what a page showed is not
// asked for again.
func TestTenThousandReads(t *testing.T) {
	const n = 10_000
	f := wso2(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != api.PathAgents {
			reply(w, 200, agent(r.URL.Path[len(api.PathAgents)+1:]))
			return
		}
		first, _ := strconv.Atoi(r.FormValue("startIndex"))
		list := api.List[api.Agent]{Schemas: []string{api.SchemaList}, TotalResults: n, StartIndex: first}
		for i := first; i < first+100 && i <= n; i++ {
			list.Resources = append(list.Resources, agent(fmt.Sprint("a", i)))
		}
		reply(w, 200, list)
	})
	c := f.inside(t, func(cfg *client.Config) { cfg.RequestsPerMinute = -1 })
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for i := next.Add(1); i <= n; i = next.Add(1) {
				for range 2 { // the agent, and its secret
					if a, err := c.ReadAgent(t.Context(), fmt.Sprint("a", i)); err != nil || a.ID != fmt.Sprint("a", i) {
						t.Errorf("ReadAgent = %v, %v", a.ID, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if got := len(f.requests()) + f.configs(); got > 120-1 { // and a token
		t.Errorf("%d agents with their secrets took %d requests, want at most 119", n, got)
	}
}
