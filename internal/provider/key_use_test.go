package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// usedKey is what a login by the key of the state leaves in the store.
func usedKey(at *place, m *managed) {
	m.t.Helper()
	err := at.remote.store.Touch(m.t.Context(), []store.Use{{AgentID: m.agentID(), Kind: store.KeyKind, SecretID: m.kid(), At: at.remote.skew.Now()}})
	if err != nil {
		m.t.Fatal(err)
	}
}

// TestKeyPlanInUse: a plan that ends a key which was used within a day, or the
// last way in, says so; no other plan does, and none asks the server.
func TestKeyPlanInUse(t *testing.T) {
	t.Parallel()
	a, b, c := newKeyPair(t), newKeyPair(t), newKeyPair(t)
	rotated := func(at *place, m *managed) { m.apply(m.configured().merge(b.pem())) }
	second := func(at *place, m *managed) {
		h := at.hand(m.t)
		h.add(m.agentID(), api.SecretRequest{})
	}
	for _, tt := range []struct {
		name   string
		agent  attrs
		then   event
		next   attrs
		delete bool
		warns  []string // nil: nothing
		silent string   // what is not said
	}{
		{name: "nothing", then: usedKey},
		{name: "rotation with grace", then: usedKey, next: b.pem()},
		{name: "rotation without", then: usedKey, next: b.pem().with("grace_period", "0s"), warns: []string{"in use ends", a.kid, "grace_period is 0s"}},
		{name: "rotation without, never used", next: b.pem().with("grace_period", "0s")},
		{name: "rotation without, used a day ago", then: both(usedKey, later(25*time.Hour)), next: b.pem().with("grace_period", "0s")},
		{name: "a rotation that takes the room", then: both(usedKey, rotated), next: c.pem(), warns: []string{"in use ends", a.kid, "make room"}},
		{name: "grace shortened", then: both(usedKey, rotated), next: attrs{"grace_period": "1h"}, warns: []string{"in use ends", a.kid, "grace_period is shorter"}},
		{name: "grace longer", then: both(usedKey, rotated), next: attrs{"grace_period": "48h"}},
		{name: "deletion", then: usedKey, delete: true, warns: []string{"in use ends", a.kid, "deletes the resource", "last credential", "key alone"}},
		{name: "deletion, of the previous too", then: both(usedKey, rotated), delete: true, warns: []string{"in use ends", a.kid, "last credential"}},
		{name: "deletion beside a secret", then: both(usedKey, second), delete: true, warns: []string{"in use ends"}, silent: "last credential"},
		{name: "deletion beside a secret that does not count", agent: attrs{"allowed_auth_methods": words("private_key_jwt")}, then: second, delete: true, warns: []string{"last credential"}, silent: "in use"},
		{name: "deletion of what is not allowed", agent: attrs{"allowed_auth_methods": words("client_secret_basic")}, delete: true},
		{name: "another agent", then: usedKey, next: attrs{"agent_id": unknown}, warns: []string{"deletes the resource", "last credential"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := newRemotePlace(t)
			m := at.resource(t, keyType)
			m.apply(at.newAgent(t, tt.agent).owns(a.pem()))
			if tt.then != nil {
				tt.then(at, m)
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
			saysAll(t, "the plan", said, tt.warns...)
			if tt.warns == nil && strings.Contains(said.String(), "redential") || tt.silent != "" && strings.Contains(said.String(), tt.silent) {
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

// TestReplacedByItself: a taint of a key or a given certificate, which
// is not taken again after its deletion, is warned of. Before, the plan was well
// and the apply left the agent without.
func TestReplacedByItself(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	for kind, forms := range map[string][2]attrs{
		keyType:         {newKeyPair(t).pem(), newKeyPair(t).pem()},
		certificateType: {{"certificate_pem": selfSigned(t)}, {"certificate_pem": selfSigned(t)}},
	} {
		agent, m := at.newAgent(t, nil), at.resource(t, kind)
		first := m.planBy(at.plugin(t), agent.owns(forms[0]))
		m.apply(agent.owns(forms[0]))
		if said := append(first.problems, m.plan(agent.owns(forms[1])).problems...); len(said.warnings()) > 0 {
			t.Errorf("%s: the plan of the first and of another says %v", kind, said)
		}
		p := at.plugin(t)
		p.mustPass("refresh", m.refreshBy(p))
		m.tainted = true
		saysAll(t, kind, m.planBy(p, agent.owns(forms[0])).problems.warnings(), "there already", "Give another")
		if said := m.planBy(p, agent.owns(forms[1])).problems.warnings(); len(said) > 0 {
			t.Errorf("%s: a replacement by another says %v", kind, said)
		}
	}
}
