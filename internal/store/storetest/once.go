package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/google/go-cmp/cmp"
)

var onceTests = map[string]func(*testing.T, opener){
	"spent once":     spentOnce,
	"one wins":       oneWins,
	"uses":           uses,
	"counters":       counters,
	"rolled back":    spentRolledBack,
	"forgotten late": spentForgotten,
}

var findTests = map[string]func(*testing.T, opener){
	"by everything": findEntries,
	"the last":      lastEntry,
}

func wantSpent(t *testing.T, s store.Store, want bool, keys ...string) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		got, err := r.Spent(keys...)
		if got != want {
			t.Errorf("Spent(%q) = %v, want %v", keys, got, want)
		}
		return err
	})
}

func spentOnce(t *testing.T, open opener) {
	s, other := open(), open()
	later := time.Now().Add(time.Hour)
	wantSpent(t, s, false)
	wantSpent(t, s, false, "a", "b")
	update(t, s, func(tx store.Tx) error {
		if err := tx.Spend("a", later); err != nil {
			return err
		}
		wantIs(t, "Spend again in the same update", tx.Spend("a", later), store.ErrExists)
		spent, err := tx.Spent("a")
		if !spent {
			t.Error("not spent in its own update")
		}
		return err
	})
	wantIs(t, "Spend at another handle", try(t, other, func(tx store.Tx) error { return tx.Spend("a", later) }), store.ErrExists)
	wantSpent(t, other, true, "a")
	wantSpent(t, other, true, "b", "a")
	wantSpent(t, other, false, "b", "A")
}

func spentRolledBack(t *testing.T, open opener) {
	s, mine := open(), errors.New("mine")
	err := try(t, s, func(tx store.Tx) error {
		if err := tx.Spend("a", time.Now().Add(time.Hour)); err != nil {
			return err
		}
		return mine
	})
	wantIs(t, "Update", err, mine)
	wantSpent(t, s, false, "a")
}

// spentForgotten: what has expired may be spent again; what has not is there
// however many others are.
func spentForgotten(t *testing.T, open opener) {
	s := open()
	now := time.Now()
	update(t, s, func(tx store.Tx) error { return tx.Spend("lives", now.Add(time.Hour)) })
	update(t, s, func(tx store.Tx) error { return tx.Spend("past", now.Add(-time.Minute)) })
	update(t, s, func(tx store.Tx) error { return tx.Spend("past", now.Add(time.Hour)) })
	wantIs(t, "Spend of what is not past any more",
		try(t, s, func(tx store.Tx) error { return tx.Spend("past", now.Add(time.Hour)) }), store.ErrExists)
	update(t, s, func(tx store.Tx) error {
		for n := range 100 {
			if err := tx.Spend(fmt.Sprint(n), now.Add(-time.Minute)); err != nil {
				return err
			}
		}
		return nil
	})
	wantSpent(t, s, true, "lives")
}

// oneWins: of many handles that spend one key at once, exactly one does.
func oneWins(t *testing.T, open opener) {
	handles := []store.Store{open(), open()}
	later := time.Now().Add(time.Hour)
	for round := range 10 {
		var won atomic.Int64
		together(t, 16, func(n int) error {
			err := handles[n%2].Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
				return []audit.Event{event}, tx.Spend(fmt.Sprint("round ", round), later)
			})
			if err == nil {
				won.Add(1)
			}
			if errors.Is(err, store.ErrExists) {
				return nil
			}
			return err
		})
		if won.Load() != 1 {
			t.Errorf("round %d: %d won, want one", round, won.Load())
		}
	}
}

// uses: last use only moves forward, first use stays; it leaves no entry, and
// what is gone is passed over.
func uses(t *testing.T, open opener) {
	s, other := open(), open()
	add(t, s, store.Agent{ID: id(1)})
	for _, secret := range []string{"a", "b"} {
		update(t, s, func(tx store.Tx) error { return tx.AddSecret(store.Secret{AgentID: id(1), ID: secret}) })
	}
	before := len(entries(t, s))
	at := func(n int) time.Time { return time.UnixMicro(1_700_000_000_000_000 + int64(n)).UTC() }
	touch := func(uses ...store.Use) {
		t.Helper()
		if err := s.Touch(t.Context(), uses); err != nil {
			t.Errorf("Touch = %v", err)
		}
	}
	touch()
	touch(store.Use{AgentID: id(1), SecretID: "a", At: at(5)}, store.Use{AgentID: id(9), SecretID: "a", At: at(5)}, store.Use{AgentID: id(1), SecretID: "x", At: at(5)})
	touch(store.Use{AgentID: id(1), SecretID: "a", At: at(9)})
	touch(store.Use{AgentID: id(1), SecretID: "a", At: at(7)})
	view(t, other, func(r store.Reader) error {
		a, err := r.Secret(id(1), "a")
		if !a.FirstUsed.Equal(at(5)) || !a.LastUsed.Equal(at(9)) {
			t.Errorf("first used %v, last %v, want %v and %v", a.FirstUsed, a.LastUsed, at(5), at(9))
		}
		b, err2 := r.Secret(id(1), "b")
		if !b.FirstUsed.IsZero() || !b.LastUsed.IsZero() {
			t.Errorf("the other was used at %v, %v", b.FirstUsed, b.LastUsed)
		}
		return errors.Join(err, err2)
	})
	if got := len(entries(t, s)); got != before {
		t.Errorf("uses left %d entries", got-before)
	}
}

// counters: many count at once, at two handles: nothing is lost, and nobody is
// told a number that somebody else was told.
func counters(t *testing.T, open opener) {
	handles := []store.Store{open(), open()}
	var told [40]int64
	together(t, 40, func(n int) (err error) {
		told[n], err = handles[n%2].Count(t.Context(), "a", int64(n))
		return err
	})
	slices.Sort(told[1:]) // the first adds nothing
	if slices.Contains(told[1:], 0) || len(slices.Compact(told[1:])) != 39 {
		t.Errorf("the counts were told as %v", told)
	}
	for _, s := range handles {
		view(t, s, func(r store.Reader) error {
			a, err := r.Counter("a")
			b, err2 := r.Counter("b")
			if a != 40*39/2 || b != 0 {
				t.Errorf("counted %d and %d, want %d and 0", a, b, 40*39/2)
			}
			return errors.Join(err, err2)
		})
	}
}

func findEntries(t *testing.T, open opener) {
	s := open()
	for _, ev := range []audit.Event{
		{Actor: "ann", Action: audit.SecretCreate, AgentID: id(1)},
		{Actor: "bob", Action: audit.SecretRevoke, AgentID: id(1), Outcome: audit.Refused, Reason: "r", Detail: map[string]string{"a": "b"}},
		{Actor: "ann", Action: audit.TokenIssue, AgentID: id(2)},
		{Actor: "ann", Action: "secretive.act", AgentID: id(2)},
	} {
		if err := s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) { return []audit.Event{ev}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	all := entries(t, s)
	birth := int64(len(all) - 4)
	first, last := all[birth], all[len(all)-1]
	for name, tt := range map[string]struct {
		q    store.EntryQuery
		want []int64 // Seq, less that of the birth
	}{
		"all":            {store.EntryQuery{After: birth, Limit: 9}, []int64{1, 2, 3, 4}},
		"limit":          {store.EntryQuery{After: birth, Limit: 2}, []int64{1, 2}},
		"no limit":       {store.EntryQuery{After: birth}, nil},
		"negative limit": {store.EntryQuery{Limit: -1}, nil},
		"after":          {store.EntryQuery{After: birth + 2, Limit: 9}, []int64{3, 4}},
		"through":        {store.EntryQuery{After: birth, Through: birth + 2, Limit: 9}, []int64{1, 2}},
		"agent":          {store.EntryQuery{AgentID: id(1), Limit: 9}, []int64{1, 2}},
		"agent, after":   {store.EntryQuery{AgentID: id(1), After: birth + 1, Limit: 9}, []int64{2}},
		"actor":          {store.EntryQuery{Actor: "bob", Limit: 9}, []int64{2}},
		"action":         {store.EntryQuery{Action: "secret.create", Limit: 9}, []int64{1}},
		"kind of action": {store.EntryQuery{Action: "secret", Limit: 9}, []int64{1, 2}},
		"part of a kind": {store.EntryQuery{Action: "secr", Limit: 9}, nil},
		"like":           {store.EntryQuery{Action: "secre%", Limit: 9}, nil},
		"outcome":        {store.EntryQuery{Outcome: "refused", Limit: 9}, []int64{2}},
		"all at once":    {store.EntryQuery{AgentID: id(1), Actor: "ann", Action: "secret", Outcome: "done", Limit: 9}, []int64{1}},
		"none":           {store.EntryQuery{AgentID: id(1), Action: "token", Limit: 9}, nil},
		"since":          {store.EntryQuery{After: birth, Since: first.Time, Limit: 9}, []int64{1, 2, 3, 4}},
		"since later":    {store.EntryQuery{Since: last.Time.Add(time.Microsecond), Limit: 9}, nil},
		"until":          {store.EntryQuery{After: birth, Until: first.Time, Limit: 9}, nil},
		"until later":    {store.EntryQuery{After: birth, Until: last.Time.Add(time.Microsecond), Limit: 9}, []int64{1, 2, 3, 4}},
	} {
		view(t, s, func(r store.Reader) error {
			found, err := r.FindEntries(tt.q)
			var got []int64
			for _, e := range found {
				got = append(got, e.Seq-birth)
				if diff := cmp.Diff(all[e.Seq-1], e); diff != "" {
					t.Errorf("%s: another entry (-want +got):\n%s", name, diff)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			return err
		})
	}
}

func lastEntry(t *testing.T, open opener) {
	s, other := open(), open()
	for range 3 {
		update(t, s, func(store.Tx) error { return nil })
		all := entries(t, s)
		view(t, other, func(r store.Reader) error {
			got, err := r.LastEntry()
			if diff := cmp.Diff(all[len(all)-1], got); diff != "" {
				t.Errorf("LastEntry (-want +got):\n%s", diff)
			}
			heads, err2 := r.Heads()
			if diff := cmp.Diff(all[len(all)-1:], heads); diff != "" {
				t.Errorf("Heads (-want +got):\n%s", diff)
			}
			return errors.Join(err, err2)
		})
	}
}
