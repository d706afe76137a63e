package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// counted is how many requests are counted, beyond as many that warm up.
const counted = 320

// BenchmarkServe_instructions counts what a token costs a server beside the bare
// one, in instructions of the process itself, without the kernel: cachegrind, of
// valgrind, counts them. Unlike a time, the number is the same on a busy machine
// as on a quiet one, so that a hundredth more shows. It fails on no number.
func BenchmarkServe_instructions(b *testing.B) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		b.Skip("there is no valgrind to count with")
	}
	h := newHouse(b)
	token, assertion := h.tokens(b, 16), h.assertions(b, 16)
	h.kill() // all that was answered is in the database
	var bare *serving
	yardstick := target{ask: func(client int) (string, string, http.Header) {
		_, body, header := token.ask(client)
		return bare.url, body, header
	}}
	count := func(clients int, g target, into **serving, name string, args ...string) float64 {
		var all [2]float64
		for i := range all {
			args := args
			if name == "bare" {
				args = []string{filepath.Join(b.TempDir(), "bare.db")}
			}
			cmd := program(b, args...)
			link := filepath.Join(b.TempDir(), name) // by which the program knows what it is
			if err := os.Symlink(cmd.Path, link); err != nil {
				b.Fatal(err)
			}
			cmd.Env = append(cmd.Env, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")
			cmd.Path, cmd.Args = valgrind, append([]string{valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", link}, args...)
			s, err := start(cmd)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(s.kill)
			*into = s
			g.times(b, clients, counted*(i+1))
			all[i] = s.instructions(b)
		}
		return (all[1] - all[0]) / counted
	}
	for b.Loop() {
		for _, clients := range []int{1, 16} {
			for _, r := range []struct {
				name       string
				ours, yard target
			}{{"token", token, yardstick}, {"assertion", assertion, besideAssertions(assertion, yardstick)}} {
				ours := count(clients, r.ours, &h.serving, "agentcreds", "serve", "--listen", "127.0.0.1:0", "--database", h.database)
				yard := count(clients, r.yard, &bare, "bare")
				name := fmt.Sprintf("%s-%d-instructions", r.name, clients)
				b.ReportMetric(ours/1e3, name+"-ours-k")
				b.ReportMetric(yard/1e3, name+"-yard-k")
				b.ReportMetric(ours/yard, name+"-ratio")
			}
		}
	}
	b.ReportMetric(0, "ns/op")
}

// times asks that often in all.
func (g target) times(b *testing.B, clients, times int) {
	b.Helper()
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer web.CloseIdleConnections()
	var done sync.WaitGroup
	for client := range clients {
		done.Go(func() {
			for range times / clients {
				if _, err := g.once(b, web, client); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	if done.Wait(); b.Failed() {
		b.FailNow()
	}
}

var collected = regexp.MustCompile(`I\s+refs:\s+([0-9,]+)`)

// instructions ends a server under cachegrind and returns how many it was.
func (s *serving) instructions(b *testing.B) float64 {
	b.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	<-s.exited
	found := collected.FindStringSubmatch(s.text())
	if found == nil {
		b.Fatalf("cachegrind says nothing: %v\n%s", s.err, s.text())
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(found[1], ",", ""), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
