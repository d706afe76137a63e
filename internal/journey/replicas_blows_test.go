//go:build unix

package journey_test

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// blows is what happens to servers, to their lines and to their database, while
// agents come, log in, rotate and are revoked. Each waits for what it is for.
func (c *cluster) blows() []func(n int) {
	all := []func(int){
		c.kill,
		func(int) { c.db.Kill(); c.db.Launch(c.t) },
		func(n int) { c.off(n, c.lines[n%3].Cut); c.lines[n%3].Mend() },
		func(int) { c.db.Stop(); time.Sleep(500 * time.Millisecond); c.db.Launch(c.t) },
		func(n int) { c.off(n, c.lines[n%3].Stall); c.lines[n%3].Mend() },
	}
	if !c.db.Small() {
		return all
	}
	return append(all, func(n int) {
		c.db.Fill(c.t)
		c.until("a full disk is told of", func() bool {
			status, _ := c.pick(n).call(http.MethodPost, "/scim2/Agents", map[string]any{"schemas": []string{agentSchema}}, nil)
			return status >= 500
		})
		c.db.Free(c.t)
	})
}

// off takes the database from one server: it lets nobody in, and says why, while
// the others go on.
func (c *cluster) off(n int, blow func()) {
	var born struct{ ID, Password string }
	c.until("an agent is made", func() bool {
		_, err := c.pick(n).call(http.MethodPost, "/scim2/Agents", map[string]any{"schemas": []string{agentSchema}}, &born)
		return err == nil
	})
	blow()
	if got := c.pick(n).tokenStatus(born.ID, born.Password); got != http.StatusServiceUnavailable {
		c.t.Errorf("a token of a server without its database: %d", got)
	}
	for other := n + 1; other < n+3; other++ {
		c.until("the others go on", func() bool { return c.pick(other).tokenStatus(born.ID, born.Password) == http.StatusOK })
	}
	if status, _ := c.pick(n).call(http.MethodGet, "/readyz", nil, nil); status != http.StatusServiceUnavailable {
		c.t.Errorf("readyz of a server without its database: %d", status)
	}
}

// until waits for what must come.
func (c *cluster) until(what string, is func() bool) {
	c.t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("it does not come that %s", what)
		}
	}
}

// blowCount is how many there are by default: each once.
func blowCount(t *testing.T, kinds int) int {
	text := os.Getenv("AGENTCREDS_TEST_BLOWS")
	if text == "" {
		return kinds
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Servers die, or lose their database; it is killed, it ends and comes back, and
// its disk is full: all under load. What was answered is there, what was revoked
// stays revoked, everywhere, and the audit of all is whole.
func TestReplicas(t *testing.T) {
	c := newCluster(t)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		all  []*lived
		next atomic.Int64
		stop = make(chan struct{})
	)
	for range 6 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if l := c.one(int(next.Add(1))); l != nil {
					mu.Lock()
					all = append(all, l)
					mu.Unlock()
				}
			}
		})
	}
	t.Cleanup(wg.Wait)
	end := sync.OnceFunc(func() { close(stop) })
	t.Cleanup(end)
	revoked := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, l := range all {
			if l.revoked {
				n++
			}
		}
		return n
	}
	// Each blow falls once all three servers have worked since the one before.
	worked := func() {
		before := revoked()
		c.until("the servers work again", func() bool { return revoked() >= before+10 })
	}
	blows := c.blows()
	for n := range blowCount(t, len(blows)) {
		worked()
		blows[n%len(blows)](n/len(blows) + n) // the next time it is another server
	}
	worked()
	end()
	wg.Wait()

	there := map[string]bool{}
	for _, a := range c.pick(0).agents() {
		there[a.ID] = true
	}
	for i, l := range all {
		if !there[l.id] {
			t.Errorf("agent %s was answered, and is lost", l.id)
		}
		if l.revoked {
			c.refuses(l, "in the end")
		} else if got := c.pick(i).tokenStatus(l.id, l.born); got != http.StatusOK && got != http.StatusUnauthorized { // its revocation was perhaps not answered
			t.Errorf("agent %s: %d", l.id, got)
		}
		if l.rotated != "" {
			if got := c.pick(i).tokenStatus(l.id, l.rotated); got != http.StatusOK {
				t.Errorf("the secret that agent %s got by rotation: %d", l.id, got)
			}
		}
	}
	t.Logf("%d agents, %d revocations\n%s", len(all), revoked(), c.verify())
	for n := range c.replicas {
		c.pick(n).stop()
		if strings.Contains(c.pick(n).p.stderr.String(), pgtest.Password) {
			t.Error("the password of the database is in the log")
		}
	}
}
