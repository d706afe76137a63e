package provider_test

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestAccAgentSecret_ignoreChanges: what Terraform is told to ignore does not
// rotate, and what happens to the secret still does.
func TestAccAgentSecret_ignoreChanges(t *testing.T) {
	t.Parallel()
	for name, ignored := range map[string]any{"all": expr("all"), "the trigger": []any{expr("rotation_trigger")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newRemotePlace(t)
			secret := watch(t, secret1)
			config := func(n string) string {
				return p.config(pair(nil, attrs{"rotation_trigger": trigger(n), "lifecycle": block{"ignore_changes": ignored}}))
			}
			journey(t,
				resource.TestStep{Config: config("1"), ConfigStateChecks: states(secret)},
				resource.TestStep{Config: config("2"), ConfigPlanChecks: leaves()},
				resource.TestStep{
					Config: config("2"), PreConfig: func() { p.hand(t).revoke(secret.last().text("agent_id"), secret.last().text("secret_id")) },
					ConfigPlanChecks:  does(secret1, plancheck.ResourceActionUpdate, planOf{secret1, rotation, []string{"drift"}}),
					ConfigStateChecks: states(secret, after(func() { expectReplacedDead(t, secret.before(), secret.managed()) })),
				},
			)
		})
	}
}

// TestAccAgentSecret_preventDestroy: rotation in place is no destruction.
func TestAccAgentSecret_preventDestroy(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	secret := watch(t, secret1)
	config := func(n string, prevent bool) string {
		return p.config(pair(nil, attrs{"rotation_trigger": trigger(n), "lifecycle": block{"prevent_destroy": prevent}}))
	}
	journey(t,
		resource.TestStep{Config: config("1", true), ConfigStateChecks: states(secret)},
		resource.TestStep{
			Config: config("2", true), ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate),
			ConfigStateChecks: states(secret, after(func() { expectRotated(t, secret.before(), secret.managed()) })),
		},
		resource.TestStep{Config: config("2", true), Taint: []string{secret1}, ExpectError: regexp.MustCompile(`(?i)instance cannot be destroyed`)},
		resource.TestStep{Config: config("2", false), ConfigPlanChecks: does(secret1, plancheck.ResourceActionReplace)},
	)
}

// TestAccDeletionPolicy: prevent is an error of the plan; what is kept is kept.
func TestAccDeletionPolicy(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	agent, secret := watch(t, bot), watch(t, secret1)
	prevented := p.config(pair(attrs{"deletion_policy": "prevent"}, attrs{"deletion_policy": "abandon"}))
	refused := regexp.MustCompile(`The agent may not be destroyed[\s\S]*deletion_policy`)
	journey(t,
		resource.TestStep{Config: prevented, ConfigStateChecks: states(agent, secret)},
		resource.TestStep{Config: prevented, Destroy: true, ExpectError: refused},
		resource.TestStep{Config: p.config(pair(attrs{"deletion_policy": "prevent", "is_user_serving_agent": true}, attrs{"deletion_policy": "abandon"})), ExpectError: refused},
		resource.TestStep{Config: prevented, ConfigPlanChecks: leaves()},
		resource.TestStep{Config: p.config(pair(attrs{"deletion_policy": "disable"}, attrs{"deletion_policy": "abandon"}))},
	)
	id := agent.last().text("id")
	if !p.hand(t).agent(id).Blocked() {
		t.Error("the agent is in service")
	}
	p.expectLive(t, id, secret.last().text("secret_id"))
}

// TestAccImport: import blocks of every form change nothing, rotate nothing,
// and the first trigger after them is the baseline.
func TestAccImport(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agentID, secretID := p.seedPair(t, api.Agent{ExternalID: "team/bot"})
		for name, by := range map[string][2]any{
			"ids":         {agentID, agentID + "/" + secretID},
			"the agent's": {agentID, agentID},
			"external id": {"external_id:team/bot", "external_id:team/bot"},
			"identity":    {attrs{"id": agentID}, attrs{"agent_id": agentID}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				from := tfversion.SkipBelow(tfversion.Version1_5_0)
				if name == "identity" {
					from = tfversion.SkipBelow(tfversion.Version1_12_0)
				}
				agent, secret := watch(t, bot), watch(t, secret1)
				args := func(more attrs) string {
					return pair(attrs{"display_name": "by hand", "external_id": "team/bot", "deletion_policy": "abandon"}, attrs{"deletion_policy": "abandon"}.merge(more))
				}
				journeyFrom(t, from,
					resource.TestStep{
						Config: p.config(args(nil), importBlock(bot, by[0]), importBlock(secret1, by[1])),
						ConfigStateChecks: states(agent, secret, after(func() {
							if agent.last()["id"] != agentID || secret.last()["secret_id"] != secretID || secret.last()["secret"] != nil {
								t.Errorf("imported %v and %v", agent.last()["id"], secret.last()["secret_id"])
							}
						})),
					},
					resource.TestStep{
						Config:           p.config(args(attrs{"rotation_trigger": trigger("1"), "grace_period": "1h"})),
						ConfigPlanChecks: does(secret1, plancheck.ResourceActionUpdate, planOf{secret1, nil, []string{"grace_period", "rotation_trigger"}}),
					},
				)
				p.expectLive(t, agentID, secretID)
			})
		}
	})
}

// TestAccImport_command: so does `terraform import`.
func TestAccImport_command(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agentID, secretID := p.seedPair(t, api.Agent{})
	config := p.config(pair(attrs{"display_name": "by hand"}, nil))
	imports := func(address, id string) resource.TestStep {
		return resource.TestStep{Config: config, ResourceName: address, ImportState: true, ImportStateId: id, ImportStatePersist: true}
	}
	secret := watch(t, secret1)
	journey(t, imports(bot, agentID), imports(secret1, agentID+"/"+secretID),
		resource.TestStep{Config: config, ConfigPlanChecks: leaves(), ConfigStateChecks: states(secret)})
	if secret.last()["secret_id"] != secretID {
		t.Errorf("imported %v", secret.last()["secret_id"])
	}
}

// TestAccProvider_unknownEndpoint: a server that the same apply makes known.
func TestAccProvider_unknownEndpoint(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	late := *p
	late.args = p.args.with("endpoint", expr("terraform_data.server.output"))
	config := late.config(resourceBlock("terraform_data.server", attrs{"input": p.remote.url}), pair(nil, nil))
	journey(t,
		resource.TestStep{
			Config: config, ConfigPlanChecks: does(bot, plancheck.ResourceActionCreate, asksNobody{p}),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: leaves()},
	)
}

// asksNobody checks that a plan was made without the server.
type asksNobody struct{ *place }

// CheckPlan implements plancheck.PlanCheck.
func (p asksNobody) CheckPlan(_ context.Context, _ plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	if n := p.remote.count("", anyPath); n > 0 {
		resp.Error = fmt.Errorf("%d requests were sent", n)
	}
}

// TestAccProvider_wrong: diagnostics as Terraform shows them.
func TestAccProvider_wrong(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	config := func(args attrs) string {
		wrong := place{args: args}
		return wrong.config(pair(nil, nil))
	}
	journey(t,
		resource.TestStep{Config: config(attrs{"endpoint": ""}), ExpectError: regexp.MustCompile(`(?s)on terraform_plugin_test.tf.*endpoint = ""`)},
		resource.TestStep{Config: config(p.args.with("access_token", "wrong")), ExpectError: regexp.MustCompile(`(?s)401.*access_token`)},
		resource.TestStep{Config: p.config(pair(nil, attrs{"grace_period": "2h", "expire_after": "1h"})), ExpectError: regexp.MustCompile(`The grace is longer than the secret's life`)},
		resource.TestStep{Config: p.config(pair(nil, attrs{"rotate_after": "30d"})), ExpectError: regexp.MustCompile(`(?s)rotate_after = "30d".*30 days are\s+720h`)},
		resource.TestStep{Config: p.config(resourceBlock(bot, attrs{"display_name": "bot", "colour": "red"})), ExpectError: regexp.MustCompile(`(?s)Unsupported argument.*colour`)},
	)
}

// TestAccData: data sources beside what they show.
func TestAccData(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	data := watch(t, "data.agentcreds_agent_credentials.all")
	journey(t, resource.TestStep{
		Config: p.config(pair(attrs{"external_id": "team/bot"}, nil),
			dataBlock("agentcreds_agent.one", attrs{"external_id": expr(bot + ".external_id")}),
			dataBlock("agentcreds_agents.all", attrs{"filter": expr(`"id eq ${agentcreds_agent.bot.id}"`)}),
			dataBlock("agentcreds_agent_credentials.all", attrs{"agent_id": expr(secret1 + ".agent_id")}),
			dataBlock("agentcreds_server.here", attrs{}),
		),
		ConfigStateChecks: states(data, after(func() {
			if secrets, _ := data.last()["secrets"].([]any); len(secrets) != 1 {
				t.Errorf("the data source shows %v", data.last())
			}
		})),
	})
}
