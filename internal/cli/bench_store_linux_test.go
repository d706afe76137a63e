package cli_test

import (
	"fmt"
	"math/rand/v2" //nolint:depguard // which agent is read is no secret
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// BenchmarkServe_store measures a server over a store with 100,000 agents,
// beside one over a store with 1,000, in turns: what they remember, and what
// the same requests cost. AGENTCREDS_TEST_BENCH_STORE sets another number.
func BenchmarkServe_store(b *testing.B) {
	many := 100_000
	if n, err := strconv.Atoi(os.Getenv("AGENTCREDS_TEST_BENCH_STORE")); err == nil {
		many = n
	}
	const few = 1000
	ours, yard := newCrowd(b, many), newCrowd(b, few)
	rows := ours.rows(b)
	for i, r := range yard.rows(b) {
		rows[i].yardstick = r.ours
	}
	for b.Loop() {
		for range benchRounds {
			for _, r := range rows {
				r.yard = append(r.yard, r.yardstick.load(b, r.clients))
				r.mine = append(r.mine, r.ours.load(b, r.clients))
			}
		}
	}
	var text strings.Builder
	cpu := func(s sample) float64 { return s.cpu.Seconds() * 1e6 }
	for _, r := range rows {
		fmt.Fprintf(&text, "%-9s %7.0f µs %7.0f µs %6.2f\n", r.name, middle(r.mine, cpu), middle(r.yard, cpu), r.ratio(cpu))
		r.name = "store-" + r.name
		r.report(b, "CPU", "µs", cpu)
	}
	now, then := ours.rss(b), yard.rss(b)
	b.Logf("with %d agents beside %d; CPU of the server for a request, medians of %d rounds\n%s%-9s %6.1f MiB %6.1f MiB %6.2f",
		many, few, len(rows[0].mine), text.String(), "memory", now, then, now/then)
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	b.ReportMetric(now, "store-memory-ours-MiB")
	b.ReportMetric(then, "store-memory-yard-MiB")
	b.ReportMetric(now/then, "store-memory-ratio")
}

// BenchmarkServe_reopen measures how long a server with 10,000 agents takes from
// its start until it listens, after a kill -9.
func BenchmarkServe_reopen(b *testing.B) {
	c := newCrowd(b, 10_000)
	var took []time.Duration
	for b.Loop() {
		for range 21 {
			c.kill()
			began := time.Now()
			c.serving = serve(b, "--database", c.database)
			took = append(took, time.Since(began))
		}
	}
	b.ReportMetric(float64(median(took).Microseconds())/1000, "ms/start")
}

// crowd is a server over a store with so many agents.
type crowd struct {
	*house
	ids []string
}

// newCrowd fills the store without the server, and then starts it anew, so that
// it remembers nothing of that.
func newCrowd(b *testing.B, agents int) *crowd {
	b.Helper()
	c := &crowd{newHouse(b), make([]string, agents)}
	c.kill()
	s, err := sqlite.Open(b.Context(), sqlite.Config{Path: c.database})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	rules, err := authority.New(authority.Config{Store: s})
	if err != nil {
		b.Fatal(err)
	}
	var done sync.WaitGroup
	const at = 64
	for first := range at {
		done.Go(func() {
			for n := first; n < agents && !b.Failed(); n += at {
				a, _, err := rules.CreateAgent(b.Context(), authority.Principal{Name: "bench", Scopes: []string{authority.AllScopes}}, authority.NewAgent{
					AgentChange: authority.AgentChange{
						DisplayName: new(fmt.Sprint("Agent ", n)), ExternalID: new(fmt.Sprint("team/agent-", n)), Owner: new("team@example.com"),
						Scopes: &[]string{"tickets:read", "tickets:reply"},
					},
				})
				if err != nil {
					b.Error(err)
					return
				}
				c.ids[n] = a.ID
			}
		})
	}
	done.Wait()
	c.serving = serve(b, "--database", c.database)
	c.client = c.signIn(b, c.manager)
	return c
}

// rows are what is asked of it.
func (c *crowd) rows(b *testing.B) []*row {
	b.Helper()
	header := c.managing(b)
	get := func(path func() string) target {
		return target{pid: c.cmd.Process.Pid, method: http.MethodGet, ask: func(int) (string, string, http.Header) {
			return c.url + path(), "", header
		}}
	}
	return []*row{
		{name: "token", clients: 16, ours: c.tokens(b, 16)},
		{name: "rotation", clients: 16, ours: c.rotations(b, 16)},
		{name: "read", clients: 16, ours: get(func() string { return "/scim2/Agents/" + c.ids[rand.N(len(c.ids))] })},
		{name: "page", clients: 4, ours: get(func() string {
			return fmt.Sprintf("/scim2/Agents?count=100&startIndex=%d", 1+rand.N(len(c.ids)-100))
		})},
		{name: "search", clients: 4, ours: get(func() string {
			return fmt.Sprintf("/scim2/Agents?filter=externalId+eq+%%22team/agent-%d%%22", rand.N(len(c.ids)))
		})},
	}
}

// rss is what the server has in memory, in MiB.
func (c *crowd) rss(b *testing.B) float64 {
	b.Helper()
	return float64(c.memory(b, "VmRSS")) / (1 << 20)
}
