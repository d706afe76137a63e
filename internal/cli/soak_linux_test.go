package cli_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

const (
	soakClients = 8
	soakAgents  = 6                // of each client, two with each kind of credential
	soakFull    = 3 * time.Second  // how long all that is possible is asked for
	soakGrowth  = 1 << 20          // in ten minutes
	soakSays    = 10 * time.Minute // a shorter soak says nothing about growth
)

// soakFor is how long the server is used: AGENTCREDS_TEST_SOAK, or 15 s.
func soakFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("AGENTCREDS_TEST_SOAK")
	if text == "" {
		if testing.Short() {
			return 5 * time.Second
		}
		return 15 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		t.Fatalf("AGENTCREDS_TEST_SOAK=%s is no time, as 30m", text)
	}
	return d
}

// TestSoak uses a server at half of what it can do, in every way that it has: it
// keeps no file, no connection and no goroutine that it had not before, and where
// the soak is long enough to tell, it does not grow (R14).
func TestSoak(t *testing.T) {
	duration := soakFor(t)
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, append(stormServer(database), "--audit-log", filepath.Join(t.TempDir(), "audit.ndjson"), "--audit-retention", "1h")...)
	inspector := makeClient(t, database, "gateway", "--scope-set", "introspect")
	u := &use{serving: s, weather: &weather{
		admin:     readFile(t, database+".admin-token"),
		inspector: "Basic " + base64.StdEncoding.EncodeToString([]byte(inspector.ID+":"+inspector.Secret)),
	}}
	u.weather.url.Store(&s.url)
	residents := make([][]*lived, soakClients)
	for n := range residents {
		for i := range soakAgents {
			residents[n] = append(residents[n], u.resident(t, ways[i%len(ways)]))
		}
	}
	if t.Failed() {
		return
	}
	u.populate(t, min(3000, int(10*duration.Seconds())))
	full := u.use(t, residents, soakFull, 0)
	before := u.settled(t, nil)
	began := time.Now()
	var seen []reading
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		pause := time.NewTicker(max(duration/200, 250*time.Millisecond))
		defer pause.Stop()
		for {
			select {
			case <-over:
				return
			case <-pause.C:
				r := u.read(t)
				r.at = time.Since(began)
				seen = append(seen, r)
			}
		}
	})
	half := u.use(t, residents, duration, full/2)
	close(over)
	watching.Wait()
	after := u.settled(t, &before)
	t.Logf("%v at %.0f turns in a second, of %.0f; before %v, after %v", duration, half, full, before, after)
	if after.goroutines > before.goroutines || after.files > before.files {
		t.Errorf("at rest before it has %v, after it %v", before, after)
	}
	growth(t, seen, duration)
}

// use is a server and who uses it.
type use struct {
	*serving
	*weather
	nth    atomic.Int64
	agents int // which do nothing
}

// populate makes agents that do nothing. What a store keeps in memory is bounded,
// and a store that has more is needed to see that.
func (u *use) populate(t *testing.T, agents int) {
	var done sync.WaitGroup
	for range soakClients {
		done.Go(func() {
			for range agents / soakClients {
				if u.send(t, "POST", "/scim2/Agents", `{}`, nil) != http.StatusCreated {
					t.Error("an agent is not made")
				}
			}
		})
	}
	done.Wait()
	u.agents = agents
}

// resident is a new agent with one live credential.
func (u *use) resident(t *testing.T, by way) *lived {
	var made struct{ ID, Password string }
	if u.send(t, "POST", "/scim2/Agents", `{"`+api.SchemaCredentials+`":{"secret":"none"}}`, &made); made.ID == "" {
		t.Error("there is no agent")
		return nil
	}
	live := u.make(t, by, made.ID)
	if live == nil {
		t.Errorf("there is none of the %s", by.path)
	}
	return live
}

// use lets each client turn to one agent after the other until the time is over,
// so often in a second, or as often as possible, and returns how often that was.
func (u *use) use(t *testing.T, residents [][]*lived, duration time.Duration, rate float64) float64 {
	var turns atomic.Int64
	var done sync.WaitGroup
	began := time.Now()
	for _, mine := range residents {
		done.Go(func() {
			for n := 0; time.Since(began) < duration && !t.Failed(); n++ {
				if rate > 0 {
					due := time.Duration(float64(n) * soakClients / rate * float64(time.Second))
					time.Sleep(min(due, duration) - time.Since(began))
				}
				u.turn(t, &mine[n%len(mine)])
				turns.Add(1)
			}
		})
	}
	done.Wait()
	return float64(turns.Load()) / time.Since(began).Seconds()
}

// turn is what becomes of an agent in an hour: it logs in, and its token is looked
// at; now and then its credential is rotated, and the old one and its token end.
func (u *use) turn(t *testing.T, at **lived) {
	live := *at
	token, status := u.login(t, live)
	if active, _ := u.active(t, token); status != http.StatusOK || !active {
		t.Errorf("a live one of the %s gets %d, and a token that is active: %v", live.way.path, status, active)
	}
	all := "/api/server/v1/agents/" + live.agent + "/" + live.way.path
	switch n := u.nth.Add(1); {
	case n%4 == 0:
		next := u.make(t, live.way, live.agent)
		if next == nil || u.send(t, "DELETE", all+"/"+live.id, "", nil) != http.StatusNoContent {
			t.Errorf("one of the %s is not rotated", live.way.path)
			return
		}
		live.token, live.revoked = token, true
		u.dead(t, live)
		*at = next
	case n%4 == 1:
		u.send(t, "GET", all, "", nil)
	case n%4 == 2:
		u.send(t, "GET", fmt.Sprintf("/scim2/Agents?count=50&startIndex=%d", 1+int(n*131)%(u.agents+1)), "", nil)
	case n%40 == 3:
		var made struct{ ID string }
		u.send(t, "POST", "/scim2/Agents", `{}`, &made)
		u.send(t, "DELETE", "/scim2/Agents/"+made.ID, "", nil)
	}
}

// reading is what a server has.
type reading struct {
	at                time.Duration
	files, goroutines int
	resident, anon    int // bytes: of all, and without files
	heap, runtime     int // bytes of the anon: of Go's heap in use, and of all that Go has
	released          int // bytes that Go has given back
}

func (r reading) String() string {
	return fmt.Sprintf("%d files, %d goroutines, %.1f MiB resident, %.1f of them the program's own, %.1f of those Go's (heap in use %.1f)",
		r.files, r.goroutines, mib(r.resident), mib(r.anon), mib(r.runtime-r.released), mib(r.heap))
}

func mib(bytes int) float64 { return float64(bytes) / (1 << 20) }

func (u *use) read(t *testing.T) (r reading) {
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", u.cmd.Process.Pid))
	if err != nil {
		t.Error(err)
	}
	_, text, _, err := ask(t.Context(), http.MethodGet, u.serving.url+"/metrics", u.admin, "")
	if err != nil {
		t.Error(err)
	}
	r.files, r.resident, r.anon = len(files), u.memory(t, "VmRSS"), u.memory(t, "RssAnon")
	for name, into := range map[string]*int{
		"go_goroutines": &r.goroutines, "go_memstats_heap_inuse_bytes": &r.heap, "go_memstats_sys_bytes": &r.runtime, "go_memstats_heap_released_bytes": &r.released,
	} {
		found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
		if found == nil {
			t.Errorf("no %s in the metrics", name)
			continue
		}
		n, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			t.Error(err)
		}
		*into = int(n)
	}
	return r
}

// settled is what the server has when nobody uses it and all connections are
// closed. It waits for that: until nothing changes for a while, or there is no
// more than wanted.
func (u *use) settled(t *testing.T, wanted *reading) (r reading) {
	quiet := 0
	for end := time.Now().Add(10 * time.Second); quiet < 10 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		weatherClient.CloseIdleConnections()
		last := r
		if r = u.read(t); wanted != nil && r.files <= wanted.files && r.goroutines <= wanted.goroutines {
			break
		}
		if quiet++; wanted != nil || r.files != last.files || r.goroutines != last.goroutines {
			quiet = 0
		}
	}
	return r
}

// growth tells how what a server has has changed, by the lowest of each tenth of
// the time: what lies between them is garbage that is not collected yet. The
// first three tenths are left out.
func growth(t *testing.T, seen []reading, duration time.Duration) {
	t.Helper()
	if len(seen) < 20 {
		return
	}
	var text strings.Builder
	var at, size []float64
	for n := range 10 {
		tenth := seen[n*len(seen)/10 : (n+1)*len(seen)/10]
		low := slices.MinFunc(tenth, func(a, b reading) int { return a.resident - b.resident })
		fmt.Fprintf(&text, "\n%8s: %v", low.at.Round(time.Second), low)
		if n >= 3 {
			at, size = append(at, low.at.Minutes()/10), append(size, float64(low.resident))
		}
	}
	slope := slopeOf(at, size)
	t.Logf("it grows by %.2f MiB in ten minutes%s", slope/(1<<20), &text)
	if duration >= soakSays && slope >= soakGrowth {
		t.Errorf("it grows by %.2f MiB in ten minutes, and less than %.0f is possible", slope/(1<<20), mib(soakGrowth))
	}
	first, last := seen[3*len(seen)/10:6*len(seen)/10], seen[7*len(seen)/10:]
	files := func(a, b reading) int { return a.files - b.files }
	if before, after := slices.MaxFunc(first, files).files, slices.MaxFunc(last, files).files; duration >= soakSays && after > before+soakClients {
		t.Errorf("it had %d files open, and later %d", before, after)
	}
}

// slopeOf is that of the straight line that is nearest to points.
func slopeOf(x, y []float64) float64 {
	var mx, my, above, below float64
	for i := range x {
		mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(x))
	}
	for i := range x {
		above, below = above+(x[i]-mx)*(y[i]-my), below+(x[i]-mx)*(x[i]-mx)
	}
	return above / below
}
