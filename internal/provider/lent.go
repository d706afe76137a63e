package provider

import (
	"context"
	"sync/atomic"
	"time"
)

// lent is a context that stands for another one for as long as a call takes. The
// framework keeps the context of every call for the rest of the run, to cancel it
// when Terraform is stopped (terraform-plugin-framework,
// proto6server.Server.registerContext), and with it the loggers and the stream of
// the call: 16 KiB for each, which in a run over ten thousand agents are more than
// the provider's whole heap. Of one that was given back it keeps a few words.
type lent struct {
	of atomic.Pointer[context.Context]
}

// lend lends a context to a call; give it back when that is over.
func lend(ctx context.Context) (l *lent, giveBack func()) {
	l = &lent{}
	l.of.Store(&ctx)
	return l, func() { l.of.Store(nil) }
}

// Deadline implements context.Context.
func (l *lent) Deadline() (deadline time.Time, ok bool) {
	if ctx := l.of.Load(); ctx != nil {
		return (*ctx).Deadline()
	}
	return time.Time{}, false
}

// Done implements context.Context. While it is lent it is the other's, by which the
// context package knows that a child of this one is a child of that one.
func (l *lent) Done() <-chan struct{} {
	if ctx := l.of.Load(); ctx != nil {
		return (*ctx).Done()
	}
	return givenBack
}

// Err implements context.Context.
func (l *lent) Err() error {
	if ctx := l.of.Load(); ctx != nil {
		return (*ctx).Err()
	}
	return context.Canceled
}

// Value implements context.Context.
func (l *lent) Value(key any) any {
	if ctx := l.of.Load(); ctx != nil {
		return (*ctx).Value(key)
	}
	return nil
}

// givenBack is done.
var givenBack = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
