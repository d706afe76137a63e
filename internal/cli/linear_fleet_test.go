//go:build unix

package cli_test

import (
	"encoding/base64"
	"math/rand/v2" //nolint:depguard // what is drawn is which request comes next, and when a server dies
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// fleet is servers over one store. They are killed, stopped and paused while
// clients ask them.
type fleet struct {
	args      []string
	token     string // of the administrator
	inspector string // an Authorization header
	servers   []*serving
	urls      []atomic.Pointer[string] // nil: that server is down
	troubles  []trouble
}

// newFleet starts so many servers, with a token that is there before them: it
// works for as long as the test takes.
func newFleet(t *testing.T, servers int, database string, args ...string) *fleet {
	t.Helper()
	token := filepath.Join(t.TempDir(), "admin-token")
	f := &fleet{token: "agca_" + strings.Repeat("t", 43), servers: make([]*serving, servers), urls: make([]atomic.Pointer[string], servers), troubles: slices.Clone(troubles)}
	if err := os.WriteFile(token, []byte(f.token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.args = append([]string{"--database", database, "--admin-token-file", token, "--issuer", stormIssuer, "--max-secrets", "3"}, args...)
	for n := range f.servers {
		f.start(t, n)
	}
	c := makeClient(t, database, "gateway", "--scope-set", "introspect")
	f.inspector = "Basic " + base64.StdEncoding.EncodeToString([]byte(c.ID+":"+c.Secret))
	return f
}

func (f *fleet) start(t *testing.T, n int) {
	t.Helper()
	f.servers[n] = serve(t, f.args...)
	f.urls[n].Store(&f.servers[n].url)
}

// trouble is what happens to a server while it is asked.
type trouble struct {
	name string
	to   func(t *testing.T, f *fleet, n int, draw *rand.Rand)
}

var troubles = []trouble{
	{"killed", func(t *testing.T, f *fleet, n int, draw *rand.Rand) {
		f.urls[n].Store(nil)
		f.servers[n].kill()
		time.Sleep(between(draw, 20*time.Millisecond))
		f.start(t, n)
	}},
	{"paused", func(t *testing.T, f *fleet, n int, draw *rand.Rand) {
		// What it has begun it goes on with afterwards, as if nothing had been.
		_ = f.servers[n].cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(between(draw, 150*time.Millisecond))
		_ = f.servers[n].cmd.Process.Signal(syscall.SIGCONT)
	}},
	{"stopped", func(t *testing.T, f *fleet, n int, _ *rand.Rand) {
		f.urls[n].Store(nil)
		// A connection on which nothing was sent yet would keep it for 5 s.
		linearClient.CloseIdleConnections()
		if code := f.servers[n].stop(t); code != 0 {
			t.Errorf("it ended with %d\n%s", code, f.servers[n].text())
		}
		f.start(t, n)
	}},
}

// url is that of one of the servers, "" when it is down.
func (f *fleet) url(draw *rand.Rand) string {
	if at := f.urls[draw.IntN(len(f.urls))].Load(); at != nil {
		return *at
	}
	return ""
}
