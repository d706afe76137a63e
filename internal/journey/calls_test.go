//go:build unix

package journey_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// step is a command in a life, and how its lines begin in the golden list.
type step struct {
	name, verb string
	args       []string
}

// life is what happens to a secret between its first apply and its end.
var life = []step{
	{"create", "apply", nil},
	{"no-op plan", "plan", nil},
	{"no-op apply", "apply", nil},
	{"rotate", "apply", []string{"-var", "trigger=2"}},
	{"rotate by a saved plan", "plan", []string{"-var", "trigger=3", "-out=saved.tfplan"}},
	{"", "apply", []string{"saved.tfplan"}},
	{"taint", "apply", []string{"-var", "trigger=3", "-replace=agentcreds_agent_secret.bot"}},
	{"refresh", "apply", []string{"-var", "trigger=3", "-refresh-only"}},
	{"destroy", "destroy", []string{"-var", "trigger=3"}},
}

// ids are what differs from run to run in a path.
var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// TestJourney_calls: what a life asks of the server is written down, each
// request; any CLI that drives the provider must come to the same list, whoever
// wrote it and in whatever version.
func TestJourney_calls(t *testing.T) {
	t.Parallel()
	for name, recipe := range recipes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKitchen(t, recipe, nil)
			px := newProxy(t, k.address)
			k.w.env = k.env(px.url)
			var said strings.Builder
			for _, s := range life {
				px.restart(nil)
				k.w.must(s.verb, s.args...)
				if s.name != "" {
					fmt.Fprintf(&said, "# %s\n", s.name)
				}
				calls := px.log()
				for _, r := range slices.DeleteFunc(calls, func(r request) bool { return strings.HasPrefix(r.path, "/sink/") }) {
					fmt.Fprintln(&said, request{method: r.method, path: ids.ReplaceAllString(r.path, "{id}"), status: r.status})
				}
			}
			golden(t, "calls", name, said.String())
			k.s.stop()
		})
	}
}
