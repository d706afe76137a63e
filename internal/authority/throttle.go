package authority

import (
	"sync"
	"time"
)

// The bucket of failures: this many at once, then one for each refill.
const (
	throttleBurst  = 10
	throttleRefill = 6 * time.Second
	// throttleKeys bounds the memory: about 200 bytes for each.
	throttleKeys = 20_000
)

// throttle counts failures by key. It never stands in the way of a login that
// is right and cheap to check; see Issuer.Login. Memory is bounded: when it is
// full, the keys that have recovered go first, and then all, which is the
// lesser evil against a flood of keys.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
	dropped int64 // failures that were only counted
}

type bucket struct {
	level float64 // failures that are not refilled yet
	at    time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, buckets: map[string]bucket{}}
}

// wait is how long a key must wait for the next attempt; 0: not at all.
func (t *throttle) wait(key string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over(t.present(key))
}

// fail enters a failure and tells how long to wait. Failures beyond the limit
// do not lengthen it.
func (t *throttle) fail(key string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.present(key)
	if wait := t.over(b); wait > 0 {
		t.dropped++
		return wait
	}
	b.level++
	if len(t.buckets) >= throttleKeys {
		t.shrink()
	}
	t.buckets[key] = b
	return 0
}

func (t *throttle) present(key string) bucket {
	now := t.now()
	b := t.buckets[key]
	b.level = max(0, b.level-now.Sub(b.at).Seconds()/throttleRefill.Seconds())
	b.at = now
	return b
}

func (t *throttle) over(b bucket) time.Duration {
	if b.level <= throttleBurst-1 {
		return 0
	}
	return time.Duration((b.level - (throttleBurst - 1)) * float64(throttleRefill))
}

func (t *throttle) shrink() {
	for key := range t.buckets {
		if t.present(key).level == 0 {
			delete(t.buckets, key)
		}
	}
	if len(t.buckets) >= throttleKeys {
		clear(t.buckets)
	}
}
