package authority

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

// Never more run at once than may, and all come to their turn, or leave.
func TestTurns_bound(t *testing.T) {
	const most = 3
	turns := newTurns(most)
	ctx, cancel := context.WithCancel(t.Context())
	var running, came, left atomic.Int64
	var done sync.WaitGroup
	for n := range 600 {
		done.Go(func() {
			mine := ctx
			if n%2 == 0 {
				mine = t.Context() // does not leave
			}
			end, err := turns.take(mine, string(rune('a'+n%5)))
			if err != nil {
				left.Add(1)
				return
			}
			if now := running.Add(1); now > most {
				t.Errorf("%d run at once", now)
			}
			if came.Add(1) == 50 {
				cancel()
			}
			running.Add(-1)
			end()
		})
	}
	done.Wait()
	if came.Load()+left.Load() != 600 || came.Load() < 300 {
		t.Errorf("%d came to their turn and %d left", came.Load(), left.Load())
	}
	if turns.free != most || len(turns.keys)+len(turns.waiting) != 0 {
		t.Errorf("%d are free, and %v wait", turns.free, turns.keys)
	}
	cancel()
}

// Who comes alone waits for one of the crowd, not for all.
func TestTurns_fair(t *testing.T) {
	turns := newTurns(1)
	end, err := turns.take(t.Context(), "crowd")
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var done sync.WaitGroup
	queue := func(key string) {
		waiting := func() (n int) {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			for _, q := range turns.waiting {
				n += len(q)
			}
			return n
		}
		before := waiting()
		done.Go(func() {
			end, err := turns.take(t.Context(), key)
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, key) // one at a time
			end()
		})
		for waiting() == before {
		}
	}
	for range 100 {
		queue("crowd")
	}
	queue("guest")
	end()
	done.Wait()
	for at, key := range order {
		if key == "guest" && at > 1 {
			t.Errorf("the guest is served as number %d of %d", at+1, len(order))
		}
	}
	if len(order) != 101 {
		t.Errorf("%d came to their turn", len(order))
	}
}
