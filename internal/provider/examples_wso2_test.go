package provider_test

import (
	"context"
	"fmt"
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
		a, err := e.place.hand(t).CreateAgent(t.Context(), api.Agent{Profile: consoleProfile(name)})
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

// consoleProfile is what the Console gives an agent, in the words of the example.
func consoleProfile(name string) api.AgentProfile {
	about := map[string]string{"Support assistant": "Answers tickets", "Ticket triage": "Sorts tickets"}
	return api.AgentProfile{DisplayName: name, Description: about[name], Owner: "7a6f7b26-f9ea-48ea-9012-87d6b54f4055@my-organization"}
}

// onAsgardeo applies an example there.
func (e *example) onAsgardeo(t *testing.T) {
	e.console(t)
	e.applied(t)
}

// stateCheck looks at the server after a step. It takes for_each, where a Check
// does not.
type stateCheck func() error

func (c stateCheck) CheckState(_ context.Context, _ statecheck.CheckStateRequest, resp *statecheck.CheckStateResponse) {
	resp.Error = c()
}

// fromConsole imports many agents that were made in the Console, and takes
// nothing from them.
func (e *example) fromConsole(t *testing.T) {
	ids := e.console(t)
	kept := stateCheck(func() error {
		for _, id := range ids {
			a := e.place.hand(t).agent(id)
			if want := consoleProfile(a.Profile.DisplayName); want.Owner != a.Profile.Owner || want.Description != a.Profile.Description {
				return fmt.Errorf("after the import the agent is %+v, and was %+v", a.Profile, want)
			}
		}
		return nil
	})
	e.run(t, tfversion.SkipBelow(tfversion.Version1_7_0), resource.TestStep{Config: e.config(t), ConfigStateChecks: []statecheck.StateCheck{kept}})
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
