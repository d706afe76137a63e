// Package sqlite keeps a store in one SQLite file that several goroutines,
// handles and processes may use at once. It knows SQL, files and locks; what
// an agent may do, and which secret is good, it does not know.
//
// Beside the file agents.db SQLite keeps agents.db-wal, the commits that are
// not in it yet, and agents.db-shm, an index that can be lost. The first two
// belong together: to copy one without the other is to lose commits.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Store is a store.Store over one SQLite file. Open makes it.
type Store struct {
	path     string      // as the caller wrote it, for messages
	file     string      // the same, absolute
	is       os.FileInfo // which file it was when it was opened
	id       string
	format   int // which it had then
	now      func() time.Time
	patience time.Duration

	db      *sql.DB
	leased  *os.File   // that a server holds; nil: it is none
	readers chan *conn // as many as there may be; nil is one that is not open yet
	writer  *conn      // only whoever leads touches it; nil is not open yet

	versions *versions // only whoever leads touches them
	places   places

	mu      sync.Mutex
	closed  bool
	broken  error   // why nothing is written any more; nil while it is
	leading bool    // somebody leads a group of updates, or was told to
	queue   []*call // those who wait for the next group, oldest first
	calls   sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

// ID returns the id that the store got when it was made.
func (s *Store) ID() string { return s.id }

// View calls fn with what is committed at this moment. It never waits for a
// writer. At most as many views run at once as there are processors, but four
// at least; further ones wait. So fn must not start another View.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()

	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	t := &tx{path: s.path, places: &s.places}
	defer func() {
		t.end()
		s.readers <- c.rest()
	}()
	var err error
	if c, err = s.snapshot(ctx, c); err != nil {
		return explain("read", s.path, err)
	}
	t.c = c
	return fn(t)
}

// snapshot begins a read transaction on c, or on a new connection when c is
// nil. SQLite takes its picture at the first read, not at BEGIN: that read is
// done here, so that the picture is the one of now.
func (s *Store) snapshot(ctx context.Context, c *conn) (*conn, error) {
	err := s.patiently(ctx, time.Now(), func() (err error) {
		if c == nil {
			if c, err = s.connect(reading); err != nil {
				return err
			}
		}
		if !c.begun {
			if err := c.begin("BEGIN"); err != nil {
				return err
			}
		}
		return s.check(c)
	})
	return c, err
}

// Update calls fn and commits what it wrote with the events it returned. It
// shares the commit with whoever else is waiting: see group. An fn that starts
// another Update on the same Store waits for itself for ever.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) ([]audit.Event, error)) error {
	return s.change(ctx, &call{fn: func(t *tx) ([]audit.Event, error) { return fn(t) }})
}

// change carries a call through.
func (s *Store) change(ctx context.Context, c *call) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()

	c.since, c.done = time.Now(), ctx.Done()
	if s.join(c) {
		return s.lead(ctx, c)
	}
	select {
	case <-c.leads:
		// Those who were answered a moment ago may have more to do, and whoever
		// gets into the queue before this group begins shares its commit.
		runtime.Gosched()
		return s.lead(ctx, c)
	case <-c.answered:
	case <-ctx.Done():
		if c.claimed.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-c.answered
	}
	return c.outcome()
}

// errReplaced says that commits would go where nobody finds them again.
var errReplaced = errors.New("another file was put in its place while it was open: start what uses it again")

// unmoved fails when the file is not the one that was opened.
func (s *Store) unmoved() error {
	is, err := os.Lstat(s.file)
	if err == nil && s.is != nil && !os.SameFile(is, s.is) {
		err = errReplaced
	}
	return err
}

// connect opens one more connection to the file that was opened.
func (s *Store) connect(setting string) (*conn, error) {
	if err := s.unmoved(); err != nil {
		return nil, err
	}
	return connect(s.db, setting)
}

// check is the first read of every transaction. It fails when the ground was
// taken from under our feet: a newer program has changed the format, or
// somebody the file.
func (s *Store) check(c *conn) error {
	format, err := c.format()
	switch {
	case err != nil:
		return err
	case format.N < s.format, !format.Usable(s.format):
		return format.Newer(s.format)
	}
	c.closed = format.Quarantined
	return s.unmoved()
}

// enter counts a call in, so that Close waits for it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("use the database %s: %w", s.path, os.ErrClosed)
	}
	s.calls.Add(1)
	return nil
}

// Close waits for the calls under way and lets go of the file. Calls that come
// later get os.ErrClosed; a second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.calls.Wait()
	for range cap(s.readers) {
		(<-s.readers).release()
	}
	s.writer.release()
	if s.leased != nil {
		_ = s.leased.Close() // the system has its lock back
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the database %s: %w", s.path, err)
	}
	return nil
}

// readers returns how many views may run at once.
func readers() int { return max(4, runtime.GOMAXPROCS(0)) }
