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
	"syscall"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// cluster is three servers over one PostgreSQL, each with a line of its own to it.
// A server is replaced by another one that is started later.
type cluster struct {
	t     *testing.T
	db    *pgtest.Server
	lines []*pgtest.Line
	args  []string
	file  string // of the admin token

	mu       sync.Mutex
	replicas []*server
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, db: pgtest.StartSmall(t, 256), file: filepath.Join(t.TempDir(), "admin.token"), replicas: make([]*server, 3)}
	seal := filepath.Join(t.TempDir(), "seal.key")
	for name, text := range map[string]string{c.file: "agca_" + strings.Repeat("t", 43), seal: strings.Repeat("k", 42) + "8"} {
		if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Behind one name: what one has signed, all take.
	c.args = []string{"--seal-key", "file:" + seal, "--issuer", "http://127.0.0.1:9"}
	for n := range c.replicas {
		c.lines = append(c.lines, c.db.Line(t))
		c.start(n)
	}
	return c
}

func (c *cluster) start(n int) {
	s := serveWith(c.t, c.file, append([]string{"--database", c.lines[n].URL("")}, c.args...)...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replicas[n] = s
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
	c.start(n % len(c.replicas))
}

// verify checks the audit of all, as an operator does.
func (c *cluster) verify() string {
	cmd := exec.Command(tools(c.t).provider, "audit", "verify", "--database", c.db.URL("")) //nolint:gosec // the program that was just built
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), " chains are as they were written") {
		c.t.Errorf("audit verify: %v\n%s", err, out)
	}
	return string(out)
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

// lived is an agent whose creation was answered, and what it was given.
type lived struct {
	id, born string
	revoked  bool   // the secret that it was born with, which was answered
	rotated  string // a second one, which was answered; "" for none
}

// one agent is born at one server, logs in at the next, gets another secret there,
// and loses the first at the third. From that answer on no server takes it. nil:
// not even its birth was answered.
func (c *cluster) one(n int) *lived {
	var born struct{ ID, Password string }
	if _, err := c.pick(n).call(http.MethodPost, "/scim2/Agents", map[string]any{
		"schemas": []string{agentSchema}, "externalId": fmt.Sprint("bot-", n), agentSchema: map[string]any{"DisplayName": fmt.Sprint("bot ", n)},
	}, &born); err != nil {
		return nil
	}
	l := &lived{id: born.ID, born: born.Password}
	c.logsIn(n+1, l.id, l.born)
	var list struct{ List []secretInfo }
	if _, err := c.pick(n+1).call(http.MethodGet, secretsPath(l.id), nil, &list); err != nil || len(list.List) != 1 {
		return l
	}
	var made struct{ SecretValue string }
	if _, err := c.pick(n+1).call(http.MethodPost, secretsPath(l.id), map[string]any{}, &made); err != nil {
		return l
	}
	l.rotated = made.SecretValue
	c.logsIn(n+2, l.id, l.rotated)
	if _, err := c.pick(n+2).call(http.MethodDelete, secretsPath(l.id)+"/"+list.List[0].SecretID, nil, nil); err != nil {
		return l
	}
	l.revoked = true
	c.refuses(l, "at once")
	return l
}

// logsIn checks that a server takes a secret which another one gave, unless it can
// take none now.
func (c *cluster) logsIn(n int, id, secret string) {
	if got := c.pick(n).tokenStatus(id, secret); got != http.StatusOK && got != 0 && got < 500 {
		c.t.Errorf("a secret of agent %s is not taken by another server: %d", id, got)
	}
}

// refuses checks that no server takes what was revoked.
func (c *cluster) refuses(l *lived, when string) {
	for n := range c.replicas {
		if got := c.pick(n).tokenStatus(l.id, l.born); got/100 == 2 {
			c.t.Errorf("%s: a revoked secret of agent %s is taken by server %d", when, l.id, n)
		}
	}
}
