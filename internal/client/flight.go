package client

import (
	"context"
	"sync"
)

// flights lets all who want the same thing at the same time share the work of
// the first. The work goes on when the first gives up, and ends when all have.
// Its zero value is ready.
type flights[T any] struct {
	mu   sync.Mutex
	runs map[string]*flight[T]
}

type flight[T any] struct {
	done    chan struct{}
	value   T
	err     error
	waiting int
	cancel  context.CancelFunc
}

// do gives what fn, or another fn that is under way for the same key, gives.
func (f *flights[T]) do(ctx context.Context, key string, fn func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	r := f.join(ctx, key, fn)
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		f.leave(key, r)
		return none, ctx.Err()
	}
}

func (f *flights[T]) join(ctx context.Context, key string, fn func(context.Context) (T, error)) *flight[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[key]
	if r == nil {
		shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r = &flight[T]{done: make(chan struct{}), cancel: cancel}
		if f.runs == nil {
			f.runs = map[string]*flight[T]{}
		}
		f.runs[key] = r
		go func() {
			defer cancel()
			r.value, r.err = fn(shared)
			f.land(key, r)
			close(r.done)
		}()
	}
	r.waiting++
	return r
}

func (f *flights[T]) land(key string, r *flight[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.runs[key] == r {
		delete(f.runs, key)
	}
}

func (f *flights[T]) leave(key string, r *flight[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.waiting--; r.waiting > 0 {
		return
	}
	r.cancel()
	if f.runs[key] == r {
		delete(f.runs, key)
	}
}

// forget makes the next one who asks start anew: what is under way may have
// begun before something changed.
func (f *flights[T]) forget(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.runs, key)
}
