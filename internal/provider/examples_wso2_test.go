package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// examplePartnerID stands for a second agent that is there before an import.
const examplePartnerID = "3e9a5c0d-7a44-4c0e-8a57-5d7c0b7f2e11"

// console is an Asgardeo with two agents that were made in its Console, and a
// role that the first has.
func (e *example) console(t *testing.T) (ids [2]string) {
	t.Helper()
	e.place = newAsgardeo(t)
	for i, name := range []string{"Support assistant", "Ticket triage"} {
		a, err := e.place.hand(t).CreateAgent(t.Context(), api.Agent{Profile: api.AgentProfile{DisplayName: name}})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = a.ID
	}
	role := e.place.hand(t).role("support", nil, ids[0])
	e.ids = strings.NewReplacer(exampleAgentID, ids[0], examplePartnerID, ids[1], exampleRoleID, role)
	e.source = e.ids.Replace(e.source)
	return ids
}

// onAsgardeo applies an example there.
func (e *example) onAsgardeo(t *testing.T) {
	e.console(t)
	e.applied(t)
}

// fromConsole imports many agents that were made in the Console.
func (e *example) fromConsole(t *testing.T) {
	e.console(t)
	e.run(t, tfversion.SkipBelow(tfversion.Version1_7_0), resource.TestStep{Config: e.config(t)})
}

// ofConsole says what an import finds there; nil for what is imported from our
// own servers.
func (e *example) ofConsole(t *testing.T) []statecheck.StateCheck {
	t.Helper()
	switch {
	case strings.Contains(e.source, `"agentcreds_agent_pair"`):
		ids := e.console(t)
		return []statecheck.StateCheck{statecheck.ExpectKnownValue("agentcreds_agent_pair.support", tfjsonpath.New("green_agent_id"), knownvalue.StringExact(ids[1]))}
	case strings.Contains(e.source, `"agentcreds_agent_role"`):
		ids := e.console(t)
		return []statecheck.StateCheck{statecheck.ExpectKnownValue("agentcreds_agent_role.support", tfjsonpath.New("agent_id"), knownvalue.StringExact(ids[0]))}
	}
	return nil
}
