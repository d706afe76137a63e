package authority

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// mostSlow is how many slow digests may run at once: each takes 19 MiB, and a
// processor for as long as 500 requests of another kind. One processor is left
// to those.
func mostSlow() int { return min(2, max(1, runtime.GOMAXPROCS(0)-1)) }

// turns lets so many run at once. Who has to wait does so under a key, and the
// keys take turns: whoever comes from one place with ten thousand makes nobody
// wait who comes from another.
type turns struct {
	mu      sync.Mutex
	free    int
	waiting map[string][]chan struct{}
	keys    []string // of those who wait, the next one first
}

func newTurns(most int) *turns {
	return &turns{free: most, waiting: map[string][]chan struct{}{}}
}

// take waits for a turn, which ends with done.
func (t *turns) take(ctx context.Context, key string) (done func(), err error) {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return t.give, nil
	}
	mine := make(chan struct{})
	if len(t.waiting[key]) == 0 {
		t.keys = append(t.keys, key)
	}
	t.waiting[key] = append(t.waiting[key], mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return t.give, nil
	case <-ctx.Done():
		t.leave(key, mine)
		return nil, ctx.Err()
	}
}

// leave ends the waiting. A turn that came at the same moment goes to the next.
func (t *turns) leave(key string, mine chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.Index(t.waiting[key], mine)
	if at < 0 {
		t.next()
		return
	}
	t.keep(key, slices.Delete(t.waiting[key], at, at+1))
	if len(t.waiting[key]) == 0 {
		t.keys = slices.DeleteFunc(t.keys, func(k string) bool { return k == key })
	}
}

func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

// next gives a turn that is over to whoever waits.
func (t *turns) next() {
	if len(t.keys) == 0 {
		t.free++
		return
	}
	key := t.keys[0]
	t.keys = t.keys[1:]
	queue := t.waiting[key]
	close(queue[0])
	t.keep(key, queue[1:])
	if len(queue) > 1 {
		t.keys = append(t.keys, key)
	}
}

func (t *turns) keep(key string, queue []chan struct{}) {
	if len(queue) == 0 {
		delete(t.waiting, key)
		return
	}
	t.waiting[key] = queue
}
