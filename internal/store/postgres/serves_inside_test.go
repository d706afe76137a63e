//go:build unix

package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	osexec "os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// version is a program of the tests: the present one, the next, which adds, or the
// one after, which takes away.
type version Config

var (
	present = version{migrations: migrations, expanding: expanding}
	adding  = present.and("ALTER TABLE agents ADD COLUMN mood text NOT NULL DEFAULT 'calm'; CREATE INDEX agents_by_mood ON agents (mood)", true)
	taking  = adding.and("ALTER TABLE agents DROP COLUMN description", false)
)

func (v version) and(step string, expands bool) version {
	v.migrations = append(slices.Clone(v.migrations), step)
	v.expanding = maps.Clone(v.expanding)
	v.expanding[len(v.migrations)] = expands
	return v
}

// open opens the store as that version; server is what a server is called, "" for
// what is none.
func (v version) open(url, server string) (*Store, error) {
	cfg := Config(v)
	cfg.URL, cfg.Create, cfg.Creator, cfg.Replica, cfg.Server = url, true, "test", server != "", server
	return Open(context.Background(), cfg)
}

func (v version) must(t *testing.T, url, server string) *Store {
	t.Helper()
	s, err := v.open(url, server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// works reads and writes, all columns of an agent included.
func works(s *Store, id string) error {
	err := s.Update(context.Background(), func(tx store.Tx) ([]audit.Event, error) {
		return []audit.Event{{Action: audit.AgentCreate, AgentID: id}}, tx.AddAgent(store.Agent{ID: id, Description: "of " + id})
	})
	return errors.Join(err, s.View(context.Background(), func(r store.Reader) error {
		a, err := r.Agent(id)
		if err == nil && a.Description != "of "+id {
			err = fmt.Errorf("its description is %q", a.Description)
		}
		return err
	}))
}

// refused checks that a migration does not take place under servers, and who is
// told to be in the way.
func (v version) refused(t *testing.T, url string, names ...string) {
	t.Helper()
	s, err := v.open(url, "")
	if err == nil {
		_ = s.Close()
		t.Fatal("it was migrated")
	}
	if !errors.Is(err, store.ErrBusy) {
		t.Errorf("%v; want ErrBusy", err)
	}
	for _, says := range append(names, fmt.Sprintf("change it to format %d", len(v.migrations)), "stop what is older") {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want it to say %q", err, says)
		}
	}
	if n := strings.Count(err.Error(), "knows format"); n != len(names) {
		t.Errorf("%v; want %d servers", err, len(names))
	}
	if strings.Contains(err.Error(), pgtest.Password) {
		t.Errorf("the password is in %v", err)
	}
}

// A migration that only adds takes place under a server of the version before, which
// goes on working, beside the newer one, and can be started again; one that takes
// away waits until the last server is gone that does not know of it, and says which
// that is. A quarantine is kept.
func TestServes(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t).URL("")
	before := present.must(t, url, "serve 1")
	var done atomic.Bool
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := 0; !done.Load(); i++ {
				if err := works(before, fmt.Sprint("load-", n, "-", i)); err != nil {
					t.Errorf("the server of before: %v", err)
					return
				}
			}
		})
	}
	after := adding.must(t, url, "serve 2")
	for name, s := range map[string]*Store{"newer": after, "older": before, "an older command": present.must(t, url, "")} {
		if err := works(s, name); err != nil {
			t.Errorf("%s, after a migration that adds: %v", name, err)
		}
	}
	done.Store(true)
	wg.Wait()
	var mood string
	if err := after.pool.QueryRow(t.Context(), "SELECT mood FROM agents WHERE id = 'older'").Scan(&mood); err != nil || mood != "calm" {
		t.Errorf("an agent of the older server has the mood %q, %v", mood, err)
	}

	// A quarantine leaves the format as it is: the older one still may.
	for _, closed := range []bool{true, false} {
		if err := before.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			return []audit.Event{{Action: audit.StoreQuarantine}}, tx.SetQuarantined(closed)
		}); err != nil {
			t.Fatal(err)
		}
	}
	again := present.must(t, url, "serve 1")

	first := fmt.Sprintf("agentcreds serve 1 (process %d on ", os.Getpid())
	second := fmt.Sprintf("agentcreds serve 2 (process %d on ", os.Getpid())
	taking.refused(t, url, first, first, second)
	for _, s := range []*Store{before, again} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	taking.refused(t, url, second)
	if err := works(after, "still"); err != nil {
		t.Error(err)
	}
	if err := after.Close(); err != nil {
		t.Fatal(err)
	}
	taking.must(t, url, "serve 3")
	for _, older := range []version{present, adding} {
		if _, err := older.open(url, "serve 1"); !errors.Is(err, store.ErrForeign) || !strings.Contains(err.Error(), fmt.Sprintf("newer version (format %d, this program knows %d)", len(taking.migrations), len(older.migrations))) {
			t.Errorf("an older server, after a migration that takes away = %v", err)
		}
	}
}

// A server that was cut off is in nobody's way, and comes back to what has become of
// the store: it does nothing more.
func TestServes_cutOff(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t)
	line := database.Line(t)
	s := present.must(t, line.URL(""), "serve 1")
	other := present.must(t, line.URL("other"), "serve 1")
	line.Cut()
	taking.must(t, database.URL(""), "serve 3")
	line.Mend()
	if err := works(s, "late"); !errors.Is(err, store.ErrForeign) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("a server that was cut off while another migrated = %v", err)
	}
	// One whose store nobody has migrated takes its lease again.
	if err := works(other, "late"); err != nil {
		t.Fatal(err)
	}
	taking.refused(t, database.URL("other"), "agentcreds serve 1 (process ")
}

// Whatever comes first: a server that could open the store works until it closes it.
func TestServes_race(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t).URL("")
	present.must(t, url, "")
	var migrated atomic.Bool
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := range 200 {
				s, err := present.open(url, "serve 1")
				switch {
				case err == nil:
					err = errors.Join(works(s, fmt.Sprint(n, "-", i)), s.Close())
				case errors.Is(err, store.ErrForeign):
					return
				}
				if err != nil {
					t.Errorf("an older server: %v", err)
					return
				}
			}
			t.Error("it was not migrated")
		})
	}
	wg.Go(func() {
		for !migrated.Load() {
			s, err := taking.open(url, "serve 3")
			if err == nil {
				migrated.Store(true)
				err = s.Close()
			}
			if err != nil && !errors.Is(err, store.ErrBusy) {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	if _, err := present.open(url, ""); !errors.Is(err, store.ErrForeign) {
		t.Errorf("an older program = %v, want ErrForeign", err)
	}
}

// A server that had to wait for a migration, between its look at the format and its
// lease, is told of the new one when it opens, and not by its first request.
func TestServes_waited(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t).URL("")
	s := present.must(t, url, "")
	c, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	var free bool
	if _, err := c.Exec(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if err := c.QueryRow(t.Context(), tryOlder, lockName(defaultSchema), len(present.migrations)+1).Scan(&free); err != nil || !free {
		t.Fatal(free, err)
	}
	opened := make(chan error)
	go func() {
		late, err := present.open(url, "serve 1")
		if err == nil {
			_ = late.Close()
		}
		opened <- err
	}()
	for waits := 0; waits == 0; {
		if err := c.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'").Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Exec(t.Context(), putSetting, formatName, strconv.Itoa(len(present.migrations)+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; !errors.Is(err, store.ErrForeign) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("a server that waited for a migration = %v", err)
	}
}

// servesVariable tells a process of its own where the database is that it serves.
const servesVariable = "POSTGRES_TEST_SERVES"

// TestServes_process: a server in another process holds the lease as long as it
// lives, and not a moment longer than that, however it ends.
func TestServes_process(t *testing.T) {
	if url := os.Getenv(servesVariable); url != "" {
		s := present.must(t, url, "serve 1 with a name of its own")
		if err := works(s, fmt.Sprint("process-", os.Getpid())); err != nil {
			t.Fatal(err)
		}
		fmt.Println("serving")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	url := pgtest.Start(t).URL("")
	start := func() (*osexec.Cmd, io.Closer) {
		t.Helper()
		c := osexec.Command(os.Args[0], "-test.run=^TestServes_process$") //nolint:gosec // this program
		c.Env, c.Stderr = append(os.Environ(), servesVariable+"="+url), os.Stderr
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "serving\n" {
			t.Fatalf("the process says %q, %v", line, err)
		}
		return c, in
	}
	names := func(c *osexec.Cmd) string {
		return fmt.Sprintf("agentcreds serve 1 with a name of its own (process %d", c.Process.Pid)
	}
	killed, _ := start()
	stopped, in := start()
	adding.must(t, url, "")
	taking.refused(t, url, names(killed), names(stopped))
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	taking.refused(t, url, names(stopped))
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := stopped.Wait(); err != nil {
		t.Errorf("the server under the migration: %v", err)
	}
	taking.must(t, url, "serve 3")
}
