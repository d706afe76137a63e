package journey_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rehearsal is a line of the guide's table of what to rehearse.
type rehearsal struct {
	rule  string
	fails bool // the guide says that one sees an error
}

// rehearsals reads the guide, so that what it promises is what is tried.
func rehearsals(t *testing.T) (all []rehearsal) {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join("..", "..", "templates", "guides", "rehearsing.md.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(guide), "## What to rehearse")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]*\\| ([^|]*) \\|$").FindAllStringSubmatch(table, -1) {
		all = append(all, rehearsal{row[1], strings.HasPrefix(row[2], "an error")})
	}
	if len(all) < 10 {
		t.Fatalf("the guide has only %d rules to rehearse", len(all))
	}
	return all
}

// TestJourney_rehearse: what the guide says of a rule is what its user sees:
// nothing, or one error that the next run heals.
func TestJourney_rehearse(t *testing.T) {
	t.Parallel()
	for _, r := range rehearsals(t) {
		t.Run(r.rule, func(t *testing.T) {
			t.Parallel()
			c := &crash{point: point{scenario: scenarios[0]}}
			// A change of the trigger changes the agents too.
			c.w = newWorkspace(t, strings.ReplaceAll(crashConfig, `"adopt"`, "\"adopt\"\n  description  = \"by ${var.trigger}\""))
			faulty := serve(t, c.w.path(database), "--fault", r.rule)
			c.serve(t) // the same store, without the faults
			c.w.env = faulty.env(faulty.url)

			failed := 0
			run := func(sc scenario) {
				t.Helper()
				first := c.w.run(sc.verb, sc.args...)
				if first.code != 0 {
					failed++
					if r.fails {
						c.w.env = c.s.env(c.s.url)
					}
					c.w.must(sc.verb, sc.args...)
				}
				c.scenario = sc
				c.converged(t, first, nil)
			}
			for _, sc := range scenarios {
				sc.secrets = map[string]int{"create": 1, "rotate": 2, "replace": 3}[sc.name]
				if sc.name == "replace" {
					sc.args = append(sc.args, "-var", "trigger=2")
				}
				run(sc)
			}
			if r.fails != (failed == 1) || failed > 1 {
				t.Errorf("%d runs failed; the guide says that one sees an error: %v", failed, r.fails)
			}
			if !strings.Contains(faulty.p.stderr.String(), `"msg":"fault"`) {
				t.Errorf("the rule broke nothing: %s", faulty.p.stderr.String())
			}
			faulty.stop()
			c.s.stop()
		})
	}
}
