package sqlite

import (
	"context"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// maxGroup is how many updates share one commit at most.
const maxGroup = 64

// group is the updates that share one transaction: one fsync for all of them.
// No goroutine serves it. Whoever comes first leads: it begins the transaction,
// runs its own function and, one after the other, those of whoever is in the queue
// by then, commits, and answers all. A function that panics, or ends its goroutine, does
// that to its own caller and no other: see ferry.
type group struct {
	c        *conn
	path     string
	now      func() time.Time
	versions *versions
	calls    []*call // the leader first, then those that had a turn
	head     audit.Entry
	alone    bool  // no savepoint: what fails is all there is
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
	g.calls = []*call{own}
	g.alone = !s.waited()
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
		for _, c := range riders {
			close(c.answered)
		}
		s.passOn()
	}()
	own.run(t)
}

// board runs the functions of all who wait by now, and of those who come meanwhile,
// and returns the calls that had a turn. When the transaction breaks, or is one of
// the leader alone that has failed, the others wait for the next one.
func (s *Store) board(g *group) (ran []*call) {
	if g.alone && g.kept == 0 {
		return nil
	}
	g.alone = false
	for g.broken == nil && len(g.calls) < maxGroup {
		waiting := s.take(maxGroup - len(g.calls))
		if len(waiting) == 0 {
			break
		}
		for len(waiting) > 0 && g.broken == nil {
			ferried := make(chan int)
			go g.ferry(waiting, ferried)
			waiting = waiting[<-ferried:]
		}
		s.putBack(waiting)
	}
	return g.calls[1:]
}

// ferry runs the functions of calls, until one of them breaks the transaction or
// ends the goroutine, and tells how many calls it came to. That is why it has a
// goroutine of its own: nobody is answered on it. One for all of them, since to
// wake the caller of each for its turn took a twentieth of a login.
func (g *group) ferry(calls []*call, came chan<- int) {
	n := 0
	defer func() { came <- n }()
	for _, c := range calls {
		if n++; c.claimed.CompareAndSwap(false, true) {
			g.calls = append(g.calls, c)
			c.ride(g)
		}
		if g.broken != nil {
			return
		}
	}
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
	s.writer = g.c.rest()
	if err == nil && s.writer != nil {
		s.writer.know(g.head) // also where nothing was kept: then nothing else is undone
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
