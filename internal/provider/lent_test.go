package provider

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

type lentKey struct{}

// TestLend: while it is lent a context is the other one, to its children, too;
// given back it holds nothing of it, and is over.
func TestLend(t *testing.T) {
	parent, cancel := context.WithTimeout(context.WithValue(t.Context(), lentKey{}, "value"), time.Hour)
	defer cancel()
	l, giveBack := lend(parent)
	child, cancelChild := context.WithCancel(l)
	defer cancelChild()
	want, _ := parent.Deadline()
	if at, ok := l.Deadline(); !ok || at != want || l.Err() != nil || child.Value(lentKey{}) != "value" {
		t.Errorf("it is lent with the deadline %v, %v, the error %v and the value %v", at, ok, l.Err(), child.Value(lentKey{}))
	}
	cancel()
	select {
	case <-child.Done():
	case <-time.After(time.Minute):
		t.Error("the child goes on when the parent has ended")
	}
	giveBack()
	if _, ok := l.Deadline(); ok || !errors.Is(l.Err(), context.Canceled) || child.Value(lentKey{}) != nil {
		t.Errorf("it was given back, and has the error %v and the value %v", l.Err(), child.Value(lentKey{}))
	}
	<-l.Done()
}

// TestLend_kept: a child that somebody keeps, and cancels when all is over, as the
// framework does, keeps nothing of what was lent.
func TestLend_kept(t *testing.T) {
	gone := make(chan struct{})
	var kept []context.CancelFunc
	func() {
		value := new([1 << 10]byte)
		runtime.AddCleanup(value, func(int) { close(gone) }, 0)
		parent, cancel := context.WithCancel(context.WithValue(t.Context(), lentKey{}, value))
		defer cancel()
		l, giveBack := lend(parent)
		defer giveBack()
		_, c := context.WithCancel(l)
		kept = append(kept, c)
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-gone:
			for _, cancel := range kept {
				cancel()
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("what the context held is still there")
	for _, cancel := range kept {
		cancel()
	}
}
