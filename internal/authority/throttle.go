package authority

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"
)

// allowance is how much a bucket of failures takes: so many at once, then one
// for each refill.
type allowance struct {
	burst  float64
	refill time.Duration
}

var (
	// ofOne is for an agent at an address.
	ofOne = allowance{10, 6 * time.Second}
	// ofAddress is for an address, whoever it says to be. Many agents can be
	// behind one.
	ofAddress = allowance{100, 100 * time.Millisecond}
)

const (
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
	allowance
	now func() time.Time

	mu         sync.Mutex
	young, old map[throttleKey]bucket
}

// throttleKey is one agent id at one address, of one size however long they
// are.
type throttleKey [16]byte

func keyOf(id, address string) throttleKey {
	// Who has one IPv6 address has the whole network.
	if ip, err := netip.ParseAddr(address); err == nil && ip.Is6() && !ip.Is4In6() {
		network, _ := ip.WithZone("").Prefix(64)
		address = network.String()
	}
	text := binary.BigEndian.AppendUint64(nil, uint64(len(id)))
	sum := sha256.Sum256(append(append(text, id...), address...))
	return throttleKey(sum[:16])
}

type bucket struct {
	level float64 // failures that are not refilled yet
	at    time.Time
}

func newThrottle(a allowance, now func() time.Time) *throttle {
	return &throttle{allowance: a, now: now, young: map[throttleKey]bucket{}}
}

// wait is how long a key must wait for the next attempt; 0: not at all.
func (t *throttle) wait(key throttleKey) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.present(key)
	if b.level > 0 {
		t.put(key, b)
	}
	return t.over(b)
}

// fail enters a failure and tells how long to wait. Failures beyond the limit
// do not lengthen it.
func (t *throttle) fail(key throttleKey) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.present(key)
	wait := t.over(b)
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
	b.level = max(0, b.level-passed/t.refill.Seconds())
	b.at = now
	return b
}

func (a allowance) over(b bucket) time.Duration {
	return time.Duration(max(0, b.level-(a.burst-1)) * float64(a.refill))
}

// left is how many failures a key may have before it has to wait.
func (t *throttle) left(key throttleKey) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, int(t.burst-t.present(key).level))
}
