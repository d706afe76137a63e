package authority_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// Blocking raises the epoch, so that tokens die; unblocking does not give them
// back.
func TestBlock(t *testing.T) {
	type step struct {
		change  authority.AgentChange
		blocked bool
		epoch   int64
		action  audit.Action // "": nothing changed
	}
	off, on := new(false), new(true)
	for name, steps := range map[string][]step{
		"active": {
			{authority.AgentChange{Active: on}, false, 0, ""},
			{authority.AgentChange{Active: off}, true, 1, audit.AgentBlock},
			{authority.AgentChange{Active: off}, true, 1, ""},
			{authority.AgentChange{Active: on}, false, 1, audit.AgentUnblock},
			{authority.AgentChange{Active: off}, true, 2, audit.AgentBlock},
		},
		"accountLocked": {
			{authority.AgentChange{Locked: off}, false, 0, ""},
			{authority.AgentChange{Locked: on}, true, 1, audit.AgentBlock},
			{authority.AgentChange{Locked: off}, false, 1, audit.AgentUnblock},
		},
		"both": {
			{authority.AgentChange{Locked: on}, true, 1, audit.AgentBlock},
			{authority.AgentChange{Active: off}, true, 1, audit.AgentUpdate},
			{authority.AgentChange{Locked: off}, true, 1, audit.AgentUpdate},
			{authority.AgentChange{Active: on}, false, 1, audit.AgentUnblock},
		},
		"both at once": {
			{authority.AgentChange{Locked: on, Active: off}, true, 1, audit.AgentBlock},
			{authority.AgentChange{Locked: off, Active: on}, false, 1, audit.AgentUnblock},
		},
		"with other changes": {
			{authority.AgentChange{Active: off, Owner: new("bob")}, true, 1, audit.AgentBlock},
			{authority.AgentChange{Owner: new("ann")}, true, 1, audit.AgentUpdate},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2)
			id := w.agent(t)
			for i, s := range steps {
				events := len(w.trail(t))
				a := w.change(t, id, s.change)
				if a.Blocked() != s.blocked || a.Epoch != s.epoch {
					t.Fatalf("step %d: blocked %v, epoch %d; want %v, %d", i, a.Blocked(), a.Epoch, s.blocked, s.epoch)
				}
				trail := w.trail(t)[events:]
				if s.action == "" {
					if len(trail) != 0 {
						t.Fatalf("step %d: no change left %+v", i, trail)
					}
					continue
				}
				if len(trail) != 1 || trail[0].Action != s.action || trail[0].Detail["changed"] == "" {
					t.Fatalf("step %d: the audit says %+v, want one %s", i, trail, s.action)
				}
			}
		})
	}
}

// A blocked agent may be prepared for its return, but it does not rotate.
func TestBlocked_secrets(t *testing.T) {
	w := newWorld(t, 3)
	id := w.agent(t)
	old := w.add(t, authority.NewSecret{AgentID: id})
	w.change(t, id, authority.AgentChange{Locked: new(true)})
	for name, n := range map[string]authority.NewSecret{
		"previous": {Previous: &authority.Retire{ID: old.ID, Expires: w.clock.in(time.Hour)}},
		"revoke":   {Revoke: []string{old.ID}},
		"If-Match": {Latest: &old.ID},
	} {
		n.AgentID = id
		if w.refusedAdd(t, n, authority.Blocked); t.Failed() {
			t.Fatal(name)
		}
	}
	w.add(t, authority.NewSecret{AgentID: id})
	if _, err := w.ExpireSecret(t.Context(), admin, id, old.ID, w.clock.in(time.Hour)); err != nil {
		t.Error(err)
	}
	if err := w.RevokeSecret(t.Context(), admin, id, old.ID, nil); err != nil {
		t.Error(err)
	}
	w.wantStatuses(t, id, "ACTIVE REVOKED")
}

func TestChangeAgent_fields(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	w.change(t, id, authority.AgentChange{
		Attributes: map[string]*string{"Url": new("u"), "Model": new("m")},
		Scopes:     &[]string{"a"}, Audiences: &[]string{"x"},
	})
	w.clock.Add(time.Minute)
	before := w.get(t, id)
	a := w.change(t, id, authority.AgentChange{
		DisplayName: new("renamed"),
		Attributes:  map[string]*string{"url": new("u2"), "model": nil, "Team": new("t")},
		MoreScopes:  []string{"b", "a"}, Audiences: &[]string{},
	})
	if !a.Modified.Equal(w.clock.Now()) || !a.Created.Equal(before.Created) {
		t.Errorf("created %v, modified %v", a.Created, a.Modified)
	}
	// Names of attributes know no letter case; the first spelling stays.
	if want := map[string]string{"Url": "u2", "Team": "t"}; !maps.Equal(a.Attributes, want) {
		t.Errorf("attributes = %v, want %v", a.Attributes, want)
	}
	if a.DisplayName != "renamed" || !slices.Equal(a.Scopes, []string{"a", "b"}) || a.Audiences != nil {
		t.Errorf("the agent is %+v", a.Agent)
	}
	if a = w.change(t, id, authority.AgentChange{OnlyThese: true}); a.Attributes != nil {
		t.Errorf("attributes = %v, want none", a.Attributes)
	}

	w.clock.Add(time.Minute)
	events := len(w.trail(t))
	same := w.change(t, id, authority.AgentChange{DisplayName: new("renamed"), MoreScopes: []string{"a"}, OnlyThese: true})
	if !same.Modified.Equal(a.Modified) || len(w.trail(t)) != events {
		t.Error("a change that changes nothing left a trace")
	}

	_, err := w.ChangeAgent(t.Context(), admin, idOne, authority.AgentChange{DisplayName: new("x")})
	wantKind(t, err, authority.NoAgent)
}
