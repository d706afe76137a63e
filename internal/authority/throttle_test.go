package authority

import (
	"fmt"
	"testing"
	"time"
)

// Ten at once, then one every six seconds; what is beyond does not lengthen
// the wait, and a clock that goes back gives nothing.
func TestThrottle(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	th := newThrottle(ofOne, func() time.Time { return now })
	key := keyOf("agent", "192.0.2.1")
	for n := range int(ofOne.burst) {
		if wait := th.fail(key); wait != 0 {
			t.Fatalf("failure %d waits %v", n+1, wait)
		}
	}
	for range 100 {
		if wait := th.fail(key); wait <= 0 || wait > ofOne.refill {
			t.Fatalf("beyond the limit: wait %v", wait)
		}
	}
	if th.wait(keyOf("agent", "192.0.2.2")) != 0 || th.wait(keyOf("agent2", "192.0.2.1")) != 0 {
		t.Error("another address, or another agent, waits too")
	}
	now = now.Add(-time.Hour)
	if th.wait(key) == 0 {
		t.Error("a clock that went back lets it pass")
	}
	now = now.Add(th.wait(key))
	if th.wait(key) != 0 || th.fail(key) != 0 || th.wait(key) == 0 {
		t.Error("after the wait there is not one attempt, and one only")
	}
	now = now.Add(time.Duration(ofOne.burst) * ofOne.refill)
	for range int(ofOne.burst) {
		if th.fail(key) != 0 {
			t.Error("it does not recover whole")
		}
	}
}

// Ids and addresses do not run into one another, and their length is nobody's
// memory.
func TestThrottle_keys(t *testing.T) {
	if keyOf("a", "bc") == keyOf("ab", "c") || keyOf("a ", "b") == keyOf("a", " b") {
		t.Error("two pairs have one key")
	}
	if keyOf("a", "2001:db8::1") != keyOf("a", "2001:db8::ffff:2") || keyOf("a", "2001:db8::1") == keyOf("a", "2001:db8:0:1::1") {
		t.Error("of IPv6 a network does not count as one")
	}
	if keyOf("a", "192.0.2.1") == keyOf("a", "192.0.2.2") || keyOf("a", "unknown") == keyOf("a", "") {
		t.Error("two addresses have one key")
	}
}

// A flood of keys is forgotten, in bounded memory and at the cost of its own
// failures; who fails meanwhile stays throttled.
func TestThrottle_bounded(t *testing.T) {
	now := time.Now()
	th := newThrottle(ofOne, func() time.Time { return now })
	victim := keyOf("agent", "192.0.2.1")
	for range int(ofOne.burst) {
		th.fail(victim)
	}
	began := time.Now()
	for n := range 10 * throttleKeys {
		th.fail(keyOf(fmt.Sprint(n), "198.51.100.1"))
		if n%1000 == 0 {
			if wait := th.fail(victim); wait == 0 {
				t.Fatalf("after %d other keys the throttled one is forgotten", n)
			}
		}
		if size := th.size(); size > 2*throttleKeys {
			t.Fatalf("%d keys are remembered, want at most %d", size, 2*throttleKeys)
		}
	}
	if each := time.Since(began) / (10 * throttleKeys); each > 100*time.Microsecond {
		t.Errorf("a failure costs %v", each)
	}
}
