package journey_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// plansInARow is how often nothing must happen, by default.
const plansInARow = 30

// TestJourney_plansInARow: an ephemeral resource is opened by every plan; that
// changes nothing, at the server, in the sinks and in the state.
func TestJourney_plansInARow(t *testing.T) {
	t.Parallel()
	k := newKitchen(t, recipes()["sealed"], nil)
	px := newProxy(t, k.address)
	k.w.env = k.env(px.url)
	k.w.must("apply")
	before, held := k.w.state().attributes("agentcreds_agent_secret"), k.sinks.held()
	px.restart(nil)
	plans := number(t, "AGENTCREDS_TEST_PLANS", plansInARow)
	for range plans {
		k.w.settled()
	}
	calls := px.log()
	if len(calls) < plans {
		t.Errorf("%d plans made %d requests", plans, len(calls))
	}
	for _, r := range calls {
		if r.writes() {
			t.Errorf("a plan makes the request %s", r)
		}
	}
	k.w.must("apply")
	after := k.w.state().attributes("agentcreds_agent_secret")
	if fmt.Sprint(before) != fmt.Sprint(after) || fmt.Sprint(held) != fmt.Sprint(k.sinks.held()) {
		t.Errorf("the state had %v and has %v; the sinks hold another version: %v", before, after, k.sinks.held()["a"].Version)
	}
	k.agree("the plans")
	k.s.stop()
}

// givenConfig has a secret that the caller supplies.
const givenConfig = header + `
variable "given" {
  type      = string
  ephemeral = true
}

variable "trigger" {
  type    = number
  default = 1
}

resource "agentcreds_agent" "bot" {
  display_name = "Bot"
  external_id  = "team/bot"
  on_existing  = "adopt"
}

resource "agentcreds_agent_secret" "bot" {
  agent_id          = agentcreds_agent.bot.id
  secret_wo         = var.given
  secret_wo_version = var.trigger
}
`

// TestJourney_givenAndError: a secret that is only written is in no file when
// the server fails, whatever it says and whatever it had done by then: neither
// when it is made nor when it changes. What the agent signs in with afterwards
// is what was given last.
func TestJourney_givenAndError(t *testing.T) {
	t.Parallel()
	const path = "PUT|POST /api/server/v1/agents/**: "
	for _, rule := range []string{
		"500-after-commit", "lost-after-commit", "reset", "503", "429 retry-after 300s", "cut headers", "cut half",
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			c := &severed{kitchen: newKitchen(t, recipe{config: givenConfig, hidden: true}, nil)}
			faulty := serve(t, c.w.path(database), "--fault", path+rule)
			c.needles = newNeedles()
			for i, given := range []string{"Xa1-first-9f86d081884c7d659a2feaa0c55ad015", "Xa1-second-b94d27b9934d3e08a52e52d7da7dabfa"} {
				c.needles.add(fmt.Sprint("given value ", i+1), given)
				c.trace(faulty.url, "TF_VAR_given="+given)
				args := []string{"-var", fmt.Sprint("trigger=", i+1)}
				planned := c.w.must("plan", append(args, "-out=failing.tfplan")...)
				first := c.w.run("apply", args...)
				if first.code == 0 || !regexp.MustCompile(`Cannot (create|rotate|set|change)`).MatchString(first.stderr+first.stdout) {
					t.Errorf("it does not fail: %s", first)
				}
				c.search(t, "after the error", planned, first)
				c.trace(c.address, "TF_VAR_given="+given)
				second := c.w.must("apply", args...)
				c.search(t, "after the re-run", second, c.w.settled(args...))
				id := c.s.agents()[0].ID
				if status := c.s.login(id, given); status != http.StatusOK {
					t.Errorf("a login with what was given gets %d: %+v", status, c.s.secrets(id))
				}
			}
			if !strings.Contains(faulty.p.stderr.String(), `"msg":"fault"`) {
				t.Error("the server broke nothing")
			}
			faulty.stop()
			c.s.stop()
		})
	}
}

// TestJourney_givenWeak: a secret that is refused is told why, and is not in
// what is told, nor in any file.
func TestJourney_givenWeak(t *testing.T) {
	t.Parallel()
	c := &severed{kitchen: newKitchen(t, recipe{config: givenConfig, hidden: true}, nil), needles: newNeedles()}
	for i, weak := range []string{"horse-battery-staple", "PASSWORD-123-SHOUTED", "No-digit-is-in-this"} {
		c.needles.add(fmt.Sprint("weak value ", i), weak)
		c.trace(c.address, "TF_VAR_given="+weak)
		r := c.w.run("apply")
		if r.code == 0 || !strings.Contains(r.stdout+r.stderr, "secret_wo") {
			t.Errorf("it is not refused: %s", r)
		}
		c.search(t, "after the refusal", r)
	}
	for _, a := range c.s.agents() {
		if list := c.s.secrets(a.ID); len(list) > 0 {
			t.Errorf("the agent has %+v", list)
		}
	}
	c.s.stop()
}
