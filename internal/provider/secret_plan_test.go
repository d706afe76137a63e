package provider_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// event is something that happens between an apply and the next plan.
type event func(at *place, m *managed)

func (m *managed) agentID() string  { return m.state.text("agent_id") }
func (m *managed) secretID() string { return m.state.text("secret_id") }

func later(d time.Duration) event {
	return func(at *place, _ *managed) { at.remote.skew.advance(d) }
}

func rotatedOutside(at *place, m *managed) {
	at.hand(m.t).rotate(m.agentID(), m.secretID())
}

func revokedOutside(at *place, m *managed) {
	at.hand(m.t).revoke(m.agentID(), m.secretID())
}

func addedOutside(at *place, m *managed) {
	at.hand(m.t).add(m.agentID(), api.SecretRequest{})
}

func agentBlocked(at *place, m *managed) {
	at.hand(m.t).patch(m.agentID(), api.Replace(api.SchemaWSO2+":accountLocked", true))
}

func agentRevoked(at *place, m *managed) {
	h := at.hand(m.t)
	h.check("revoke everything", h.RevokeAll(h.ctx(), m.agentID()))
}

func both(events ...event) event {
	return func(at *place, m *managed) {
		for _, e := range events {
			e(at, m)
		}
	}
}

// rotatedOnce changes the trigger, so that there is a previous secret.
func rotatedOnce(_ *place, m *managed) {
	m.t.Helper()
	m.apply(m.configured().with("rotation_trigger", attrs{"n": "once"}))
}

// configured is a configuration that says what the state says.
func (m *managed) configured() attrs {
	out := attrs{}
	for _, a := range schemas().ResourceSchemas[m.name].Block.Attributes {
		if a.Required || a.Optional {
			out[a.Name] = m.state[a.Name]
		}
	}
	return out
}

// TestSecretPlan: which attributes a change, or what happened outside, makes
// unknown, which change, and that all others stay.
func TestSecretPlan(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	previous, expiry := []string{"previous"}, []string{"expires_at"}
	for _, tt := range []struct {
		name     string
		config   attrs // at first
		then     event
		next     attrs // changes of the configuration
		unknowns []string
		changes  []string
		warns    string // "": nothing is said
	}{
		{name: "nothing"},
		{name: "on_drift alone", next: attrs{"on_drift": "warn"}, changes: []string{"on_drift"}},
		{name: "deletion_policy alone", next: attrs{"deletion_policy": "abandon"}, changes: []string{"deletion_policy"}},
		{name: "on_existing alone", next: attrs{"on_existing": "replace"}, changes: []string{"on_existing"}},

		// Drift.
		{name: "rotated outside", then: rotatedOutside, unknowns: rotation, changes: []string{"drift"}, warns: "grace period ends early"},
		{name: "rotated outside, warn", config: attrs{"on_drift": "warn"}, then: rotatedOutside, warns: "outside Terraform"},
		{name: "rotated outside, ignore", config: attrs{"on_drift": "ignore"}, then: rotatedOutside},
		{name: "rotated outside, then warn", then: rotatedOutside, next: attrs{"on_drift": "warn"}, changes: []string{"on_drift"}, warns: "outside Terraform"},
		{name: "rotated outside, then rotate", config: attrs{"on_drift": "ignore"}, then: rotatedOutside, next: attrs{"on_drift": "rotate"}, unknowns: rotation, changes: []string{"drift", "on_drift"}, warns: "grace period ends early"},
		{name: "rotated outside, ignore, and the trigger", config: attrs{"on_drift": "ignore"}, then: rotatedOutside, next: attrs{"rotation_trigger": attrs{"a": "1"}}, unknowns: rotation, changes: []string{"drift", "rotation_trigger"}, warns: "grace period ends early"},
		{name: "revoked outside", then: revokedOutside, unknowns: rotation, changes: []string{"drift"}},
		{name: "revoked outside, warn", config: attrs{"on_drift": "warn"}, then: revokedOutside, warns: "outside Terraform"},
		{name: "revoked outside, ignore", config: attrs{"on_drift": "ignore"}, then: revokedOutside},
		{name: "expired", config: attrs{"expire_after": "24h"}, then: later(25 * time.Hour), unknowns: rotation, changes: []string{"drift"}},
		{name: "expired, warn", config: attrs{"expire_after": "24h", "on_drift": "warn"}, then: later(25 * time.Hour), warns: "outside Terraform"},
		{name: "expired, ignore", config: attrs{"expire_after": "24h", "on_drift": "ignore"}, then: later(25 * time.Hour)},
		{name: "another secret beside ours", then: addedOutside},

		// Age.
		{name: "not due yet", config: attrs{"rotate_after": "24h"}, then: later(23 * time.Hour)},
		{name: "due", config: attrs{"rotate_after": "24h"}, then: later(day + time.Minute), unknowns: rotation, changes: []string{"rotation_due"}},
		{name: "due, written otherwise", config: attrs{"rotate_after": "24h"}, then: later(day + time.Minute), next: attrs{"rotate_after": "1440m"}, unknowns: rotation, changes: []string{"rotate_after", "rotation_due"}},
		{name: "due, but put off", config: attrs{"rotate_after": "24h"}, then: later(day + time.Minute), next: attrs{"rotate_after": "48h"}, unknowns: rotation, changes: []string{"rotate_after", "rotation_due"}},
		{name: "due, but no more", config: attrs{"rotate_after": "24h"}, then: later(day + time.Minute), next: attrs{"rotate_after": nil}, changes: []string{"rotate_after", "rotation_due"}},
		{name: "rotate_after is new", next: attrs{"rotate_after": "24h"}, unknowns: rotation, changes: []string{"rotate_after"}},
		{name: "rotate_after changed", config: attrs{"rotate_after": "24h"}, next: attrs{"rotate_after": "12h"}, unknowns: rotation, changes: []string{"rotate_after"}},
		{name: "rotate_after written otherwise", config: attrs{"rotate_after": "24h"}, next: attrs{"rotate_after": "1440m"}, changes: []string{"rotate_after"}},
		{name: "rotate_after gone", config: attrs{"rotate_after": "24h"}, next: attrs{"rotate_after": nil}, changes: []string{"rotate_after"}},
		{name: "rotate_after unknown", config: attrs{"rotate_after": "24h"}, next: attrs{"rotate_after": unknown}, unknowns: sorted(rotation, "rotate_after")},

		// The ends of the present secrets.
		{name: "grace_period is new", next: attrs{"grace_period": "1h"}, changes: []string{"grace_period"}},
		{name: "grace_period is new, with a previous", then: rotatedOnce, next: attrs{"grace_period": "1h"}, unknowns: previous, changes: []string{"grace_period"}},
		{name: "grace_period is the default, with a previous", then: rotatedOnce, next: attrs{"grace_period": "24h"}, changes: []string{"grace_period"}},
		{name: "grace_period changed", config: attrs{"grace_period": "1h"}, next: attrs{"grace_period": "2h"}, changes: []string{"grace_period"}},
		{name: "grace_period changed, with a previous", config: attrs{"grace_period": "1h"}, then: rotatedOnce, next: attrs{"grace_period": "2h"}, unknowns: previous, changes: []string{"grace_period"}},
		{name: "grace_period written otherwise, with a previous", config: attrs{"grace_period": "1h"}, then: rotatedOnce, next: attrs{"grace_period": "60m"}, changes: []string{"grace_period"}},
		{name: "grace_period gone, with a previous", config: attrs{"grace_period": "1h"}, then: rotatedOnce, next: attrs{"grace_period": nil}, unknowns: previous, changes: []string{"grace_period"}},
		{name: "grace_period unknown, with a previous", config: attrs{"grace_period": "1h"}, then: rotatedOnce, next: attrs{"grace_period": unknown}, unknowns: []string{"grace_period", "previous"}},
		{name: "grace_period and the trigger", config: attrs{"grace_period": "1h"}, then: rotatedOnce, next: attrs{"grace_period": "2h", "rotation_trigger": attrs{"n": "twice"}}, unknowns: rotation, changes: []string{"grace_period", "rotation_trigger"}, warns: "grace period ends early"},
		{name: "expire_after is new", next: attrs{"expire_after": "48h"}, unknowns: expiry, changes: []string{"expire_after"}},
		{name: "expire_after changed", config: attrs{"expire_after": "48h"}, next: attrs{"expire_after": "72h"}, unknowns: expiry, changes: []string{"expire_after"}},
		{name: "expire_after written otherwise", config: attrs{"expire_after": "48h"}, next: attrs{"expire_after": "2880m"}, changes: []string{"expire_after"}},
		{name: "expire_after gone", config: attrs{"expire_after": "48h"}, next: attrs{"expire_after": nil}, unknowns: expiry, changes: []string{"expire_after"}},
		{name: "expire_after unknown", config: attrs{"expire_after": "48h"}, next: attrs{"expire_after": unknown}, unknowns: []string{"expire_after", "expires_at"}},
		{name: "both ends", then: rotatedOnce, next: attrs{"expire_after": "48h", "grace_period": "1h"}, unknowns: []string{"expires_at", "previous"}, changes: []string{"expire_after", "grace_period"}},

		// A second rotation inside the grace.
		{name: "trigger, with a previous that lives", then: rotatedOnce, next: attrs{"rotation_trigger": attrs{"n": "twice"}}, unknowns: rotation, changes: []string{"rotation_trigger"}, warns: "grace period ends early"},
		{name: "trigger, with a previous that is gone", config: attrs{"grace_period": "0s"}, then: rotatedOnce, next: attrs{"rotation_trigger": attrs{"n": "twice"}}, unknowns: rotation, changes: []string{"rotation_trigger"}},

		// An agent out of service waits, unless the trigger asks.
		{name: "blocked", then: agentBlocked},
		{name: "blocked, and rotated outside", then: both(rotatedOutside, agentBlocked), warns: "not rotated"},
		{name: "blocked, and due", config: attrs{"rotate_after": "24h"}, then: both(agentBlocked, later(25*time.Hour))},
		{name: "blocked, and the trigger", then: agentBlocked, next: attrs{"rotation_trigger": attrs{"a": "1"}}, unknowns: rotation, changes: []string{"rotation_trigger"}},
		{name: "revoked", then: agentRevoked, warns: "not rotated"},
		{name: "revoked, warn", config: attrs{"on_drift": "warn"}, then: agentRevoked, warns: "outside Terraform"},
		{name: "revoked, ignore", config: attrs{"on_drift": "ignore"}, then: agentRevoked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := newRemotePlace(t)
			_, m := at.newSecret(t, tt.config)
			if tt.then != nil {
				tt.then(at, m)
			}
			config := m.configured().merge(tt.next)
			p := at.plugin(t)
			p.mustPass("refresh", m.refreshBy(p))
			at.remote.forget()
			plan := m.planBy(p, config)
			p.mustPass("plan", plan.problems)
			expectPlan(t, m.instance, plan, tt.unknowns, tt.changes...)
			if asked := at.remote.requests("", anyPath); len(asked) > 0 {
				t.Errorf("the plan asked the server: %v", asked)
			}
			said := plan.problems.warnings()
			if tt.warns == "" && len(said) > 0 {
				t.Errorf("the plan warns: %v", said)
			}
			if tt.warns != "" {
				saysAll(t, "the plan", said, tt.warns)
			}
		})
	}
}

// TestSecretPlanAfterImport: what is configured first is the baseline; nothing
// is moved and nothing rotates.
func TestSecretPlanAfterImport(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	for _, tt := range []struct {
		name string
		next attrs
	}{
		{"rotate_after", attrs{"rotate_after": "24h"}},
		{"expire_after", attrs{"expire_after": "24h"}},
		{"grace_period", attrs{"grace_period": "1h"}},
		{"on_drift", attrs{"on_drift": "ignore"}},
		{"everything", attrs{"rotate_after": "24h", "expire_after": "48h", "grace_period": "1h", "rotation_trigger": attrs{"a": "1"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, m := at.newSecret(t, nil)
			m = at.importOf(t, m, nil)
			var changes []string
			for name := range tt.next {
				changes = append(changes, name)
			}
			expectPlan(t, m.instance, m.plan(m.configured().merge(tt.next)), nil, changes...)
		})
	}
}

// TestSecretPlanReplaces: only another agent replaces the secret.
func TestSecretPlanReplaces(t *testing.T) {
	t.Parallel()
	at := newRemotePlace(t)
	_, m := at.newSecret(t, attrs{"rotation_trigger": attrs{"a": "1"}})
	for name, next := range map[string]any{"another": at.newAgent(t, nil).id(), "unknown": unknown} {
		plan := m.plan(m.configured().with("agent_id", next))
		if len(plan.replace) != 1 || plan.replace[0] != `AttributeName("agent_id")` {
			t.Errorf("%s agent replaces by %v, want agent_id", name, plan.replace)
		}
	}
}
