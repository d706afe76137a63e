package provider_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// opener opens the envelope of secret1.
const opener = `
ephemeral "agentcreds_agent_secret" "bot" {
  agent_id      = agentcreds_agent_secret.bot.agent_id
  version       = agentcreds_agent_secret.bot.version
  sealed_secret = agentcreds_agent_secret.bot.sealed_secret
}
`

// echo is a sink for an ephemeral value: it is in the state of echo.<name>.
func echo(name, value string) string {
	return fmt.Sprintf("\nprovider \"echo\" {\n  data = %s\n}\n\nresource \"echo\" %q {}\n", value, name)
}

// arrived checks that the value in a sink is the agent's present secret.
func (p *place) arrived(t *testing.T, name string, path tfjsonpath.Path, secret1 *watched) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("echo."+name, path, knownvalue.StringFunc(func(value string) error {
		p.logsIn(t, secret1.last(), secret.New(value))
		return nil
	}))
}

// TestAccAgentSecret_sealed: real Terraform takes the secret to its sink through
// every kind of change; nothing else has it.
func TestAccAgentSecret_sealed(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		one, two := newAgeKey(t), newAgeKey(t)
		p = p.identity(one.identity + "\n" + two.identity)
		agent := watch(t, secret1)
		n := 0
		// Each step has a sink of its own: the first value that it gets stays.
		step := func(args attrs, checks ...plancheck.PlanCheck) resource.TestStep {
			n++
			name := fmt.Sprint("s", n)
			return resource.TestStep{
				Config:           p.config(pair(nil, args)) + opener + echo(name, "ephemeral.agentcreds_agent_secret.bot"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: checks},
				ConfigStateChecks: states(agent, p.arrived(t, name, tfjsonpath.New("data").AtMapKey("secret"), agent), after(func() {
					p.expectSealed(t, agent.last(), one)
				})),
			}
		}
		to := func(n string, keys ...ageKey) attrs {
			var list []any
			for _, k := range keys {
				list = append(list, k.recipient)
			}
			return attrs{"rotation_trigger": trigger(n), "seal_to": list}
		}
		updated := plancheck.ExpectResourceAction(secret1, plancheck.ResourceActionUpdate)
		quiet := plancheck.ExpectResourceAction(secret1, plancheck.ResourceActionNoop)
		tainted := func(config attrs, how plancheck.ResourceActionType) resource.TestStep {
			s := step(config, plancheck.ExpectResourceAction(secret1, how))
			s.Taint = []string{secret1}
			return s
		}
		cbd := to("2", one, two).with("lifecycle", block{"create_before_destroy": true})
		echoed(t,
			step(to("1", one)),
			step(to("1", one), quiet),
			step(to("1", one), quiet),
			step(to("1", one), quiet),
			step(to("2", one), planOf{secret1, rotation, []string{"rotation_trigger"}}, updated),
			step(to("2", two, one), planOf{secret1, rotation, []string{"seal_to"}}, updated),
			tainted(to("2", one, two), plancheck.ResourceActionReplace),
			tainted(cbd, plancheck.ResourceActionCreateBeforeDestroy),
		)
		for i := 1; i < len(agent.states); i++ {
			was, is := agent.states[i-1], agent.states[i]
			if quiet := i <= 3; quiet != (was["sealed_secret"] == is["sealed_secret"]) || is.version() < was.version() || !quiet && is.version() == was.version() {
				t.Errorf("step %d: version %d, then %d", i+1, was.version(), is.version())
			}
		}
	})
}

// TestAccAgentSecret_sealedLate: a trigger and a recipient that are known only
// after apply; the ephemeral opens once, after the rotation.
func TestAccAgentSecret_sealedLate(t *testing.T) {
	t.Parallel()
	key := newAgeKey(t)
	p := newRemotePlace(t).identity(key.identity)
	agent := watch(t, secret1)
	step := func(again, value string) resource.TestStep {
		return resource.TestStep{
			Config: p.config(pair(nil, attrs{"rotation_trigger": attrs{"v": expr("terraform_data.late.output.v")}, "seal_to": []any{expr("terraform_data.late.output.r")}}),
				resourceBlock("terraform_data.late", attrs{"input": attrs{"v": value, "r": key.recipient}, "triggers_replace": again})) +
				opener + echo("s"+again, "ephemeral.agentcreds_agent_secret.bot"),
			ConfigStateChecks: states(agent, p.arrived(t, "s"+again, tfjsonpath.New("data").AtMapKey("secret"), agent)),
		}
	}
	echoed(t, step("1", "same"), step("2", "same"), step("3", "other"))
	if first, second, third := agent.states[0], agent.states[1], agent.states[2]; first["version"] != second["version"] || third.version() <= second.version() {
		t.Errorf("the versions were %v, %v, %v", first["version"], second["version"], third["version"])
	}
}

// TestAccAgentSecret_switch: from one place of the value to each other one, in
// place, and the plan says why.
func TestAccAgentSecret_switch(t *testing.T) {
	t.Parallel()
	key := newAgeKey(t)
	p := newEmbedded(t)
	agent := watch(t, secret1)
	updated := does(secret1, plancheck.ResourceActionUpdate)
	var made []attrs
	step := func(args attrs, checks ...func(attrs)) resource.TestStep {
		s := resource.TestStep{Config: p.config(pair(nil, args)), ConfigStateChecks: states(agent, after(func() {
			for _, check := range checks {
				check(agent.last())
			}
			if made = append(made, agent.last()); len(made) > 1 {
				expectVersionGrew(t, made[len(made)-2], agent.last())
			}
		}))}
		if len(checks) > 1 {
			s.ConfigPlanChecks = updated
		}
		return s
	}
	plain := func(state attrs) { p.logsIn(t, state, secret.New(state.text("secret"))) }
	sealed := func(state attrs) { p.expectSealed(t, state, key) }
	has := func(value string) func(attrs) {
		return func(state attrs) { p.expectGiven(t, &managed{t: t, instance: instance{state: state}}, value) }
	}
	again := func(attrs) {}
	journey(t,
		step(nil, plain),
		step(attrs{"seal_to": words(key.recipient)}, sealed, again),
		step(given("Correct-Horse-42", 1), has("Correct-Horse-42"), again),
		step(given("Correct-Horse-43", 2), has("Correct-Horse-43"), again),
		step(attrs{"seal_to": words(key.recipient)}, sealed, again),
		step(nil, plain, again),
		step(given("Correct-Horse-44", 1), has("Correct-Horse-44"), again),
		step(nil, plain, again),
	)
}

// TestAccAgentSecret_givenByEphemeral: a value that is another at each plan is
// sent when the version says so, and leaves no trace.
func TestAccAgentSecret_givenByEphemeral(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent := watch(t, secret1)
		config := func(version int) string {
			return p.config(pair(nil, attrs{"secret_wo": expr("ephemeral.agentcreds_random_secret.new.value"), "secret_wo_version": version}), "\nephemeral \"agentcreds_random_secret\" \"new\" {}\n")
		}
		hidden := states(agent, after(func() { p.expectNoValue(t, agent.last()) }))
		journey(t,
			resource.TestStep{Config: config(1), ConfigStateChecks: hidden},
			resource.TestStep{Config: config(1), ConfigPlanChecks: leaves()},
			resource.TestStep{Config: config(2), ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate, planOf{secret1, rotation, []string{"secret_wo_version"}}), ConfigStateChecks: hidden},
			resource.TestStep{Config: config(2), Taint: []string{secret1}, ConfigPlanChecks: does(secret1, plancheck.ResourceActionReplace), ConfigStateChecks: hidden},
		)
		for i := 1; i < len(agent.states); i++ {
			expectVersionGrew(t, agent.states[i-1], agent.states[i])
		}
	})
}

// TestAccCLI_sealed: what people type: a saved plan that is applied later, a
// plan without the identity, an import.
func TestAccCLI_sealed(t *testing.T) {
	t.Parallel()
	key := newAgeKey(t)
	p := newEmbedded(t)
	able := p.identity(key.identity)
	config := func(p *place, n string) string {
		return p.config(pair(nil, attrs{"rotation_trigger": trigger(n), "seal_to": words(key.recipient)})) + opener +
			"\nlocals {\n  uses = ephemeral.agentcreds_agent_secret.bot.secret\n}\n"
	}
	c := newTerminal(t, config(able, "1"))
	c.apply()
	before := c.state(secret1)
	for range 3 {
		c.clean()
	}
	c.write(config(able, "2"))
	c.must("plan", "-no-color", "-out=later.tfplan")
	c.must("apply", "-no-color", "later.tfplan")
	now := c.state(secret1)
	expectVersionGrew(t, before, now)
	p.expectSealed(t, now, key)
	c.clean()

	c.write(config(p, "2"))
	if out, err := c.run("plan", "-no-color"); err == nil || !strings.Contains(out, "AGENTCREDS_SEAL_IDENTITY") {
		t.Errorf("a plan without the identity: %v\n%s", err, out)
	}

	c.write(config(able, "2"))
	c.must("state", "rm", secret1)
	c.write(config(able, "2") + importBlock(secret1, now.text("agent_id")))
	// Terraform does not get to the import; OpenTofu opens nothing before it is done.
	_, _ = c.run("apply", "-no-color", "-auto-approve")
	said := regexp.MustCompile(`\s+`).ReplaceAllString(c.mustNot("plan", "-no-color"), " ")
	if !strings.Contains(said, "is not sealed") || !strings.Contains(said, "imported and not rotated since") || !strings.Contains(said, "-target=agentcreds_agent_secret.NAME") {
		t.Error(said)
	}
	c.apply("-target=" + secret1) // as the error says
	if got := c.state(secret1); got["version"] != now["version"] || got["sealed_secret"] != nil {
		t.Errorf("the import rotated: %v", got)
	}
	c.write(config(able, "3"))
	c.apply()
	p.expectSealed(t, c.state(secret1), key)
	c.clean()
}

// mustNot types a command that fails.
func (c *terminal) mustNot(args ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	if err == nil {
		c.t.Fatalf("%s succeeded\n%s", strings.Join(args, " "), out)
	}
	return out
}
