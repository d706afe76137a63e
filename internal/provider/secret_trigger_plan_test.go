package provider_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rotation is what a rotation makes anew, sorted; everything else keeps its
// value.
var rotation = []string{"expires_at", "hint", "previous", "rotated_at", "sealed_secret", "secret", "secret_id", "version"}

// expectPlan checks which attributes are unknown, and that of the others only
// the named ones change.
func expectPlan(t *testing.T, prior instance, plan planned, unknowns []string, changes ...string) {
	t.Helper()
	slices.Sort(changes)
	if got := plan.unknowns(); !slices.Equal(got, unknowns) {
		t.Errorf("unknown in the plan: %v, want %v", got, unknowns)
	}
	if got := prior.state.changes(plan.attrs); !slices.Equal(got, changes) {
		t.Errorf("changed in the plan: %v, want %v", got, changes)
	}
}

func TestTriggerPlan(t *testing.T) {
	t.Parallel()
	a1, a2, a1b1 := attrs{"a": "1"}, attrs{"a": "2"}, attrs{"a": "1", "b": "1"}
	rows := []struct {
		name        string
		prior, next any
		rotates     bool // with a state that this provider made
		baseline    bool // the first trigger after an import does not
		lateUnknown bool // the trigger itself is unknown too
	}{
		{name: "stays null", prior: nil, next: nil},
		{name: "null becomes empty", prior: nil, next: attrs{}},
		{name: "empty becomes null", prior: attrs{}, next: nil},
		{name: "null becomes a map", prior: nil, next: a1, rotates: true, baseline: true},
		{name: "empty becomes a map", prior: attrs{}, next: a1, rotates: true, baseline: true},
		{name: "same", prior: a1, next: attrs{"a": "1"}},
		{name: "changed value", prior: a1, next: a2, rotates: true},
		{name: "added key", prior: a1, next: a1b1, rotates: true},
		{name: "removed key", prior: a1b1, next: a1, rotates: true},
		{name: "renamed key", prior: a1, next: attrs{"b": "1"}, rotates: true},
		{name: "value becomes empty", prior: a1, next: attrs{"a": ""}, rotates: true},
		{name: "value becomes null", prior: a1, next: attrs{"a": nil}, rotates: true},
		{name: "map becomes null", prior: a1, next: nil},
		{name: "map becomes empty", prior: a1, next: attrs{}},
		{name: "unknown element", prior: a1, next: attrs{"a": unknown}, rotates: true, lateUnknown: true},
		{name: "unknown element in place of null", prior: nil, next: attrs{"a": unknown}, rotates: true, baseline: true, lateUnknown: true},
		{name: "unknown map", prior: a1, next: unknown, rotates: true, lateUnknown: true},
		{name: "unknown map in place of null", prior: nil, next: unknown, rotates: true, baseline: true, lateUnknown: true},
	}
	at := newRemotePlace(t)
	for _, imported := range []bool{false, true} {
		for _, tt := range rows {
			name := tt.name
			if imported {
				name += ", imported"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, m := at.newSecret(t, attrs{"rotation_trigger": tt.prior})
				config := attrs{"agent_id": m.state["agent_id"], "rotation_trigger": tt.prior}
				if imported {
					m = at.importOf(t, m, config)
				}
				plan := m.plan(config.with("rotation_trigger", tt.next))
				var unknowns, changes []string
				if tt.rotates && (!imported || !tt.baseline) {
					unknowns = rotation
				}
				if tt.lateUnknown {
					unknowns = sorted(unknowns, "rotation_trigger")
				} else if !cmp.Equal(m.state["rotation_trigger"], tt.next) {
					changes = []string{"rotation_trigger"}
				}
				expectPlan(t, m.instance, plan, unknowns, changes...)
				if len(plan.replace) > 0 {
					t.Errorf("the plan replaces by %v", plan.replace)
				}
			})
		}
	}
}

// importOf imports the secret of a state anew, and applies a configuration to
// it as its baseline.
func (p *place) importOf(t *testing.T, m *managed, baseline attrs) *managed {
	t.Helper()
	out := p.resource(t, secretType)
	if d := out.importBy(m.state.text("agent_id") + "/" + m.state.text("secret_id")); len(d.errors()) > 0 {
		t.Fatal(d)
	}
	if baseline != nil {
		out.apply(baseline)
		if got, want := out.state["secret_id"], m.state["secret_id"]; got != want {
			t.Fatalf("the baseline rotated: %v, want %v", got, want)
		}
	}
	return out
}
