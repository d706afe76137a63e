package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

const (
	// maxGroup is how many updates share one commit at most.
	maxGroup = 64
	// maxAttempts is how often a group is tried that conflicts with others.
	maxAttempts = 30
	// The pauses between two attempts.
	firstPause = time.Millisecond
	lastPause  = 64 * time.Millisecond
	// forgetEvery is how often marks are removed that have expired.
	forgetEvery = 10 * time.Second
)

// writer carries all updates of one handle through, on one connection of its own:
// those who wait while one group commits are the next group, which has one
// transaction and so one fsync for all. The transaction is serializable: against
// those of other replicas it behaves as if all came one after the other, or it
// fails and is tried again. A group is complete before its transaction begins: so
// nobody reads what is older than his own call.
type writer struct {
	s       *Store
	replica bool
	chain   atomic.Int64 // the one that it writes

	mu      sync.Mutex
	waiting []*call
	wake    chan struct{} // something waits, or it is the end
	ending  bool
	ended   chan struct{}

	// Only its own goroutine touches what follows.
	c        *pgx.Conn   // nil: there is none now
	head     audit.Entry // of a replica's own chain: what the next entry needs of the last one
	forgot   time.Time   // when marks were removed that had expired
	careful  bool        // each call of the group gets a savepoint
	repeated int         // how often the group was tried before
}

func newWriter(s *Store, replica bool) *writer {
	return &writer{s: s, replica: replica, wake: make(chan struct{}, 1), ended: make(chan struct{}), forgot: s.now()}
}

func (w *writer) chainNow() int64 { return w.chain.Load() }

// queue puts calls at the end.
func (w *writer) queue(calls ...*call) {
	w.mu.Lock()
	w.waiting = append(w.waiting, calls...)
	w.mu.Unlock()
	w.poke()
}

// putBack puts calls at the head of the queue.
func (w *writer) putBack(calls []*call) {
	w.mu.Lock()
	w.waiting = append(slices.Clone(calls), w.waiting...)
	w.mu.Unlock()
	w.poke()
}

func (w *writer) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take takes the oldest n of the queue out of it.
func (w *writer) take(n int) []*call {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(n, len(w.waiting))
	taken := w.waiting[:n:n]
	w.waiting = w.waiting[n:]
	return taken
}

// idle reports whether nobody waits, and whether it is the end.
func (w *writer) idle() (none, ending bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) == 0, w.ending
}

// run serves until close.
func (w *writer) run() {
	defer close(w.ended)
	for {
		none, ending := w.idle()
		switch {
		case !none:
			w.serve()
		case ending:
			w.drop()
			return
		default:
			<-w.wake
		}
	}
}

func (w *writer) close() {
	w.mu.Lock()
	w.ending = true
	w.mu.Unlock()
	w.poke()
	<-w.ended
}

// serve carries the next group through. When there is no connection to be had,
// or no turn, all who wait are told so.
func (w *writer) serve() {
	ctx, cancel := context.WithTimeout(context.Background(), viewLimit)
	defer cancel()
	unlock, err := w.begin(ctx)
	if err != nil {
		for _, c := range w.take(1 << 30) {
			c.answered <- explain("update", w.s.place.name, err)
		}
		return
	}
	w.carry(ctx, w.take(maxGroup))
	unlock()
	w.forget(ctx)
}

// begin makes sure that there is a connection, and that nobody else writes the
// chain: the store's own is written in turns.
func (w *writer) begin(ctx context.Context) (unlock func(), err error) {
	for range 2 { // the connection may be dead without our knowing
		if err := w.connect(ctx); err != nil {
			return nil, err
		}
		if w.replica {
			return func() {}, nil
		}
		if err = w.lock(ctx, 0); err == nil {
			return func() { w.unlock(0) }, nil
		}
		if !lost(err) {
			return nil, err
		}
		w.drop()
	}
	return nil, err
}

// carry tries until every call of the group has its answer. What conflicts again
// is tried with half of the group, so that in the end each is alone.
func (w *writer) carry(ctx context.Context, calls []*call) {
	w.careful, w.repeated = false, 0
	began := time.Now()
	for len(calls) > 0 {
		g := &group{w: w, ctx: ctx, calls: calls}
		if w.c == nil { // it was lost while the last attempt was undone
			if err := w.again(ctx, began); err != nil {
				g.answer(err)
				return
			}
		}
		err := g.try()
		calls = slices.DeleteFunc(slices.Clone(calls), (*call).gone)
		switch {
		case err == nil:
			g.answer(nil)
			return
		case errors.Is(err, errCareful):
			w.careful = true
		case conflicted(err) && w.repeated < maxAttempts && time.Since(began) < patience:
			w.repeated++
			w.pause()
			if half := len(calls) / 2; half > 0 && w.repeated > 1 {
				w.putBack(calls[half:])
				calls = calls[:half]
			}
		case lost(err) && w.repeated < maxAttempts && time.Since(began) < patience:
			w.repeated++
			w.drop()
			if e := w.again(ctx, began); e != nil {
				g.answer(e)
				return
			}
		default:
			if conflicted(err) {
				err = fmt.Errorf("%d attempts were not enough: %w", w.repeated+1, err)
			}
			g.answer(err)
			return
		}
	}
}

// again gets a connection after one was lost.
func (w *writer) again(ctx context.Context, since time.Time) error {
	for {
		err := w.connect(ctx)
		if err == nil && !w.replica {
			err = w.lock(ctx, 0)
		}
		if err == nil || !lost(err) || time.Since(since) > comeback {
			return err
		}
		w.drop()
		w.pause()
	}
}

// pause waits a little longer each time, and is spread by the clock, lest two
// keep step.
func (w *writer) pause() {
	pause := min(firstPause<<min(w.repeated, 10), lastPause)
	time.Sleep(pause/2 + time.Duration(time.Now().UnixNano())%(pause/2+1))
}

// forget removes marks that have expired, now and then, and makes one of the
// counts of each range, in no transaction of others: they would conflict.
func (w *writer) forget(ctx context.Context) {
	now := w.s.now()
	if w.c == nil || now.Sub(w.forgot) < forgetEvery {
		return
	}
	w.forgot = now
	var b pgx.Batch
	b.Queue(forget, now.Unix())
	b.Queue(mergeCounts)
	if err := send(ctx, w.c, &b, w.s.place.answer); lost(err) {
		w.drop()
	}
}

// drop lets go of the connection.
func (w *writer) drop() {
	if w.c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.c.Close(ctx)
	w.c = nil
}
