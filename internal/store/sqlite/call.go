package sqlite

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// errAborted is what a call has that ended without an answer: its function
// panicked or ended its goroutine.
var errAborted = errors.New("the function of the update did not return")

// call is one Update on its way into a commit.
type call struct {
	fn    func(*tx) ([]audit.Event, error)
	quiet bool            // it may end without an event
	since time.Time       // when it came
	done  <-chan struct{} // its context has ended

	claimed  atomic.Bool   // its turn has come, or its caller waits no more: whichever was first
	leads    chan struct{} // told: lead the next group
	answered chan struct{} // closed when err is what Update returns

	events []audit.Event
	err    error
	ended  bool // fn has returned
	thrown any  // what fn panicked with
}

// run calls fn.
func (c *call) run(t *tx) {
	c.err = errAborted
	c.events, c.err = c.fn(t)
	c.ended = true
}

// ride is run by the ferry. What fn throws is kept for its caller. What settle
// throws is not: nobody could say then what will be committed, so the process ends.
func (c *call) ride(g *group) {
	t := g.next()
	defer g.settle(c, t)
	defer func() { c.thrown = placed(recover()) }()
	c.run(t)
}

// placed adds to what was thrown where that was, if it has a text: it is thrown
// again, with a stack that does not tell.
func placed(thrown any) any {
	switch v := thrown.(type) {
	case error:
		return fmt.Errorf("%w, thrown by %s", v, thrower())
	case string:
		return v + ", thrown by " + thrower()
	}
	return thrown
}

// thrower is the function that threw what was recovered just now, and its line.
func thrower() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
	for panicked := false; ; {
		frame, more := frames.Next()
		own := !strings.HasPrefix(frame.Function, "runtime.")
		switch {
		case panicked && own, !more:
			return fmt.Sprintf("%s, line %d", frame.Function, frame.Line)
		case frame.Function == "runtime.gopanic":
			panicked = true
		}
	}
}

// outcome is what Update returns to a call that rode. The end that its function
// has made of the goroutine is made of the one that called it.
func (c *call) outcome() error {
	switch {
	case c.thrown != nil:
		panic(c.thrown)
	case !c.ended:
		runtime.Goexit()
	}
	return c.err
}

// join reports whether c leads; else it is in the queue now.
func (s *Store) join(c *call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leading {
		s.leading = true
		return true
	}
	c.leads, c.answered = make(chan struct{}), make(chan struct{})
	s.queue = append(s.queue, c)
	return false
}

// waited reports whether anybody is in the queue.
func (s *Store) waited() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0
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
	if len(calls) == 0 {
		return
	}
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
