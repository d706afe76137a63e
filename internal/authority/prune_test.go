package authority_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// prune removes what is older than `before` from now, and wants so many to go.
func (w *world) prune(t *testing.T, before time.Duration, want int64) authority.Pruned {
	t.Helper()
	did, err := w.PruneAudit(t.Context(), admin, authority.Prune{Before: w.clock.Now().Add(-before), Through: math.MaxInt64})
	if err != nil || did.Removed != want {
		t.Fatalf("PruneAudit = %+v, %v; want %d removed", did, err, want)
	}
	return did
}

// What is old goes, with a record of who cut what; the rest stays as it was,
// and the chain verifies (see trail).
func TestPruneAudit(t *testing.T) {
	w := newWorld(t, 2)
	w.prune(t, 0, 0) // the entry of this moment is not older than it
	w.agent(t)
	w.clock.Add(time.Hour)
	id := w.agent(t)
	before := w.trail(t) // birth, one, | two
	w.prune(t, 2*time.Hour, 0)
	if got := len(w.trail(t)); got != 3 {
		t.Errorf("a cut of nothing leaves %d entries, want 3", got)
	}
	did := w.prune(t, time.Minute, 2)
	after := w.trail(t)
	if len(after) != 2 || after[0].Hash != before[2].Hash || did.Kept != 3 || did.Hash != before[1].Hash || did.Held {
		t.Errorf("%+v leaves %+v", did, after)
	}
	record := after[1]
	want := audit.Event{Actor: "admin", Action: audit.Prune, Outcome: audit.Done, Detail: map[string]string{
		"before": "2026-03-01T12:59:00Z", "kept_from": "3", "removed": "2", "hash": before[1].Hash,
	}}
	if diff := cmp.Diff(want, record.Event); diff != "" || !record.Time.Equal(w.clock.Now()) {
		t.Errorf("the record at %v (-want +got):\n%s", record.Time, diff)
	}

	// An entry that is young keeps what came after it, whatever its time says.
	w.clock.Add(-48 * time.Hour)
	w.change(t, id, authority.AgentChange{Owner: new("ann")})
	w.clock.Add(48 * time.Hour)
	w.prune(t, time.Minute, 0)

	// Later all goes, the earlier record too; then nothing but a record is old.
	w.clock.Add(time.Hour)
	w.prune(t, time.Minute, 3)
	w.clock.Add(time.Hour)
	w.prune(t, time.Minute, 0)
	w.agent(t)
	w.clock.Add(time.Hour)
	w.prune(t, time.Minute, 2)
	if left := w.trail(t); len(left) != 1 || left[0].Action != audit.Prune {
		t.Errorf("left is %+v, want the last record alone", left)
	}
}

// What was not copied elsewhere yet stays, and that is told.
func TestPruneAudit_held(t *testing.T) {
	w := newWorld(t, 2)
	for range 3 {
		w.agent(t)
	}
	w.clock.Add(time.Hour)
	for _, tt := range []struct{ through, removed int64 }{{0, 0}, {2, 2}, {2, 0}, {4, 2}} {
		did, err := w.PruneAudit(t.Context(), admin, authority.Prune{Before: w.clock.Now(), Through: tt.through})
		if held := tt.through < 4; err != nil || did.Removed != tt.removed || did.Held != held {
			t.Errorf("through %d: %+v, %v; want %d removed, held %v", tt.through, did, err, tt.removed, held)
		}
	}
}

// A long audit is cut some at a time, each time with a record; what was done
// before an end holds.
func TestPruneAudit_batches(t *testing.T) {
	w := newWorld(t, 2)
	const many = 2500
	err := w.store.Update(t.Context(), func(store.Tx) ([]audit.Event, error) {
		return make([]audit.Event, many-1), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Add(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	first, err := authority.New(authority.Config{Store: &counted{Store: w.store, after: func(n int) {
		if n == 1 {
			cancel()
		}
	}}, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	all := authority.Prune{Before: w.clock.Now(), Through: math.MaxInt64}
	did, err := first.PruneAudit(ctx, admin, all)
	if !errors.Is(err, context.Canceled) || did.Removed != 1000 || did.Kept != 1001 {
		t.Errorf("PruneAudit that is ended = %+v, %v; want 1000 removed", did, err)
	}
	if did = w.prune(t, 0, 1500); did.Kept != many+1 {
		t.Errorf("the rest: %+v", did)
	}
	if left := w.trail(t); len(left) != 3 {
		t.Errorf("%d entries are left, want the 3 records", len(left))
	}
}

// counted tells when an update was done: only so can one act between two.
type counted struct {
	store.Store
	n     int
	after func(int)
}

func (c *counted) Update(ctx context.Context, fn func(store.Tx) ([]audit.Event, error)) error {
	err := c.Store.Update(ctx, fn)
	c.n++
	c.after(c.n)
	return err
}

// Nothing but the audit remembers less after a cut of everything: agents,
// secrets and their use, tokens, what was revoked, clients and keys.
func TestPruneAudit_leavesTheRest(t *testing.T) {
	o := newOffice(t, "")
	bot, other := o.bot(t, authority.AgentChange{DisplayName: new("bot")}), o.bot(t, authority.AgentChange{})
	tf := o.terraform(t, "internal_agent_mgt_view")
	kept, ended, gone := o.in(t, bot), o.in(t, bot), o.in(t, other)
	o.in(t, tf)
	if err := o.RevokeToken(t.Context(), authority.Caller{ID: bot.ID, Agent: true}, ended.Value); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RevokeAgent(t.Context(), admin, other.ID); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, func() error { _, err := o.Login(t.Context(), authority.Login{ID: idOne, Secret: chosen()}); return err }(), authority.BadLogin)
	if err := o.Close(t.Context()); err != nil { // writes when secrets were used
		t.Fatal(err)
	}
	picture := func() (out []any) {
		for _, id := range []string{bot.ID, other.ID} {
			out = append(out, o.get(t, id))
		}
		clients, err := o.Clients(t.Context())
		keys, err2 := o.SigningKeys(t.Context())
		failures, err3 := o.Failures(t.Context())
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		return append(out, clients, keys, failures, o.StoreID())
	}
	o.clock.Add(time.Second)
	before := picture()
	o.prune(t, 0, int64(len(o.trail(t))))
	if diff := cmp.Diff(before, picture()); diff != "" {
		t.Errorf("after the cut (-want +got):\n%s", diff)
	}
	o.wantActive(t, "a token", kept, true)
	o.wantActive(t, "a token that was revoked", ended, false)
	o.wantActive(t, "a token of an agent that was revoked", gone, false)
	o.in(t, bot)
	head, err := o.Checkpoint(t.Context())
	if trail := o.trail(t); err != nil || head.Hash != trail[len(trail)-1].Hash {
		t.Errorf("Checkpoint = %+v, %v", head, err)
	}
}
