//go:build unix

package journey_test

import (
	"strconv"
	"testing"
)

// TestJourney_sinkFails: one of the sinks cannot be written to when the secret
// is made or rotated, be it that nothing is stored or that only the answer is a
// failure. The next run brings both to what the server takes.
func TestJourney_sinkFails(t *testing.T) {
	t.Parallel()
	for name, recipe := range recipes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKitchen(t, recipe, nil)
			for i, how := range []struct {
				sink string
				when stage
			}{{"a", before}, {"b", before}, {"a", committed}, {"b", committed}} {
				args := []string{"-var", "trigger=" + strconv.Itoa(i+1)}
				k.sinks.fail(how.sink, how.when)
				first := k.w.run("apply", args...)
				if first.code == 0 {
					t.Errorf("the sink did not fail: %s", first)
				}
				k.sinks.fail(how.sink, "")
				k.w.must("apply", args...)
				k.agree(first)
				k.w.settled(args...)
			}
			k.s.stop()
		})
	}
}
