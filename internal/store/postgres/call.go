package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// errAborted is what a call has that ended without an answer: its function
// panicked or ended its goroutine.
var errAborted = errors.New("the function of the update did not return")

// call is one Update on its way into a commit. Its function runs on the goroutine
// that called Update, so one that panics, or ends its goroutine, does that to its
// own caller and no other.
type call struct {
	fn    func(store.Tx) ([]audit.Event, error)
	since time.Time       // when it came
	done  <-chan struct{} // its context has ended

	turn     chan *tx      // told: run fn now; again when the transaction was lost
	ran      chan struct{} // tells: fn has ended
	answered chan error    // told: what Update returns

	started bool // fn ran at least once; the writer's alone, as what follows
	events  []audit.Event
	err     error
}

// wait runs fn as often as it is told to, until there is an answer. A context that
// ends before fn ran for the first time ends the wait.
func (c *call) wait(ctx context.Context) error {
	select {
	case t := <-c.turn:
		c.run(t)
	case err := <-c.answered:
		return err
	case <-c.done:
		return ctx.Err()
	}
	for {
		select {
		case t := <-c.turn:
			c.run(t)
		case err := <-c.answered:
			return err
		}
	}
}

func (c *call) run(t *tx) {
	defer func() { c.ran <- struct{}{} }()
	c.events, c.err = nil, errAborted
	c.events, c.err = c.fn(t)
}

// gone reports whether nobody waits for the answer.
func (c *call) gone() bool { return errors.Is(c.err, errAborted) }

// offer lets the call run. It reports whether it did: its context may have ended
// before. One that ran before has no choice.
func (c *call) offer(t *tx) bool {
	if c.started {
		c.turn <- t
		<-c.ran
		return true
	}
	select {
	case c.turn <- t:
		c.started = true
		<-c.ran
		return true
	case <-c.done:
		return false
	}
}
