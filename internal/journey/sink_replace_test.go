//go:build unix

package journey_test

import (
	"slices"
	"strings"
	"testing"
)

// TestJourney_sinkFollows: a secret that is replaced, by itself, with its agent
// or after a destroy, is in the sinks afterwards: the version that they are
// keyed on grows, however the state came to it.
func TestJourney_sinkFollows(t *testing.T) {
	t.Parallel()
	for name, recipe := range recipes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKitchen(t, recipe, nil)
			const secret, agent = "-replace=agentcreds_agent_secret.bot", "-replace=agentcreds_agent.bot"
			for _, run := range []step{
				{"create", "apply", nil},
				{"replace", "apply", []string{secret}},
				{"taint", "taint", []string{"agentcreds_agent_secret.bot"}},
				{"after taint", "apply", nil},
				{"replace the agent", "apply", []string{agent}},
				{"replace and rotate", "apply", []string{secret, "-var", "trigger=2"}},
				{"destroy", "destroy", nil},
				{"create again", "apply", []string{"-var", "trigger=2"}},
			} {
				before := k.sinks.held()["a"]
				k.w.must(run.verb, run.args...)
				switch run.verb {
				case "taint":
					continue
				case "destroy":
					if held := k.sinks.held(); len(held) > 0 {
						t.Errorf("the destroy left %d secrets in the sinks", len(held))
					}
					continue
				}
				k.agree(run.name)
				// What stands in the store first stays in force over a replacement.
				if now := k.sinks.held()["a"]; name != "store-first" && now.Version <= before.Version {
					t.Errorf("%s: the version was %d and is %d", run.name, before.Version, now.Version)
				}
				k.w.settled(slices.DeleteFunc(slices.Clone(run.args), func(a string) bool { return strings.HasPrefix(a, "-replace") })...)
			}
			k.s.stop()
		})
	}
}

// TestJourney_destroyUnopened: a destroy begins with a plan, which opens what is
// sealed. Who has lost the identity still gets rid of everything.
func TestJourney_destroyUnopened(t *testing.T) {
	t.Parallel()
	k := newKitchen(t, recipes()["sealed"], nil)
	k.w.must("apply")
	k.w.env = k.s.withSinks(t, k.address) // without the identity
	if r := k.w.run("destroy"); r.code == 0 || !strings.Contains(r.stdout+r.stderr, "No identity to open sealed secrets with") || !strings.Contains(strings.Join(strings.Fields(r.stdout+r.stderr), " "), "destroy -refresh=false") {
		t.Errorf("a destroy without the identity: %s", r)
	}
	k.agree("the destroy that failed")
	k.w.must("destroy", "-refresh=false")
	if held, agents := k.sinks.held(), k.s.agents(); len(held) > 0 || len(agents) > 0 {
		t.Errorf("%d secrets are in the sinks, and there are %d agents", len(held), len(agents))
	}
	k.s.stop()
}
