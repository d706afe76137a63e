package journey_test

import (
	"os"
	"strings"
	"testing"

	"filippo.io/age"
)

// hiddenSealed takes a sealed secret to a sink; hiddenGiven one that the sink
// had first.
const hiddenSealed = recipeAgent + `
resource "agentcreds_agent_secret" "bot" {
  agent_id         = agentcreds_agent.bot.id
  rotation_trigger = { by = var.trigger }
  seal_to          = ["RECIPIENT"]
}

ephemeral "agentcreds_agent_secret" "bot" {
  agent_id      = agentcreds_agent_secret.bot.agent_id
  version       = agentcreds_agent_secret.bot.version
  sealed_secret = agentcreds_agent_secret.bot.sealed_secret
}

resource "sink_value" "a" {
  name             = "a"
  value_wo         = ephemeral.agentcreds_agent_secret.bot.secret
  value_wo_version = agentcreds_agent_secret.bot.version
}
`

const hiddenGiven = recipeAgent + `
ephemeral "agentcreds_random_secret" "new" {}

resource "sink_value" "a" {
  name             = "a"
  value_wo         = ephemeral.agentcreds_random_secret.new.value
  value_wo_version = var.trigger
}

ephemeral "sink_value" "back" {
  name  = sink_value.a.name
  after = sink_value.a.id
}

resource "agentcreds_agent_secret" "bot" {
  agent_id          = agentcreds_agent.bot.id
  secret_wo         = ephemeral.sink_value.back.value
  secret_wo_version = sink_value.a.value_wo_version
}
`

// TestJourney_leakHidden: with an envelope, and with a secret that comes from
// elsewhere, there is no readable one in any file, any output or any log at
// trace, whatever goes wrong; nor is what opens the envelope.
func TestJourney_leakHidden(t *testing.T) {
	t.Parallel()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]string{
		"sealed": strings.Replace(hiddenSealed, "RECIPIENT", key.Recipient().String(), 1),
		"given":  hiddenGiven,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := newWorkspace(t, "")
			s := serve(t, home.path(database))
			held := newSinks(t, nil)
			h := newHunt(t, config)
			h.strict = true
			h.px = newProxy(t, held.beside(t, s.url))
			h.keep(home, "identity", key.String())
			if err := os.Chmod(home.path("identity"), 0o600); err != nil {
				t.Fatal(err)
			}
			h.w.env = append(s.withSinks(t, h.px.url), "AGENTCREDS_SEAL_IDENTITY=file:"+home.path("identity"))
			h.hidden(held)
			if agents := s.agents(); len(agents) > 0 {
				t.Errorf("the destroy left %d agents", len(agents))
			}
			h.tree(home.dir)
			h.enough(6)
			s.stop()
		})
	}
}

// hidden is a life with all that can go wrong in it.
func (h *hunt) hidden(held *sinks) {
	h.Helper()
	h.run(0, "apply")
	h.run(0, "plan")
	h.run(0, "apply", "-var", "trigger=2")
	h.run(0, "plan", "-var", "trigger=3", "-out=saved.tfplan")
	h.run(0, "show", "saved.tfplan")
	h.run(0, "apply", "saved.tfplan")
	h.run(0, "apply", "-var", "trigger=3", "-replace=agentcreds_agent_secret.bot")

	// The sink fails before and after it has the value, and what the server
	// says to the secret is lost.
	for i, when := range []stage{before, committed} {
		trigger := []string{"-var", "trigger=" + string(rune('4'+i))}
		held.fail("a", when)
		h.run(1, "apply", trigger...)
		held.fail("a", "")
		h.run(0, "apply", trigger...)
	}
	// One of two that fails when the other may have been written.
	h.w.write("twin.tf", "\nresource \"agentcreds_agent\" \"twin\" {\n  display_name = \"Twin\"\n  external_id  = \"team/bot\"\n}\n")
	h.run(1, "apply", "-var", "trigger=6")
	h.w.remove("twin.tf")
	h.run(0, "apply", "-var", "trigger=6")
	h.run(0, "output", "-json")
	h.run(0, "state", "pull")
	h.crash()
}
