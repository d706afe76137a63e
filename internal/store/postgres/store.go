// Package postgres keeps a store in a PostgreSQL database that any number of
// replicas may use at once. It knows SQL, transactions and connections; what an
// agent may do, and which secret is good, it does not know.
package postgres

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	// patience is how long a call waits for others, or for a database that does
	// not answer, before it is an error.
	patience = 10 * time.Second
	// helloLimit is how long the database may take to say anything: the first
	// words of a transaction wait for nobody.
	helloLimit = 5 * time.Second
	// comeback is how long updates wait for a database that was lost under them.
	comeback = 3 * time.Second
	// viewLimit is how long a View, or a group of Updates, may take in all.
	viewLimit = 60 * time.Second
)

// Store is a store.Store over one schema of a database. Open makes it.
type Store struct {
	place   place
	id      string
	format  int // the newest one that this program knows
	now     func() time.Time
	creator string
	serves  bool // it keeps others from a format that it cannot use

	pool   *pgxpool.Pool // for reading, and for what stands for itself
	writer *writer

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

// ID returns the id that the store got when it was made.
func (s *Store) ID() string { return s.id }

// View calls fn with what is committed at this moment. As many views run at once
// as the pool has connections; further ones wait. So fn must not start another.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()
	var answer error
	err := s.pooled(ctx, func(ctx context.Context, c *pgx.Conn) error {
		closed, err := s.snapshot(ctx, c)
		if err != nil {
			return err
		}
		t := s.transaction(ctx, c)
		t.closed = closed
		defer func() {
			t.end()
			if err := exec(ctx, c, helloLimit, "ROLLBACK"); err != nil {
				_ = c.Close(ctx)
			}
		}()
		answer = fn(t)
		return nil
	})
	if err != nil {
		return explain("read", s.place.name, err)
	}
	return answer
}

// transaction is what a function works on.
func (s *Store) transaction(ctx context.Context, c *pgx.Conn) *tx {
	return &tx{ctx: ctx, c: c, limit: s.place.answer, name: s.place.name, chain: s.writer.chainNow(), now: s.now}
}

// snapshot begins a transaction that reads, and takes its picture: PostgreSQL
// does so at the first statement, not at BEGIN.
func (s *Store) snapshot(ctx context.Context, c *pgx.Conn) (closed bool, err error) {
	var b pgx.Batch
	b.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	s.checkFormat(&b, &closed)
	err = send(ctx, c, &b, helloLimit)
	return closed, err
}

// checkFormat queues what fails when a newer program has changed the format, and
// tells whether the store is quarantined.
func (s *Store) checkFormat(b *pgx.Batch, closed *bool) {
	b.Queue(selectFormat, formatName).QueryRow(func(row pgx.Row) error {
		var number int
		if err := row.Scan(&number); err != nil {
			return err
		}
		format := store.ReadFormat(number)
		if *closed = format.Quarantined; format.N < s.format || !format.Usable(s.format) {
			return format.Newer(s.format)
		}
		return nil
	})
}

// send sends statements in one go. Whoever does not answer in time is lost.
func send(ctx context.Context, c *pgx.Conn, b *pgx.Batch, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.SendBatch(ctx, b).Close()
}

// exec runs a statement without arguments in the same way.
func exec(ctx context.Context, c *pgx.Conn, limit time.Duration, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := c.Exec(ctx, statement)
	return err
}

// pooled calls fn with a connection of the pool. Connections that have died
// meanwhile, as all do when the database starts again, are passed over: fn is
// called again as long as it could not begin. The context of fn is not the
// caller's: what has begun is carried through.
func (s *Store) pooled(ctx context.Context, fn func(context.Context, *pgx.Conn) error) error {
	began := time.Now()
	for attempt := int32(0); ; attempt++ {
		c, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		err = s.lent(ctx, c, fn)
		if err == nil || !lost(err) || attempt > s.pool.Config().MaxConns || time.Since(began) > helloLimit {
			return err
		}
	}
}

// acquire takes a connection out of the pool, or makes one.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := s.pool.Acquire(limited)
	if err == nil || ctx.Err() != nil || limited.Err() == nil {
		return c, err
	}
	if stat := s.pool.Stat(); stat.AcquiredConns() == stat.MaxConns() {
		return nil, fmt.Errorf("%w: %d others read at once, and each for long", store.ErrBusy, stat.MaxConns())
	}
	return nil, fmt.Errorf("%w for %v", store.ErrUnavailable, patience)
}

func (s *Store) lent(ctx context.Context, c *pgxpool.Conn, fn func(context.Context, *pgx.Conn) error) error {
	defer c.Release() // which closes one that is broken, or in a transaction
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), viewLimit)
	defer cancel()
	return fn(ctx, c.Conn())
}

// Update calls fn and commits what it wrote with the events it returned. It
// shares the commit with whoever else is waiting: see writer. An fn that starts
// another Update on the same Store waits for itself for ever.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) ([]audit.Event, error)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()
	c := &call{
		fn: fn, since: time.Now(), done: ctx.Done(),
		turn: make(chan *tx), ran: make(chan struct{}), answered: make(chan error, 1),
	}
	s.writer.queue(c)
	return c.wait(ctx)
}

// enter counts a call in, so that Close waits for it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("use the database %s: %w", s.place.name, os.ErrClosed)
	}
	s.calls.Add(1)
	return nil
}

// Close waits for the calls under way and lets go of the connections. Calls that
// come later get os.ErrClosed; a second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.calls.Wait()
	s.writer.close()
	s.pool.Close()
	return nil
}
