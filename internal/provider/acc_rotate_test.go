package provider_test

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestAccAgentSecret_rotate is the main journey: create, change something else,
// rotate, rotate again inside the grace, rotate without a grace.
func TestAccAgentSecret_rotate(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, secret := watch(t, bot), watch(t, secret1)
		config := func(name, n string, more attrs) string {
			return p.config(pair(attrs{"display_name": name}, attrs{"rotation_trigger": trigger(n)}.merge(more)),
				resourceBlock("terraform_data.sink", attrs{"input": expr("agentcreds_agent_secret.bot.version")}))
		}
		rotates := planOf{secret1, rotation, []string{"rotation_trigger"}}
		journey(t,
			resource.TestStep{Config: config("bot", "1", nil), ConfigStateChecks: states(agent, secret, after(func() {
				p.expectLive(t, agent.last().text("id"), secret.last().text("secret_id"))
			}))},
			resource.TestStep{
				Config: config("renamed", "1", nil),
				ConfigPlanChecks: does(bot, plancheck.ResourceActionUpdate, planOf{bot, nil, []string{"display_name"}},
					plancheck.ExpectResourceAction(secret1, plancheck.ResourceActionNoop)),
				ConfigStateChecks: states(secret, after(func() {
					if secret.last()["secret"] != secret.before()["secret"] {
						t.Error("another name rotated the secret")
					}
				})),
			},
			resource.TestStep{
				Config:           config("renamed", "2", nil),
				ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate, rotates, plancheck.ExpectResourceAction(bot, plancheck.ResourceActionNoop), plancheck.ExpectResourceAction("terraform_data.sink", plancheck.ResourceActionUpdate)),
				ConfigStateChecks: states(secret, after(func() {
					expectRotated(t, secret.before(), secret.managed())
					old := p.expectStatus(t, secret.last().text("agent_id"), secret.before().text("secret_id"), api.Retiring)
					about(t, "the end of the old secret", old.ExpiresAt, time.Now().Add(24*time.Hour))
				})),
			},
			resource.TestStep{
				Config:           config("renamed", "3", nil),
				ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate, rotates),
				ConfigStateChecks: states(secret, after(func() {
					expectRotated(t, secret.before(), secret.managed())
					p.expectLive(t, secret.last().text("agent_id"), secret.last().text("secret_id"), secret.before().text("secret_id"))
				})),
			},
			resource.TestStep{
				Config:           config("renamed", "4", attrs{"grace_period": "0s"}),
				ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate),
				ConfigStateChecks: states(secret, after(func() {
					expectRotated(t, secret.before(), secret.managed())
					p.expectLive(t, secret.last().text("agent_id"), secret.last().text("secret_id"))
				})),
			},
			resource.TestStep{
				Config:           config("renamed", "4", attrs{"grace_period": "0s", "expire_after": "48h"}),
				ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate, planOf{secret1, []string{"expires_at"}, []string{"expire_after"}}),
			},
		)
		if n := p.hand(t).count(); n != 0 {
			t.Errorf("the destroy left %d agents", n)
		}
	})
}

// TestAccAgentSecret_lateTrigger: a trigger that is known only after apply, and
// comes to the same value, changes nothing.
func TestAccAgentSecret_lateTrigger(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	secret := watch(t, secret1)
	config := func(again, value string) string {
		return p.config(pair(nil, attrs{"rotation_trigger": attrs{"v": expr("terraform_data.late.output")}}),
			resourceBlock("terraform_data.late", attrs{"input": value, "triggers_replace": again}))
	}
	journey(t,
		resource.TestStep{Config: config("1", "same"), ConfigStateChecks: states(secret)},
		resource.TestStep{
			Config:           config("2", "same"),
			ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate, plancheck.ExpectResourceAction("terraform_data.late", plancheck.ResourceActionReplace)),
			ConfigStateChecks: states(secret, after(func() {
				if secret.last()["version"] != secret.before()["version"] || p.remote.count("PUT", anySecret) != 1 {
					t.Errorf("the same trigger rotated: %v", p.remote.requests("PUT", anySecret))
				}
			})),
		},
		resource.TestStep{
			Config:            config("3", "other"),
			ConfigPlanChecks:  does(secret1, plancheck.ResourceActionUpdate),
			ConfigStateChecks: states(secret, after(func() { expectRotated(t, secret.before(), secret.managed()) })),
		},
	)
}

// TestAccAgentSecret_due: by the server's clock.
func TestAccAgentSecret_due(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	secret := watch(t, secret1)
	config := p.config(pair(nil, attrs{"rotate_after": "720h", "expire_after": "1440h"}))
	rotated := states(secret, after(func() { expectRotated(t, secret.before(), secret.managed()) }))
	journey(t,
		resource.TestStep{Config: config, ConfigStateChecks: states(secret)},
		resource.TestStep{Config: config, PreConfig: func() { p.remote.skew.advance(700 * time.Hour) }, ConfigPlanChecks: leaves()},
		resource.TestStep{
			Config: config, PreConfig: func() { p.remote.skew.advance(21 * time.Hour) },
			ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate, planOf{secret1, rotation, []string{"rotation_due"}}), ConfigStateChecks: rotated,
		},
		resource.TestStep{
			Config: config, PreConfig: func() { p.remote.skew.advance(1500 * time.Hour) },
			ConfigPlanChecks:  does(secret1, plancheck.ResourceActionUpdate, planOf{secret1, rotation, []string{"drift", "rotation_due"}}),
			ConfigStateChecks: states(secret, after(func() { expectReplacedDead(t, secret.before(), secret.managed()) })),
		},
	)
}

// TestAccAgentSecret_period: plantimestamp() cut into periods triggers nothing
// within a period.
func TestAccAgentSecret_period(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	config := p.config(pair(nil, attrs{"rotation_trigger": attrs{"period": expr(`provider::agentcreds::rotation_period(plantimestamp(), "87600h")`)}}))
	journey(t,
		resource.TestStep{Config: config},
		resource.TestStep{Config: config, ConfigPlanChecks: leaves()},
	)
	if n := p.remote.count("PUT", anySecret); n != 1 {
		t.Errorf("%d secrets were made", n)
	}
}

// TestAccAgentSecret_replace: tainted, or replaced by a trigger, the old secret
// is dead before the new one is there.
func TestAccAgentSecret_replace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		secret := watch(t, secret1)
		config := func(n string) string {
			return p.config(pair(nil, attrs{"lifecycle": block{"replace_triggered_by": []any{expr("terraform_data.incident")}}}),
				resourceBlock("terraform_data.incident", attrs{"input": n}))
		}
		replaced := states(secret, after(func() {
			old, now := secret.before(), secret.last()
			if now.version() <= old.version() || now["previous"] != nil {
				t.Errorf("the version was %d and is %d; previous is %v", old.version(), now.version(), now["previous"])
			}
			p.expectLive(t, now.text("agent_id"), now.text("secret_id"))
			p.expectStatus(t, now.text("agent_id"), old.text("secret_id"), api.Revoked)
		}))
		journey(t,
			resource.TestStep{Config: config("1"), ConfigStateChecks: states(secret)},
			resource.TestStep{Config: config("1"), Taint: []string{secret1}, ConfigPlanChecks: does(secret1, plancheck.ResourceActionReplace), ConfigStateChecks: replaced},
			resource.TestStep{Config: config("2"), ConfigPlanChecks: does(secret1, plancheck.ResourceActionReplace), ConfigStateChecks: replaced},
		)
	})
}

// TestAccAgentSecret_createBeforeDestroy: the new secret survives the end of
// the old one, which gets its grace; also twice, and then a rotation.
func TestAccAgentSecret_createBeforeDestroy(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		secret := watch(t, secret1)
		config := func(n string) string {
			return p.config(pair(nil, attrs{"grace_period": "2h", "rotation_trigger": trigger(n), "lifecycle": block{"create_before_destroy": true}}))
		}
		replaced := states(secret, after(func() {
			old, now := secret.before(), secret.last()
			if now.version() <= old.version() {
				t.Errorf("the version was %d and is %d", old.version(), now.version())
			}
			p.expectLive(t, now.text("agent_id"), now.text("secret_id"), old.text("secret_id"))
			end := p.hand(t).secret(now.text("agent_id"), old.text("secret_id")).ExpiresAt
			about(t, "the end of the old secret", end, time.Now().Add(2*time.Hour))
		}))
		cbd := does(secret1, plancheck.ResourceActionCreateBeforeDestroy)
		journey(t,
			resource.TestStep{Config: config("1"), ConfigStateChecks: states(secret)},
			resource.TestStep{Config: config("1"), Taint: []string{secret1}, ConfigPlanChecks: cbd, ConfigStateChecks: replaced},
			resource.TestStep{Config: config("1"), Taint: []string{secret1}, ConfigPlanChecks: cbd, ConfigStateChecks: replaced},
			resource.TestStep{
				Config: config("2"), ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate),
				ConfigStateChecks: states(secret, after(func() { expectRotated(t, secret.before(), secret.managed()) })),
			},
		)
	})
}
