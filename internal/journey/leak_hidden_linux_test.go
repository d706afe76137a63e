package journey_test

import (
	"os"
	"strings"
	"testing"

	"filippo.io/age"
)

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
		"sealed": strings.Replace(opened, "RECIPIENT", key.Recipient().String(), 1) + sinkOf("a", "ephemeral.agentcreds_agent_secret.bot.secret"),
		"given":  sinkFirst,
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
