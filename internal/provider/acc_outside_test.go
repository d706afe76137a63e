package provider_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestAccAgentSecret_drift: rotated and revoked by another tool, under each
// on_drift.
func TestAccAgentSecret_drift(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	secret := watch(t, secret1)
	config := func(policy string) string { return p.config(pair(nil, attrs{"on_drift": policy})) }
	rotate := func() { p.hand(t).rotate(secret.last().text("agent_id"), secret.last().text("secret_id")) }
	revoke := func() { p.hand(t).revoke(secret.last().text("agent_id"), secret.last().text("secret_id")) }
	healed := states(secret, after(func() { expectReplacedDead(t, secret.before(), secret.managed()) }))
	heals := does(secret1, plancheck.ResourceActionUpdate, planOf{secret1, rotation, []string{"drift"}})
	journey(t,
		resource.TestStep{Config: config("rotate"), ConfigStateChecks: states(secret)},
		resource.TestStep{Config: config("rotate"), PreConfig: rotate, ConfigPlanChecks: heals, ConfigStateChecks: healed},
		resource.TestStep{Config: config("rotate"), PreConfig: revoke, ConfigPlanChecks: heals, ConfigStateChecks: healed},
		resource.TestStep{Config: config("warn")},
		resource.TestStep{Config: config("warn"), PreConfig: revoke, ConfigPlanChecks: leaves()},
		resource.TestStep{Config: config("ignore")},
		resource.TestStep{Config: config("ignore"), ConfigPlanChecks: leaves()},
		resource.TestStep{
			Config:            config("rotate"),
			ConfigPlanChecks:  does(secret1, plancheck.ResourceActionUpdate, planOf{secret1, rotation, []string{"drift", "on_drift"}}),
			ConfigStateChecks: healed,
		},
	)
}

// TestAccAgent_revoked: the panic button survives applies; reinstate_trigger
// brings the agent back, and the apply after that its secret.
func TestAccAgent_revoked(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, secret := watch(t, bot), watch(t, secret1)
		config := func(name, reinstate string) string {
			return p.config(pair(attrs{"display_name": name, "reinstate_trigger": trigger(reinstate)}, nil))
		}
		journey(t,
			resource.TestStep{Config: config("bot", "1"), ConfigStateChecks: states(agent, secret)},
			resource.TestStep{
				Config: config("bot", "1"), ConfigPlanChecks: leaves(),
				PreConfig: func() {
					h := p.hand(t)
					h.check("revoke everything", h.RevokeAll(h.ctx(), agent.last().text("id")))
				},
				ConfigStateChecks: states(after(func() {
					if !p.hand(t).agent(agent.last().text("id")).Blocked() {
						t.Error("the agent is in service again")
					}
					p.expectLive(t, agent.last().text("id"))
				})),
			},
			resource.TestStep{Config: config("new", "1"), ExpectError: regexp.MustCompile(`The agent was revoked[\s\S]*reinstate_trigger`)},
			resource.TestStep{
				Config: config("new", "2"), ExpectNonEmptyPlan: true,
				ConfigPlanChecks: does(bot, plancheck.ResourceActionUpdate,
					planOf{bot, nil, []string{"display_name", "reinstate_trigger", "revoked_at"}}, plancheck.ExpectResourceAction(secret1, plancheck.ResourceActionNoop)),
				ConfigStateChecks: states(agent, after(func() { p.expectLive(t, agent.last().text("id")) })),
			},
			resource.TestStep{
				Config: config("new", "2"), ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate, plancheck.ExpectResourceAction(bot, plancheck.ResourceActionNoop)),
				ConfigStateChecks: states(secret, after(func() {
					expectReplacedDead(t, secret.before(), secret.managed())
					p.expectLive(t, agent.last().text("id"), secret.last().text("secret_id"))
				})),
			},
		)
	})
}

// TestAccAgent_deletedOutside: agent and secret come back, as new ones.
func TestAccAgent_deletedOutside(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	agent, secret := watch(t, bot), watch(t, secret1)
	config := p.config(pair(nil, attrs{"rotation_trigger": trigger("1")}))
	journey(t,
		resource.TestStep{Config: config, ConfigStateChecks: states(agent, secret)},
		resource.TestStep{
			Config: config, PreConfig: func() { p.hand(t).delete(agent.last().text("id")) },
			ConfigPlanChecks: does(bot, plancheck.ResourceActionCreate, plancheck.ExpectResourceAction(secret1, plancheck.ResourceActionCreate)),
			ConfigStateChecks: states(agent, secret, after(func() {
				p.expectLive(t, agent.last().text("id"), secret.last().text("secret_id"))
				if secret.last().version() <= secret.before().version() {
					t.Error("the version went back")
				}
			})),
		},
	)
}

// TestAccStore_vanished: a lost database is an error, until it is back, or
// until the loss is accepted for one run.
func TestAccStore_vanished(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	away := filepath.Join(t.TempDir(), "away.db")
	config := p.config(pair(nil, nil))
	accepting := *p
	accepting.args = p.args.with("accept_new_store", true)
	move := func(from, to string) func() {
		return func() {
			if err := os.Rename(from, to); err != nil {
				t.Error(err)
			}
			for _, log := range []string{"-wal", "-shm"} { // the pages are in there, too
				_ = os.Rename(from+log, to+log)
			}
		}
	}
	lost := regexp.MustCompile(`The store is not the one that the state knows[\s\S]*accept_new_store`)
	journey(t,
		resource.TestStep{Config: config},
		resource.TestStep{Config: config, PreConfig: move(p.path(), away), ExpectError: lost},
		resource.TestStep{Config: config, PreConfig: move(away, p.path()), ConfigPlanChecks: leaves()},
		resource.TestStep{Config: config, PreConfig: func() { removeStore(t, p.path()) }, ExpectError: lost},
		resource.TestStep{Config: accepting.config(pair(nil, nil)), ConfigPlanChecks: does(bot, plancheck.ResourceActionCreate)},
		resource.TestStep{Config: config, ConfigPlanChecks: leaves()},
	)
}

// TestAccAgent_existing: two resources with one key, and adoption, also by a
// replacement that creates first.
func TestAccAgent_existing(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	theirs, theirSecret := p.seedPair(t, api.Agent{ExternalID: "team/bot"})
	agent := watch(t, bot)
	config := func(args attrs) string {
		return p.config(resourceBlock(bot, attrs{"display_name": "bot", "external_id": "team/bot"}.merge(args)))
	}
	adopting := attrs{"on_existing": "adopt", "lifecycle": block{"create_before_destroy": true}}
	same := states(agent, after(func() {
		if agent.last()["id"] != theirs {
			t.Errorf("the agent is %v, want %s", agent.last()["id"], theirs)
		}
		p.expectLive(t, theirs, theirSecret)
	}))
	journey(t,
		resource.TestStep{Config: config(nil), ExpectError: regexp.MustCompile(`exists already[\s\S]*` + theirs + `[\s\S]*import \{`)},
		resource.TestStep{Config: config(adopting), ConfigStateChecks: same},
		resource.TestStep{Config: config(adopting), Taint: []string{bot}, ConfigPlanChecks: does(bot, plancheck.ResourceActionCreateBeforeDestroy), ConfigStateChecks: same},
		resource.TestStep{
			Config:      config(adopting) + resourceBlock("agentcreds_agent.twin", attrs{"display_name": "twin", "external_id": "team/bot"}),
			ExpectError: regexp.MustCompile(`exists already`),
		},
	)
	if n := p.hand(t).count(); n != 0 {
		t.Errorf("the destroy left %d agents", n)
	}
}
