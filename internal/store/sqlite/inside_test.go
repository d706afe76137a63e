package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// openWith opens a store with what only tests change.
func openWith(t *testing.T, path string, seams seams) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: path, Create: true, seams: seams})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "agents.db") }

var one = []audit.Event{{Actor: "test"}}

func nothing(store.Tx) ([]audit.Event, error) { return one, nil }

// agents returns how many agents there are, and how many entries.
func count(t *testing.T, s *Store) (agents, entries int) {
	t.Helper()
	if err := s.View(t.Context(), func(r store.Reader) error {
		page, err := r.Agents(store.Query{})
		list, err2 := r.Entries(0, 1<<30)
		agents, entries = page.Total, len(list)
		return errors.Join(err, err2)
	}); err != nil {
		t.Fatal(err)
	}
	return agents, entries
}

// within checks how long something took; the upper limit is for busy machines.
func within(t *testing.T, what string, began time.Time, least time.Duration) {
	t.Helper()
	if took := time.Since(began); took < least || took > least+5*time.Second {
		t.Errorf("%s took %v, want %v", what, took, least)
	}
}

func wantErr(t *testing.T, what string, err, target error, says ...string) {
	t.Helper()
	if err == nil || target != nil && !errors.Is(err, target) {
		t.Errorf("%s = %v, want %v", what, err, target)
		return
	}
	for _, say := range says {
		if !strings.Contains(err.Error(), say) {
			t.Errorf("%s = %v, want %q in it", what, err, say)
		}
	}
}

func TestPatience(t *testing.T) {
	if got := (Config{}).withDefaults().patience; got != 10*time.Second {
		t.Errorf("a call waits for %v, want 10s", got)
	}
	const patience = 200 * time.Millisecond
	path := newPath(t)
	holder, s := openWith(t, path, seams{}), openWith(t, path, seams{patience: patience})
	holds, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_ = holder.Update(context.Background(), func(store.Tx) ([]audit.Event, error) {
			close(holds)
			<-release
			return one, nil
		})
	})
	<-holds

	// All that come at once give up at once, not one after the other.
	began := time.Now()
	var waiting sync.WaitGroup
	for range 10 {
		waiting.Go(func() {
			wantErr(t, "Update", s.Update(t.Context(), nothing), store.ErrBusy, path, "try again")
		})
	}
	waiting.Wait()
	within(t, "to give up", began, patience)

	began = time.Now()
	if agents, _ := count(t, s); agents != 0 {
		t.Errorf("%d agents", agents)
	}
	openWith(t, path, seams{})
	within(t, "to read and to open", began, 0)
	close(release)
	if err := s.Update(t.Context(), nothing); err != nil {
		t.Errorf("Update when it is free = %v", err)
	}
}

// TestPatience_exclusive: another program can lock out readers, too.
func TestPatience_exclusive(t *testing.T) {
	const patience = 100 * time.Millisecond
	path := newPath(t)
	s := openWith(t, path, seams{patience: patience})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := open(path, "mode=rw")
	if err != nil {
		t.Fatal(err)
	}
	c, err := connect(db, "PRAGMA locking_mode = EXCLUSIVE")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.script("BEGIN EXCLUSIVE"), c.script("PRAGMA user_version")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = Open(t.Context(), Config{Path: path, seams: seams{patience: patience}})
	wantErr(t, "Open", err, store.ErrBusy, path)
	within(t, "to give up", began, patience)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began = time.Now()
	_, err = Open(ctx, Config{Path: path})
	wantErr(t, "Open", err, context.DeadlineExceeded)
	within(t, "to be ended", began, patience)

	c.release()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	openWith(t, path, seams{})
}

// TestReaders: views wait for each other when there are too many.
func TestReaders(t *testing.T) {
	s := openWith(t, newPath(t), seams{})
	reads, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for range readers() {
		wg.Go(func() {
			_ = s.View(t.Context(), func(store.Reader) error {
				reads <- struct{}{}
				<-release
				return nil
			})
		})
	}
	for range readers() {
		<-reads
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	wantErr(t, "View", s.View(ctx, func(store.Reader) error { return nil }), context.DeadlineExceeded)
	close(release)
	wg.Wait()
	count(t, s)
}

func TestRemote(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "missing", "agents.db")
	var asked string
	_, err := Open(t.Context(), Config{Path: path, Create: true, seams: seams{remote: func(dir string) (string, error) {
		asked = dir
		return "NFS", nil
	}}})
	wantErr(t, "Open", err, nil, path, "network file system (NFS)", "local disk")
	if asked != dir {
		t.Errorf("asked about %s, want the directory that is there, %s", asked, dir)
	}
	_, err = Open(t.Context(), Config{Path: path, Create: true, seams: seams{remote: func(string) (string, error) {
		return "", os.ErrInvalid
	}}})
	wantErr(t, "Open", err, os.ErrInvalid, path)
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("Open made %v", left)
	}
}

// TestCommit_fails: a commit that fails is an error for all who share it, and
// nothing of it remains.
func TestCommit_fails(t *testing.T) {
	s := openWith(t, newPath(t), seams{})
	inGroup(t, s, func(i int) error {
		err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			if err := tx.AddAgent(store.Agent{ID: string(rune('a' + i))}); err != nil {
				return nil, err
			}
			if i != 0 {
				return one, nil
			}
			// A secret of no agent, looked at by COMMIT only.
			_, e1 := s.writer.exec("PRAGMA defer_foreign_keys = ON")
			_, e2 := s.writer.exec("INSERT INTO secrets VALUES (999, 's', '', '', '', 0, 0, 0, 0, NULL, NULL, NULL)")
			return one, errors.Join(e1, e2)
		})
		if err == nil || !strings.Contains(err.Error(), s.path) {
			t.Errorf("Update %d = %v, want why the commit failed, and of which file", i, err)
		}
		return err
	})
	if agents, entries := count(t, s); agents != 0 || entries != 1 {
		t.Errorf("%d agents and %d entries, want 0 and 1", agents, entries)
	}
	if err := s.Update(t.Context(), nothing); err != nil {
		t.Errorf("the next Update = %v", err)
	}
}

// inGroup calls fn(0) alone, then fn(0) to fn(9) so that they share a commit.
func inGroup(t *testing.T, s *Store, fn func(i int) error) {
	t.Helper()
	_ = fn(0)
	holds, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) {
			close(holds)
			<-release
			return nil, errors.New("done waiting")
		})
	})
	<-holds
	for i := range 10 {
		wg.Go(func() { _ = fn(i) })
	}
	for queued := 0; queued < 10; {
		s.mu.Lock()
		queued = len(s.queue)
		s.mu.Unlock()
	}
	close(release)
	wg.Wait()
}

// TestFull_pages is a full database without a full disk: what does not fit is
// refused, and what shares the commit with it is not lost by halves. A function
// that takes no notice of the error is not committed either.
func TestFull_pages(t *testing.T) {
	s := openWith(t, newPath(t), seams{settings: "&_pragma=max_page_count(30)"})
	large := strings.Repeat("x", 200_000)
	done := make([]error, 10)
	inGroup(t, s, func(i int) error {
		done[i] = s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			a := store.Agent{ID: string(rune('a' + i))}
			if i%2 == 1 {
				return one, tx.AddAgent(a)
			}
			a.Description = large
			err := tx.AddAgent(a)
			wantErr(t, "AddAgent", err, store.ErrFull, s.path)
			wantErr(t, "AddAgent after it", tx.AddAgent(store.Agent{ID: "x" + a.ID}), store.ErrFull)
			if i%4 == 0 {
				err = nil // takes no notice
			}
			return one, err
		})
		return done[i]
	})
	var want int
	for i, err := range done {
		if err == nil {
			want++
		} else {
			wantErr(t, "Update", err, store.ErrFull, s.path)
		}
		if err == nil && i%2 == 0 {
			t.Errorf("Update %d of what does not fit works", i)
		}
	}
	if agents, entries := count(t, s); agents != want || entries != 1+want {
		t.Errorf("%d agents and %d entries, want %d and %d", agents, entries, want, 1+want)
	}
	if err := s.Update(t.Context(), nothing); err != nil {
		t.Errorf("the next Update = %v", err)
	}
}
