package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// signedIn signs in as the agent, with the secret of the state, and waits until
// the server tells it: uses are written in batches.
func signedIn(at *place, m *managed) {
	m.t.Helper()
	h := at.hand(m.t)
	_, err := h.AgentToken(h.ctx(), client.AgentLogin{AgentID: m.agentID(), Secret: secret.New(m.state.text("secret"))})
	h.check("sign in", err)
	for range 100 {
		if h.secret(m.agentID(), m.secretID()).LastUsedAt != 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	m.t.Fatal("the server does not tell that the secret was used")
}

// TestSecretPlanInUse: a plan that ends a secret which was used within a day
// says which and when; no other plan says anything of it, and none asks for the
// time.
func TestSecretPlanInUse(t *testing.T) {
	t.Parallel()
	rotated := attrs{"rotation_trigger": attrs{"n": "next"}}
	atOnce := attrs{"rotation_trigger": attrs{"n": "next"}, "grace_period": "0s"}
	usedThenRotated := both(signedIn, rotatedOnce)
	for _, tt := range []struct {
		name   string
		config attrs
		then   event
		next   attrs
		delete bool
		warns  string // "": nothing of a use
		before bool   // it is about the previous secret
	}{
		{name: "nothing", then: signedIn},
		{name: "rotation with grace", then: signedIn, next: rotated},
		{name: "rotation without", then: signedIn, next: atOnce, warns: "grace_period is 0s"},
		{name: "rotation without, by a new rotate_after", then: signedIn, next: attrs{"rotate_after": "1h", "grace_period": "0s"}, warns: "grace_period is 0s"},
		{name: "rotation without, never used", next: atOnce},
		{name: "rotation without, used a day ago", then: both(signedIn, later(25*time.Hour)), next: atOnce},
		{name: "rotation without, used in the day", then: both(signedIn, later(23*time.Hour)), next: atOnce, warns: "grace_period is 0s"},
		{name: "rotation without, revoked since", config: attrs{"on_drift": "ignore"}, then: both(signedIn, revokedOutside), next: atOnce},
		{name: "a rotation that takes the room", then: usedThenRotated, next: attrs{"rotation_trigger": attrs{"n": "twice"}}, warns: "make room", before: true},
		{name: "grace shortened", then: usedThenRotated, next: attrs{"grace_period": "1h"}, warns: "grace_period is shorter", before: true},
		{name: "grace longer", then: usedThenRotated, next: attrs{"grace_period": "48h"}},
		{name: "deletion", then: signedIn, delete: true, warns: "deletes the resource"},
		{name: "deletion, of the previous too", then: usedThenRotated, delete: true, warns: "deletes the resource", before: true},
		{name: "deletion, never used", delete: true},
		{name: "deletion that leaves it", config: attrs{"deletion_policy": "abandon"}, then: signedIn, delete: true},
		{name: "another agent", then: signedIn, next: attrs{"agent_id": unknown}, warns: "deletes the resource"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at, _ := newTokenPlace(t)
			_, m := at.newSecret(t, tt.config)
			about := m.secretID()
			if tt.then != nil {
				tt.then(at, m)
			}
			if !tt.before {
				about = m.secretID()
			}
			config := m.configured().merge(tt.next)
			if tt.delete {
				config = nil
			}
			p := at.plugin(t)
			p.mustPass("refresh", m.refreshBy(p))
			at.remote.forget()
			plan := m.planBy(p, config)
			p.mustPass("plan", plan.problems)
			said := plan.problems.warnings()
			switch {
			case tt.warns != "":
				saysAll(t, "the plan", said, "in use ends", about, "last used at "+time.Now().UTC().Format("2006-"), tt.warns)
			case strings.Contains(said.String(), "in use"):
				t.Errorf("the plan warns: %v", said)
			}
			if asked := at.remote.requests("", anyPath); len(asked) > 0 {
				t.Errorf("the plan asked the server: %v", asked)
			}
			if again := m.planBy(at.plugin(t), config); again.problems.String() != plan.problems.String() {
				t.Errorf("the same plan says %v, and then %v", plan.problems, again.problems)
			}
		})
	}
}
