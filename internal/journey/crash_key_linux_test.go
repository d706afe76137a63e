package journey_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// keyScenarios are those of crashes for keys: a replacement needs another key,
// since no server takes one twice.
var keyScenarios = []scenario{
	{name: "create-keys", verb: "apply", fresh: true, agents: crashAgents, secrets: 1, keys: true},
	{name: "rotate-keys", verb: "apply", args: []string{"-var", "trigger=2"}, agents: crashAgents, secrets: 2, keys: true},
	{name: "replace-keys", verb: "apply", agents: crashAgents, secrets: 2, keys: true,
		args: []string{"-var", "trigger=2", "-replace=agentcreds_agent_key.bot[0]", "-replace=agentcreds_agent_key.bot[1]"}},
	{name: "destroy-keys", verb: "destroy", keys: true},
}

// crashKeyPoints is how many are tried by default.
const crashKeyPoints = 28

// TestJourney_crashKeys: creating, rotating, replacing and destroying keys is
// interrupted at any request, in any way; one more run, and each agent has the
// one key that is wanted, by which it logs in.
func TestJourney_crashKeys(t *testing.T) { crashes(t, keyScenarios, crashKeyPoints) }

// crashKeys are the keys of the agents, by trigger.
var crashKeys = sync.OnceValue(func() map[string]pair {
	all := map[string]pair{}
	for n := range crashAgents {
		for _, trigger := range []string{"1", "2"} {
			all[fmt.Sprintf("%d-%s.pub", n, trigger)] = newPair()
		}
	}
	return all
})

// writeKeys makes the configuration one with keys.
func (c *crash) writeKeys(t *testing.T) {
	t.Helper()
	agents, _, _ := strings.Cut(crashConfig, `resource "agentcreds_agent_secret"`)
	c.w.write("main.tf", agents+`
resource "agentcreds_agent_key" "bot" {
  count          = 2
  agent_id       = agentcreds_agent.bot[count.index].id
  public_key_pem = file("${count.index}-${var.trigger}.pub")
  grace_period   = "1h"
}
`)
	for name, p := range crashKeys() {
		c.w.write(name, p.public)
	}
}

// held is what the state has of the secrets, or keys, by agent.
func (c *crash) held(st state) map[string]held {
	if !c.scenario.keys {
		return st.secrets()
	}
	out := map[string]held{}
	for _, a := range st.attributes("agentcreds_agent_key") {
		out[text(a["agent_id"])] = held{agentID: text(a["agent_id"]), id: text(a["kid"])}
	}
	return out
}

// listed is what the server has of the secrets, or keys, of an agent.
func (c *crash) listed(agentID string) (list []secretInfo) {
	if !c.scenario.keys {
		return c.s.secrets(agentID)
	}
	var answer struct {
		List []struct {
			KID string `json:"kid"`
			secretInfo
		}
	}
	c.s.get(strings.TrimSuffix(secretsPath(agentID), "secrets")+"keys", &answer)
	for _, k := range answer.List {
		k.SecretID = k.KID
		list = append(list, k.secretInfo)
	}
	return list
}

// enters wants the agent to log in by the key that the state has.
func (c *crash) enters(have held, fail func(string, ...any)) {
	for _, p := range crashKeys() {
		if p.kid != have.id {
			continue
		}
		if status, body := c.s.enter(c.s.byKey(caller, have.agentID, p)); status != http.StatusOK {
			fail("agent %s logs in by the key of the state with %d %s", have.agentID, status, body)
		}
		return
	}
	fail("the state of agent %s has the key %q, which is none of ours", have.agentID, have.id)
}
