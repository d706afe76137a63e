package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// maxGroup is how many updates share one commit at most.
const maxGroup = 64

// errAborted is what a call has that ended without an answer: its function
// panicked or ended its goroutine.
var errAborted = errors.New("the function of the update did not return")

// call is one Update on its way into a commit.
type call struct {
	fn    func(*tx) ([]audit.Event, error)
	quiet bool            // it may end without an event
	since time.Time       // when it came
	done  <-chan struct{} // its context has ended

	leads    chan struct{} // told: lead the next group
	turn     chan *tx      // told: run fn now
	ran      chan struct{} // tells: fn has ended
	answered chan struct{} // closed when err is what Update returns

	events []audit.Event
	err    error
}

// run calls fn.
func (c *call) run(t *tx) {
	c.err = errAborted
	c.events, c.err = c.fn(t)
}

// ride is run on behalf of the leader, who waits for the end of it.
func (c *call) ride(t *tx) {
	defer func() { c.ran <- struct{}{} }()
	c.run(t)
}

// join reports whether c leads; else it is in the queue now.
func (s *Store) join(c *call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leading {
		s.leading = true
		return true
	}
	c.leads, c.turn = make(chan struct{}), make(chan *tx)
	c.ran, c.answered = make(chan struct{}), make(chan struct{})
	s.queue = append(s.queue, c)
	return false
}

// take takes the oldest n of the queue out of it.
func (s *Store) take(n int) []*call {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(n, len(s.queue))
	taken := s.queue[:n:n]
	s.queue = s.queue[n:]
	return taken
}

// putBack puts calls at the head of the queue.
func (s *Store) putBack(calls []*call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(calls, s.queue...)
}

// passOn makes the oldest in the queue the leader, if it still waits. Nobody
// leads twice, so nobody works for the others for ever.
func (s *Store) passOn() {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.leading = false
			s.mu.Unlock()
			return
		}
		next := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		select {
		case next.leads <- struct{}{}:
			return
		case <-next.done:
		}
	}
}

// group is the updates that share one transaction: one fsync for all of them.
// No goroutine serves it. Whoever comes first leads: it begins the transaction,
// takes whoever has queued meanwhile, lets each run its own function on its own
// goroutine, one after the other, commits, and answers all. So a function that
// panics, or ends its goroutine, does that to its own caller and no other.
type group struct {
	c        *conn
	path     string
	now      func() time.Time
	versions *versions
	calls    []*call // the leader first
	head     audit.Entry
	alone    bool  // no savepoints: what fails is all there is
	marked   bool  // the savepoint of the call, or of the next one, is open
	kept     int   // how many calls will be committed
	broken   error // the transaction is lost
}

// lead carries one group through.
func (s *Store) lead(ctx context.Context, own *call) error {
	g := &group{path: s.path, now: s.now, versions: s.versions}
	if err := s.beginGroup(ctx, g, own.since); err != nil {
		s.writer = s.writer.rest()
		s.passOn()
		return explain("update", s.path, err)
	}
	g.calls = append([]*call{own}, s.take(maxGroup-1)...)
	g.alone = len(g.calls) == 1
	s.carry(g)
	return own.err
}

// beginGroup begins the transaction and makes sure of what is known: another
// process may have changed everything.
func (s *Store) beginGroup(ctx context.Context, g *group, since time.Time) error {
	if err := s.Broken(); err != nil {
		return err
	}
	err := s.patiently(ctx, since, func() (err error) {
		if s.writer == nil {
			if s.writer, err = s.connect(writing); err != nil {
				return err
			}
		}
		return s.writer.begin("BEGIN IMMEDIATE")
	})
	if err != nil {
		return err
	}
	g.c = s.writer
	return s.look(g)
}

// carry runs the leader's function. The rest is deferred, so that it is done
// even when that function panics or ends the goroutine.
func (s *Store) carry(g *group) {
	own, t := g.calls[0], g.next()
	defer func() {
		g.settle(own, t)
		riders := s.board(g)
		s.commit(g)
		s.passOn()
		for _, c := range riders {
			close(c.answered)
		}
	}()
	own.run(t)
}

// board lets the others run and returns those who did. When the transaction
// breaks, those who have not run yet wait for the next one.
func (s *Store) board(g *group) (ran []*call) {
	for i, c := range g.calls[1:] {
		t := g.next()
		if g.broken != nil {
			s.putBack(g.calls[1+i:])
			break
		}
		select {
		case c.turn <- t:
			<-c.ran
			g.settle(c, t)
			ran = append(ran, c)
		case <-c.done: // it waits no more
		}
	}
	g.calls = append(g.calls[:1:1], ran...)
	return ran
}

// next is what a call works on.
func (g *group) next() *tx {
	return &tx{c: g.c, path: g.path, now: g.now, group: g, broken: g.broken}
}

// begin opens the savepoint of a call before its first write. Most calls write
// nothing but one entry of the audit, which is there or not by itself.
func (g *group) begin() error {
	if g == nil || g.alone || g.marked { // nil: a View, where SQLite refuses it
		return nil
	}
	if g.broken == nil {
		_, g.broken = g.c.exec("SAVEPOINT turn")
		g.marked = g.broken == nil
	}
	return g.broken
}

// settle enters the events of a call that went well, and undoes one that did
// not.
func (g *group) settle(c *call, t *tx) {
	t.end()
	head := g.head
	switch {
	case c.err != nil:
	case t.broken != nil: // fn took no notice
		c.err = explain("update", g.path, t.broken)
	case len(c.events) == 0 && !c.quiet, !t.records(c.events):
		c.err = store.ErrNoEvent
	default:
		if len(c.events) > 1 {
			t.broken = g.begin()
		}
		if t.broken == nil {
			head, t.broken = g.c.appendEvents(head, g.now, c.events)
		}
		c.err = explain("update", g.path, t.broken)
	}
	if c.err == nil {
		g.head = head
		g.kept++
		g.mark("RELEASE turn", false)
		return
	}
	if t.reclosed {
		g.c.closed = !g.c.closed
	}
	if t.wrote {
		g.versions.undone()
	}
	if !g.marked && g.broken == nil && code(t.broken) != 0 {
		g.broken = t.broken // SQLite may have rolled back everything
	}
	g.mark("ROLLBACK TO turn", true)
	for _, key := range t.spent {
		if g.broken == nil && !g.alone { // what was forgotten stays so, which nobody can tell
			_, g.broken = g.c.exec(unspend, key)
		}
	}
	if g.broken != nil && t.broken != nil {
		g.broken = t.broken // which is why
	}
}

// mark does that with the savepoint, after which it is open or not. When it
// cannot, SQLite has rolled back the whole transaction, as it does when the
// disk is full.
func (g *group) mark(statement string, open bool) {
	if !g.marked || g.broken != nil {
		return
	}
	_, g.broken = g.c.exec(statement)
	g.marked = open
}

// commit commits what the calls of the group did, or gives all of them the
// reason why not.
func (s *Store) commit(g *group) {
	err := g.broken
	if err == nil && g.kept > 0 {
		err = g.c.commit()
	}
	known := g.c.known
	known.head = g.head
	s.writer = g.c.rest()
	if err == nil && s.writer != nil {
		s.writer.known = known // also where nothing was kept: then nothing else is undone
		return
	}
	g.versions.undone()
	if unsynced(err) {
		err = s.brake(err)
	}
	for _, c := range g.calls {
		if c.err == nil {
			c.err = explain("update", g.path, err)
		}
	}
}
