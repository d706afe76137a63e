package authority_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// Live secrets count, whatever their age; what is revoked, expired, or ended by
// the same request does not.
func TestLimit(t *testing.T) {
	past, soon := -time.Hour, time.Hour
	for _, max := range []int{1, 2, 10} {
		for _, tt := range []struct {
			name   string
			before func(t *testing.T, w *world, ids []string)           // after max secrets were made
			ask    func(w *world, ids []string, n *authority.NewSecret) // nil: a plain request
			kind   authority.Kind
		}{
			{name: "full", kind: authority.Limit},
			{name: "one revoked", before: func(t *testing.T, w *world, ids []string) {
				if err := w.RevokeSecret(t.Context(), admin, w.owner(t), ids[0], nil); err != nil {
					t.Fatal(err)
				}
			}},
			{name: "one ended by its expiry", before: func(t *testing.T, w *world, ids []string) {
				if _, err := w.ExpireSecret(t.Context(), admin, w.owner(t), ids[0], w.clock.in(soon)); err != nil {
					t.Fatal(err)
				}
				w.clock.Add(soon)
			}},
			{name: "one about to expire", kind: authority.Limit, before: func(t *testing.T, w *world, ids []string) {
				if _, err := w.ExpireSecret(t.Context(), admin, w.owner(t), ids[0], w.clock.in(soon)); err != nil {
					t.Fatal(err)
				}
				w.clock.Add(soon - time.Second)
			}},
			{name: "retired into the past", ask: func(w *world, ids []string, n *authority.NewSecret) {
				n.Previous = &authority.Retire{ID: ids[0], Expires: w.clock.in(past)}
			}},
			{name: "retired now", ask: func(w *world, ids []string, n *authority.NewSecret) {
				n.Previous = &authority.Retire{ID: ids[0], Expires: w.clock.in(0)}
			}},
			{name: "retired with a grace", kind: authority.Limit, ask: func(w *world, ids []string, n *authority.NewSecret) {
				n.Previous = &authority.Retire{ID: ids[0], Expires: w.clock.in(soon)}
			}},
			{name: "revoked by the request", ask: func(_ *world, ids []string, n *authority.NewSecret) {
				n.Revoke = ids[:1]
			}},
			{name: "all revoked by the request", ask: func(_ *world, ids []string, n *authority.NewSecret) {
				n.Revoke = ids
			}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, max)
				id := w.agent(t)
				var ids []string
				for range max {
					ids = append(ids, w.add(t, authority.NewSecret{AgentID: id}).ID)
				}
				if tt.before != nil {
					tt.before(t, w, ids)
				}
				n := authority.NewSecret{AgentID: id}
				if tt.ask != nil {
					tt.ask(w, ids, &n)
				}
				if tt.kind != 0 {
					w.refusedAdd(t, n, tt.kind)
					return
				}
				w.add(t, n)
			})
		}
	}
}

// owner is the only agent of the world.
func (w *world) owner(t *testing.T) string {
	t.Helper()
	var q authority.Query
	q.Limit = 2
	page, err := w.Agents(t.Context(), q)
	if err != nil || len(page.Agents) != 1 {
		t.Fatalf("there is not one agent: %v, %v", page, err)
	}
	return page.Agents[0].ID
}

// A refused request leaves what it would have retired and revoked as it was.
func TestLimit_refusalTouchesNothing(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	first := w.add(t, authority.NewSecret{AgentID: id})
	second := w.add(t, authority.NewSecret{AgentID: id})
	w.refusedAdd(t, authority.NewSecret{
		AgentID:  id,
		Previous: &authority.Retire{ID: second.ID, Expires: w.clock.in(time.Hour)},
	}, authority.Limit)
	w.refusedAdd(t, authority.NewSecret{
		AgentID: id,
		Revoke:  []string{first.ID, "00000000-0000-4000-8000-000000000000"},
	}, authority.NoSecret)
	w.wantStatuses(t, id, "ACTIVE ACTIVE")
	if got := w.get(t, id).Secrets[0].Expires; got != 0 {
		t.Errorf("a refused rotation moved the expiry to %d", got)
	}
}

func TestAddSecret_requests(t *testing.T) {
	unknown := "00000000-0000-4000-8000-000000000000"
	for _, tt := range []struct {
		name string
		ask  func(w *world, n *authority.NewSecret)
		kind authority.Kind
	}{
		{"expiry in the past", func(w *world, n *authority.NewSecret) { n.Expires = w.clock.in(-time.Second) }, authority.Invalid},
		{"expiry now", func(w *world, n *authority.NewSecret) { n.Expires = w.clock.in(0) }, authority.Invalid},
		{"negative expiry", func(_ *world, n *authority.NewSecret) { n.Expires = -1 }, authority.Invalid},
		{"expiry soon", func(w *world, n *authority.NewSecret) { n.Expires = w.clock.in(time.Second) }, 0},
		{"unknown previous", func(w *world, n *authority.NewSecret) {
			n.Previous = &authority.Retire{ID: unknown, Expires: w.clock.in(time.Hour)}
		}, authority.NoSecret},
		{"previous without an end", func(_ *world, n *authority.NewSecret) {
			n.Previous = &authority.Retire{ID: n.Revoke[0]}
			n.Revoke = nil
		}, authority.Invalid},
		{"unknown revoke", func(_ *world, n *authority.NewSecret) { n.Revoke = []string{unknown} }, authority.NoSecret},
		{"revoked twice in one request", func(_ *world, n *authority.NewSecret) { n.Revoke = append(n.Revoke, n.Revoke...) }, 0},
		{"retires and revokes the same", func(w *world, n *authority.NewSecret) {
			n.Previous = &authority.Retire{ID: n.Revoke[0], Expires: w.clock.in(time.Hour)}
		}, 0},
		{"weak", func(_ *world, n *authority.NewSecret) { n.Value = weak() }, authority.Weak},
		{"unknown agent", func(_ *world, n *authority.NewSecret) { n.AgentID = unknown }, authority.NoAgent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 3)
			id := w.agent(t)
			old := w.add(t, authority.NewSecret{AgentID: id})
			n := authority.NewSecret{AgentID: id, Revoke: []string{old.ID}}
			tt.ask(w, &n)
			if tt.kind == 0 {
				w.add(t, n)
				return
			}
			_, _, err := w.AddSecret(t.Context(), admin, n)
			wantKind(t, err, tt.kind)
			w.wantStatuses(t, id, "ACTIVE")
		})
	}
}
