package authority

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// The bucket of failures: this many at once, then one for each refill.
const (
	throttleBurst  = 10
	throttleRefill = 6 * time.Second
	// throttleKeys bounds the memory: about 100 bytes for each, in each of
	// two generations.
	throttleKeys = 20_000
)

// throttle counts failures by key. It never stands in the way of a login that
// is right and cheap to check; see Issuer.Login. Memory is bounded: keys live
// in two generations, and when the younger is full it becomes the older, whose
// keys are forgotten. Nothing is ever searched, so a flood of keys costs no
// more than its own failures.
type throttle struct {
	now func() time.Time

	mu         sync.Mutex
	young, old map[throttleKey]bucket
}

// throttleKey is one agent id at one address, of one size however long they
// are.
type throttleKey [16]byte

func keyOf(id, address string) throttleKey {
	text := binary.BigEndian.AppendUint64(nil, uint64(len(id)))
	sum := sha256.Sum256(append(append(text, id...), address...))
	return throttleKey(sum[:16])
}

type bucket struct {
	level float64 // failures that are not refilled yet
	at    time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, young: map[throttleKey]bucket{}}
}

// wait is how long a key must wait for the next attempt; 0: not at all.
func (t *throttle) wait(key throttleKey) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.present(key)
	if b.level > 0 {
		t.put(key, b)
	}
	return b.over()
}

// fail enters a failure and tells how long to wait. Failures beyond the limit
// do not lengthen it.
func (t *throttle) fail(key throttleKey) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.present(key)
	wait := b.over()
	if wait == 0 {
		b.level++
	}
	t.put(key, b)
	return wait
}

func (t *throttle) put(key throttleKey, b bucket) {
	if len(t.young) >= throttleKeys {
		t.young, t.old = map[throttleKey]bucket{}, t.young
	}
	t.young[key] = b
}

// size is how many keys are remembered.
func (t *throttle) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.young) + len(t.old)
}

func (t *throttle) present(key throttleKey) bucket {
	b, ok := t.young[key]
	if !ok {
		b = t.old[key]
	}
	now := t.now()
	// A clock that goes back refills nothing.
	passed := max(0, now.Sub(b.at).Seconds())
	b.level = max(0, b.level-passed/throttleRefill.Seconds())
	b.at = now
	return b
}

func (b bucket) over() time.Duration {
	if b.level <= throttleBurst-1 {
		return 0
	}
	return time.Duration((b.level - (throttleBurst - 1)) * float64(throttleRefill))
}
