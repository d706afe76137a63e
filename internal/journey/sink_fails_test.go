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

// popular is what many pages show: one secret, made by an ephemeral resource,
// into two sinks under one version.
const popular = recipeAgent + `
ephemeral "agentcreds_random_secret" "new" {}

resource "sink_value" "a" {
  name             = "a"
  value_wo         = ephemeral.agentcreds_random_secret.new.value
  value_wo_version = var.trigger
}

resource "sink_value" "b" {
  name             = "b"
  value_wo         = ephemeral.agentcreds_random_secret.new.value
  value_wo_version = var.trigger
}
`

// TestJourney_popularIsUnsafe: why the guide warns of it. One sink fails, the
// next run says that all is well, and the sinks hold different secrets. The day
// this fails, the guide can say something nicer.
func TestJourney_popularIsUnsafe(t *testing.T) {
	t.Parallel()
	k := newKitchen(t, recipe{config: popular}, nil)
	k.sinks.fail("b", before)
	if first := k.w.run("apply"); first.code == 0 {
		t.Errorf("the sink did not fail: %s", first)
	}
	k.sinks.fail("b", "")
	k.w.must("apply")
	k.w.settled()
	if held := k.sinks.held(); held["a"].Value == held["b"].Value || held["a"].Version != held["b"].Version {
		t.Errorf("the sinks agree, or Terraform knows that they do not: versions %d and %d", held["a"].Version, held["b"].Version)
	}
	k.s.stop()
}
