package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// errCareful asks for the group once more, with savepoints: one of its calls
// failed after it had written.
var errCareful = errors.New("a call of the group must be undone by itself")

// group is the updates that share one transaction. At first it has no savepoints:
// a call that is refused has seldom written anything.
type group struct {
	w     *writer
	ctx   context.Context
	calls []*call
	head  audit.Entry
	queue []audit.Entry // entered at the end, or when somebody wants to read them
	kept  int

	closed bool // the store is quarantined, as of those who ran so far
}

// try runs the whole group once. An error means that nothing of it was committed;
// store.ErrUnsure, that it is not known.
func (g *group) try() (err error) {
	began := false
	defer func() {
		if err != nil && began && g.w.c != nil {
			if e := g.exec("ROLLBACK"); e != nil {
				g.w.drop()
			}
		}
	}()
	if err := g.begin(); err != nil {
		began = true
		return err
	}
	began = true
	var ran []*call
	for _, c := range g.calls {
		did, err := g.one(c)
		if did {
			ran = append(ran, c)
		}
		if err != nil {
			return err
		}
	}
	g.calls = ran
	if g.kept == 0 {
		return g.exec("ROLLBACK")
	}
	return g.commit()
}

// begin begins the transaction. Its picture is taken here: everybody of the group
// is there already.
func (g *group) begin() error {
	var b pgx.Batch
	b.Queue("BEGIN ISOLATION LEVEL SERIALIZABLE")
	g.w.s.checkFormat(&b, &g.closed)
	g.head = g.w.head
	if !g.w.replica {
		after, through := bounds(0)
		b.Queue(selectHead, after, through).QueryRow(func(row pgx.Row) error {
			err := row.Scan(&g.head.Seq, &g.head.Hash)
			if errors.Is(err, pgx.ErrNoRows) {
				err = fmt.Errorf("%w: its audit chain is gone", errDamaged)
			}
			return err
		})
	}
	return send(g.ctx, g.w.c, &b, helloLimit)
}

// one lets a call run and judges it. The error is one of the whole group.
func (g *group) one(c *call) (ran bool, err error) {
	marked := g.w.careful && len(g.calls) > 1
	if marked {
		if err := g.flush(); err != nil {
			return false, err
		}
		if err := g.exec("SAVEPOINT turn"); err != nil {
			return false, err
		}
	}
	t := g.w.s.transaction(g.ctx, g.w.c)
	t.closed, t.flush = g.closed, g.flush
	ran = c.offer(t)
	t.end()
	if !ran {
		return false, nil
	}
	switch {
	case conflicted(t.broken), lost(t.broken):
		return true, t.broken
	case c.err != nil:
	case t.broken != nil: // fn took no notice
		c.err = explain("update", t.name, t.broken)
	case len(c.events) == 0, !t.records(c.events):
		c.err = store.ErrNoEvent
	default:
		g.enter(c.events)
		g.kept++
		g.closed = t.closed
		if marked {
			err = g.exec("RELEASE turn")
		}
		return true, err
	}
	switch {
	case marked:
		err = g.exec("ROLLBACK TO turn")
	case (t.wrote || t.broken != nil) && len(g.calls) > 1:
		err = errCareful
	}
	return true, err
}

func (g *group) exec(statement string) error {
	return exec(g.ctx, g.w.c, g.w.s.place.answer, statement)
}

// enter makes the entries of events.
func (g *group) enter(events []audit.Event) {
	for _, ev := range events {
		e := audit.Next(g.head, g.w.s.now(), row.Keepable(ev))
		g.queue = append(g.queue, e)
		g.head = e
	}
}

// flush writes the entries that were made so far.
func (g *group) flush() error {
	if len(g.queue) == 0 {
		return nil
	}
	var b pgx.Batch
	for _, e := range g.queue {
		enter(&b, e)
	}
	g.queue = nil
	return send(g.ctx, g.w.c, &b, g.w.s.place.answer)
}

// commit enters what is left and commits, in one go.
func (g *group) commit() error {
	var b pgx.Batch
	for _, e := range g.queue {
		enter(&b, e)
	}
	committed := false
	b.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		committed = tag.String() == "COMMIT" // of a transaction that has failed it is ROLLBACK, and no error
		return nil
	})
	err := send(g.ctx, g.w.c, &b, g.w.s.place.answer)
	switch {
	case err == nil && committed:
		g.w.head = g.head
		return nil
	case err == nil:
		return fmt.Errorf("%w: the transaction had failed before", errDamaged)
	case !lost(err):
		return err
	}
	return g.resolve(err)
}

// resolve finds out what became of a commit whose answer was lost. Whoever has the
// lock of the chain knows that the connection that had it before is gone, and its
// transaction decided: the last entry is there or it is not.
func (g *group) resolve(lostBy error) error {
	w := g.w
	w.drop()
	began := time.Now()
	for {
		committed, err := w.committed(g.ctx, g.head)
		switch {
		case err == nil && committed:
			w.head = g.head
			return nil
		case err == nil:
			return lostBy // which begins anew
		case time.Since(began) > patience:
			return fmt.Errorf("%w: the connection was lost while it committed; look for the change when the database answers again (%w)", store.ErrUnsure, lostBy)
		}
		w.drop()
		w.repeated++
		w.pause()
	}
}

// answer tells everybody in the group what became of it.
func (g *group) answer(err error) {
	for _, c := range g.calls {
		switch {
		case c.gone():
		case err != nil:
			c.answered <- explain("update", g.w.s.place.name, err)
		default:
			c.answered <- c.err
		}
	}
}
