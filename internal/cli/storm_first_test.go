package cli_test

import (
	"fmt"
	"math/rand/v2" //nolint:depguard // the moment of a kill is no secret
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// births are the calls by which a server makes what is not there yet: its
// database, its admin token, its keys. The most that it makes of each.
var births = []struct {
	calls string
	most  int
}{{"openat", 40}, {"pwrite64", 60}, {"fsync,fdatasync", 8}, {"write", 4}, {"ftruncate,unlinkat", 3}, {"linkat,renameat", 3}}

// TestKillFirst kills a server that starts for the first time at one of the calls
// by which it makes its files, each time in another folder: the next start has a
// database, a token and keys that work. There are twelve tries, or where AGENTCREDS_TEST_KILLS asks for many, all.
func TestKillFirst(t *testing.T) {
	seed := seed(t)
	draw := rand.New(rand.NewPCG(seed, 0))
	type try struct {
		calls string
		n     int
	}
	var all []try
	for _, b := range births {
		for n := range b.most {
			all = append(all, try{b.calls, 1 + n})
		}
	}
	if kills(t) <= 200 {
		draw.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:12]
	}
	struck := 0
	for _, at := range all {
		t.Run(fmt.Sprintf("%s %d", at.calls, at.n), func(t *testing.T) {
			database := filepath.Join(t.TempDir(), "agents.db")
			cmd := mortal(t, program(t, "serve", "--listen", "127.0.0.1:0", "--database", database), at.calls, at.n)
			if cmd == nil {
				t.Skip("it needs strace to kill at a call of the system")
			}
			if born(t, cmd, database) {
				struck++
			}
			s := serve(t, "--database", database)
			if err := first(t, s, database, "after"); err != nil {
				t.Errorf("the next start: %v\n%s", err, s.text())
			}
		})
	}
	t.Logf("%d of %d died of it", struck, len(all))
}

// born starts a server for the first time, has it make a token for the first
// time, and reports whether it died meanwhile.
func born(t *testing.T, cmd *exec.Cmd, database string) bool {
	t.Helper()
	s, err := start(cmd)
	if err != nil {
		return true
	}
	defer s.kill()
	if _, err := os.Stat(database + ".admin-token"); err != nil {
		t.Errorf("it listens, and there is no token: %v", err)
		return false
	}
	_ = first(t, s, database, "before") // wherever it dies
	select {
	case <-s.exited:
		return true
	case <-time.After(20 * time.Millisecond):
		return false
	}
}

// first makes an agent, which gets a token: so the first signing key is there, and
// the key that seals it.
func first(t *testing.T, s *serving, database, name string) error {
	t.Helper()
	a, err := s.client(t, database).CreateAgent(t.Context(), newAgent(name))
	if err != nil {
		return err
	}
	_, err = (&house{serving: s}).token(t, a.ID, a.Password)
	return err
}
