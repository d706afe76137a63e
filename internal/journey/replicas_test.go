//go:build unix

package journey_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// cluster is three servers over one PostgreSQL. Each is replaced by another one
// that is started later.
type cluster struct {
	t    *testing.T
	db   *pgtest.Server
	args []string
	file string // of the admin token

	mu       sync.Mutex
	replicas []*server
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, db: pgtest.Start(t), file: filepath.Join(t.TempDir(), "admin.token")}
	seal := filepath.Join(t.TempDir(), "seal.key")
	for name, text := range map[string]string{c.file: "agca_" + strings.Repeat("t", 43), seal: strings.Repeat("k", 42) + "8"} {
		if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Behind one name: what one has signed, all take.
	c.args = []string{"--database", c.db.URL(""), "--seal-key", "file:" + seal, "--issuer", "http://127.0.0.1:9"}
	for range 3 {
		c.replicas = append(c.replicas, serveWith(t, c.file, c.args...))
	}
	return c
}

// pick is one of the servers.
func (c *cluster) pick(n int) *server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.replicas[n%len(c.replicas)]
}

// kill ends a server with -9 and starts another one.
func (c *cluster) kill(n int) {
	c.pick(n).p.signal(syscall.SIGKILL)
	<-c.pick(n).p.ended
	s := serveWith(c.t, c.file, c.args...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replicas[n] = s
}

// tokenStatus is the status of a request for a token; 0 when there is no answer.
func (s *server) tokenStatus(id, secret string) int {
	form := url.Values{"grant_type": {"client_credentials"}}
	req, err := http.NewRequest(http.MethodPost, s.url+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Error(err)
		return 0
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, secret)
	resp, err := caller.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// lived is an agent whose creation was answered, and its secret.
type lived struct {
	id, secret string
	revoked    bool // which was answered
}

// one agent is born at one server, logs in at the next, and loses its secret at the
// third. From that answer on no server takes it.
func (c *cluster) one(n int) *lived {
	var born struct{ ID, Password string }
	if _, err := c.pick(n).call(http.MethodPost, "/scim2/Agents", map[string]any{
		"schemas": []string{agentSchema}, "externalId": fmt.Sprint("bot-", n), agentSchema: map[string]any{"DisplayName": fmt.Sprint("bot ", n)},
	}, &born); err != nil {
		return nil
	}
	l := &lived{id: born.ID, secret: born.Password}
	if got := c.pick(n+1).tokenStatus(l.id, l.secret); got != http.StatusOK && got != 0 && got < 500 {
		c.t.Errorf("a new secret is not taken by another server: %d", got)
	}
	var list struct{ List []secretInfo }
	if _, err := c.pick(n+2).call(http.MethodGet, secretsPath(l.id), nil, &list); err != nil || len(list.List) != 1 {
		return l
	}
	if _, err := c.pick(n+2).call(http.MethodDelete, secretsPath(l.id)+"/"+list.List[0].SecretID, nil, nil); err != nil {
		return l
	}
	l.revoked = true
	c.refuses(l, "at once")
	return l
}

// refuses checks that no server takes what was revoked.
func (c *cluster) refuses(l *lived, when string) {
	for n := range 3 {
		if got := c.pick(n).tokenStatus(l.id, l.secret); got/100 == 2 {
			c.t.Errorf("%s: a revoked secret of agent %s is taken by server %d", when, l.id, n)
		}
	}
}

// Servers die, the database is killed and comes back, all under load: what was
// answered is there, what was revoked stays revoked, everywhere, and the audit of
// all is whole.
func TestReplicas(t *testing.T) {
	c := newCluster(t)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		all   []*lived
		next  atomic.Int64
		stop  = make(chan struct{})
		still = func(d time.Duration) { time.Sleep(d) }
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
	answered := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(all)
	}
	// Each blow falls once there was work since the one before.
	for _, blow := range []func(){
		func() { c.kill(0) },
		func() { c.db.Kill(); c.db.Launch(t) },
		func() { c.kill(1) },
		func() { c.db.Stop(); still(500 * time.Millisecond); c.db.Launch(t) },
		func() {},
	} {
		for before, end := answered(), time.Now().Add(60*time.Second); answered() < before+20; still(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the servers do not come back: %d agents were made", answered())
			}
		}
		blow()
	}
	close(stop)
	wg.Wait()

	there := map[string]bool{}
	for _, a := range c.pick(0).agents() {
		there[a.ID] = true
	}
	revoked := 0
	for i, l := range all {
		if !there[l.id] {
			t.Errorf("agent %s was answered, and is lost", l.id)
		}
		if l.revoked {
			revoked++
			c.refuses(l, "in the end")
		} else if got := c.pick(i).tokenStatus(l.id, l.secret); got != http.StatusOK && got != http.StatusUnauthorized { // its revocation was perhaps not answered
			t.Errorf("agent %s: %d", l.id, got)
		}
	}
	if revoked < 50 {
		t.Errorf("%d secrets were revoked: too few to say anything", revoked)
	}
	cmd := exec.Command(tools(t).provider, "audit", "verify", "--database", c.db.URL("")) //nolint:gosec // the program that was just built
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), " chains are as they were written") {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
	t.Logf("%d agents, %d revocations\n%s", len(all), revoked, out)
	for n := range 3 {
		c.pick(n).stop()
		if strings.Contains(c.pick(n).p.stderr.String(), pgtest.Password) {
			t.Error("the password of the database is in the log")
		}
	}
}
