package client

import (
	"context"
	"time"
)

// window holds the requests that a server may count in one minute, as many as
// its limit is. When it counts a request is between its sending and its answer:
// it is held until a minute after that, so that nothing is refused to those
// that were a while on their way and came together. nil has no limit.
type window chan struct{}

// newWindow has room for so many, of which some were just answered. 0 or less
// is no limit.
func newWindow(perMinute, answered int) window {
	if perMinute <= 0 {
		return nil
	}
	w := make(window, perMinute)
	for range min(perMinute, answered) {
		w <- struct{}{}
		w.leave()
	}
	return w
}

// enter waits for room, or for the end of ctx. Who comes first goes first.
func (w window) enter(ctx context.Context) error {
	if w == nil {
		return nil
	}
	select {
	case w <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave gives the room back a minute after the answer.
func (w window) leave() {
	if w != nil {
		time.AfterFunc(time.Minute, func() { <-w })
	}
}
