package cli_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// mostGrowth is by how much a server may grow under what anybody can send (S6).
// What argon2id works in comes on top where it is asked to: one at work, whose
// number is bounded, and one that the garbage collector has not taken back yet.
const (
	mostGrowth = 64 << 20
	slowDigest = 19 << 20
)

// memory reads VmRSS or VmHWM, the most that there was, of the server, in bytes.
func (s *serving) memory(t testing.TB, which string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(which + `:\s*(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no %s in\n%s", which, status)
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// crowdSize is ten thousand, or as many connections as this process may have.
func crowdSize(t testing.TB) int {
	t.Helper()
	if testing.Short() {
		return 2000
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(min(10_000, limit.Cur-500))
}

// flood opens so many connections from an address of their own, and sends on
// each what say gives. They stay open until the test ends.
func flood(t testing.TB, s *serving, from string, size int, say func(n int) string) {
	t.Helper()
	var next atomic.Int64
	var done sync.WaitGroup
	for range 64 {
		done.Go(func() {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 20 * time.Second}
			for n := next.Add(1); n <= int64(size); n = next.Add(1) {
				conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
				if err != nil {
					t.Errorf("connection %d: %v", n, err)
					return
				}
				t.Cleanup(func() { _ = conn.Close() })
				_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
				_, _ = io.WriteString(conn, say(int(n))) // it may be cut off at once
			}
		})
	}
	done.Wait()
}

const tokenHead = "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"

// tokenRequest asks for a token in the name of somebody.
func tokenRequest(id, secret string) string {
	body := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}.Encode()
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", tokenHead, len(body), body)
}

// TestCrowd: whatever ten thousand connections say, or do not say, the server
// grows by a bounded amount, and whoever comes from elsewhere is served all the
// time, on a new connection and on the one that it has.
func TestCrowd(t *testing.T) {
	slow := map[string]bool{"wrong secrets of people": true}
	for name, say := range map[string]func(n int) string{
		"nothing": func(int) string { return "" },
		"headers without an end": func(n int) string {
			return fmt.Sprintf("GET /healthz HTTP/1.1\r\nHost: x\r\nX-%d: %s", n, strings.Repeat("x", 30<<10))
		},
		"bodies without an end": func(int) string {
			return tokenHead + "Content-Length: 60000\r\n\r\ngrant_type=" + strings.Repeat("x", 59_000)
		},
		"drop by drop": func(n int) string {
			return []string{"", "GET / HTTP/1.1\r\nX: ", tokenHead + "Transfer-Encoding: chunked\r\n\r\n5\r\ngrant\r\n"}[n%3]
		},
		"something, and stays": func(int) string { return "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" },
		"much, and does not read": func(int) string {
			return strings.Repeat("GET /oauth2/jwks HTTP/1.1\r\nHost: x\r\n\r\n", 50)
		},
		"wrong secrets": func(n int) string {
			return tokenRequest(fmt.Sprintf("00000000-0000-4000-8000-%012d", n), ourShape())
		},
		// Each costs 19 MiB and 20 ms of a processor, so most are given up.
		"wrong secrets of people": func(n int) string {
			return tokenRequest(fmt.Sprintf("00000000-0000-4000-8000-%012d", n), "Wrong-Horse-7-Battery")
		},
	} {
		t.Run(name, func(t *testing.T) {
			database := filepath.Join(t.TempDir(), "agents.db")
			s := serve(t, "--database", database)
			g := newGuest(t, s, s.client(t, database))
			g.visit(t)
			before := s.memory(t, "VmRSS")
			over := make(chan struct{})
			var done sync.WaitGroup
			done.Go(func() {
				for more := true; more; {
					g.visit(t)
					select {
					case <-over:
						more = false
					default:
					}
				}
			})
			size := crowdSize(t)
			flood(t, s, "127.0.0.2", size, say)
			close(over)
			done.Wait()
			g.visit(t)
			grown := s.memory(t, "VmHWM") - before
			t.Logf("%d connections: the server had %d KiB and has grown by %d KiB; the guest came %d times", size, before>>10, grown>>10, g.visits)
			most := mostGrowth
			if slow[name] {
				most += 2 * slowDigest
			}
			if grown > most {
				t.Errorf("the server has grown by %d MiB", grown>>20)
			}
			if n := g.opened.Load(); n != 1 {
				t.Errorf("the guest had to connect %d times for what it keeps", n)
			}
		})
	}
}

// TestFewFiles: a server that may open few files takes as few connections.
func TestFewFiles(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	direct := program(t, "serve", "--listen", "127.0.0.1:0", "--database", database)
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("it needs bash to give a process its name")
	}
	args := append([]string{"-c", `ulimit -n 160; exec -a agentcreds "$0" "$@"`, direct.Path}, direct.Args[1:]...)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), bash, args...)
	cmd.Env = direct.Env
	s, err := start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	g := newGuest(t, s, s.client(t, database))
	flood(t, s, "127.0.0.2", 400, func(int) string { return "" })
	for range 5 {
		g.visit(t)
	}
	if text := s.text(); !strings.Contains(text, `"connections":60`) || strings.Contains(text, "too many open files") {
		t.Errorf("the log says\n%s", text)
	}
}

// guest is a client of good will: an agent with a secret of ours and another
// that people chose, and a connection that it keeps.
type guest struct {
	s      *serving
	kept   *http.Client
	opened atomic.Int64 // connections to keep
	body   string
	visits int
}

func newGuest(t testing.TB, s *serving, admin *client.Client) *guest {
	t.Helper()
	a, err := admin.CreateAgent(t.Context(), newAgent("guest"))
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{s: s, body: url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ID}, "client_secret": {a.Password.Reveal()}}.Encode()}
	g.kept = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		g.opened.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}}
	return g
}

// visit gets a token on a new connection, and on the one that is kept.
func (g *guest) visit(t *testing.T) {
	t.Helper()
	g.visits++
	for name, c := range map[string]*http.Client{"new": asker, "kept": g.kept} {
		if err := g.ask(t.Context(), c); err != nil {
			t.Errorf("visit %d on a %s connection: %v", g.visits, name, err)
		}
	}
}

func (g *guest) ask(ctx context.Context, c *http.Client) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.s.url+"/oauth2/token", strings.NewReader(g.body))
	if err != nil {
		return err
	}
	r.GetBody = nil // it is not sent again in silence
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := c.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s", answer.StatusCode, text)
	}
	return err
}
