package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var cutTests = map[string]func(*testing.T, opener){
	"removed and recorded": cutRecorded,
	"all but the record":   cutAll,
	"needs its record":     cutUnrecorded,
	"rolled back":          cutRolledBack,
	"no such entry":        cutNothing,
	"beside others":        cutBeside,
}

// remove removes entries and returns the event that records it.
func remove(tx store.Tx, through int64) (audit.Event, error) {
	cut, err := tx.RemoveEntries(through)
	ev := audit.Event{Actor: "storetest", Action: audit.Prune, Detail: map[string]string{}}
	cut.Record(ev.Detail)
	return ev, err
}

// tryCut removes entries and records it.
func tryCut(t *testing.T, s store.Store, through int64) error {
	return s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		ev, err := remove(tx, through)
		return []audit.Event{ev}, err
	})
}

// grow makes the chain at least n entries long and returns it.
func grow(t *testing.T, s store.Store, n int) []audit.Entry {
	t.Helper()
	for len(entries(t, s)) < n {
		update(t, s, func(store.Tx) error { return nil })
	}
	return entries(t, s)
}

// cutRecorded: the entries are gone for every handle, the others are as they
// were, the numbers go on, and the record says what happened.
func cutRecorded(t *testing.T, open opener) {
	s, other := open(), open()
	before := grow(t, s, 8)
	through := before[4].Seq
	update(t, s, func(tx store.Tx) error { return tx.AddAgent(store.Agent{ID: id(1)}) })
	before = entries(t, s)
	if err := tryCut(t, s, through); err != nil {
		t.Fatal(err)
	}
	after := entries(t, other)
	if diff := cmp.Diff(before[5:], after[:len(after)-1]); diff != "" {
		t.Errorf("what was kept (-want +got):\n%s", diff)
	}
	last := after[len(after)-1]
	want := audit.Cut{Kept: through + 1, Count: 5, Hash: before[4].Hash}
	if got, ok := audit.CutOf(last.Event); !ok || got != want || last.Seq != before[len(before)-1].Seq+1 {
		t.Errorf("the record is %+v, want it to record %+v", last, want)
	}
	read(t, s, id(1)) // which is not removed with its entry

	// A second cut takes the first one's record with it.
	if err := tryCut(t, other, last.Seq); err != nil {
		t.Fatal(err)
	}
	if left := entries(t, s); len(left) != 1 || left[0].Seq != last.Seq+1 {
		t.Errorf("after the second cut there is %+v, want its record alone", left)
	}
	update(t, other, func(store.Tx) error { return nil })
	if left := entries(t, s); len(left) != 2 {
		t.Errorf("%d entries, want 2", len(left))
	}
}

// cutAll: the record stays, and the chain goes on from it in every handle.
func cutAll(t *testing.T, open opener) {
	s := open()
	before := grow(t, s, 3)
	head := before[len(before)-1]
	if err := tryCut(t, s, head.Seq); err != nil {
		t.Fatal(err)
	}
	update(t, open(), func(store.Tx) error { return nil })
	after := entries(t, s)
	if len(after) != 2 || after[0].Seq != head.Seq+1 || after[0].Prev != head.Hash {
		t.Errorf("left is %+v, want the record and one entry", after)
	}
	view(t, s, func(r store.Reader) error {
		last, err := r.LastEntry()
		if last.Hash != after[1].Hash {
			t.Errorf("LastEntry = %+v", last)
		}
		return err
	})
}

// cutUnrecorded: without the event that records it nothing is removed.
func cutUnrecorded(t *testing.T, open opener) {
	s := open()
	before := grow(t, s, 4)
	for name, events := range map[string]func(audit.Event) []audit.Event{
		"no event":        func(audit.Event) []audit.Event { return nil },
		"another event":   func(audit.Event) []audit.Event { return []audit.Event{event} },
		"another action":  func(ev audit.Event) []audit.Event { ev.Action = audit.AgentUpdate; return []audit.Event{ev} },
		"a refusal":       func(ev audit.Event) []audit.Event { ev.Outcome = audit.Refused; return []audit.Event{ev} },
		"of another hash": func(ev audit.Event) []audit.Event { ev.Detail["hash"] = "0"; return []audit.Event{ev} },
		"of fewer":        func(ev audit.Event) []audit.Event { ev.Detail["removed"] = "1"; return []audit.Event{ev} },
	} {
		err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			ev, err := remove(tx, before[1].Seq)
			return events(ev), err
		})
		wantIs(t, "Update with "+name, err, store.ErrNoEvent)
		if got := entries(t, s); len(got) != len(before) {
			t.Fatalf("with %s %d of %d entries are left", name, len(got), len(before))
		}
	}
	// One of several events is enough.
	err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		ev, err := remove(tx, before[1].Seq)
		return []audit.Event{event, ev}, err
	})
	if got := entries(t, s); err != nil || len(got) != len(before) {
		t.Errorf("%d entries, %v; want %d less 2 and 2 more", len(got), err, len(before))
	}
}

func cutRolledBack(t *testing.T, open opener) {
	s, mine := open(), errors.New("mine")
	before := grow(t, s, 4)
	err := try(t, s, func(tx store.Tx) error {
		if _, err := tx.RemoveEntries(before[2].Seq); err != nil {
			return err
		}
		left, err := tx.Entries(0, 1<<30)
		if len(left) != len(before)-3 || err != nil {
			t.Errorf("%d entries in the same update, %v; want %d", len(left), err, len(before)-3)
		}
		return mine
	})
	wantIs(t, "Update", err, mine)
	if diff := cmp.Diff(before, entries(t, s)); diff != "" {
		t.Errorf("after a cut that was rolled back (-want +got):\n%s", diff)
	}
}

// cutNothing: what is not there is no place for a cut.
func cutNothing(t *testing.T, open opener) {
	s := open()
	before := grow(t, s, 4)
	head := before[len(before)-1].Seq
	for _, through := range []int64{-1, 0, head + 1, 1 << 40} {
		wantIs(t, fmt.Sprintf("RemoveEntries(%d)", through), tryCut(t, s, through), store.ErrNotFound)
	}
	if err := tryCut(t, s, before[1].Seq); err != nil {
		t.Fatal(err)
	}
	wantIs(t, "RemoveEntries of what is gone", tryCut(t, s, before[0].Seq), store.ErrNotFound)
	if got := entries(t, s); len(got) != len(before)-1 {
		t.Errorf("%d entries, want %d", len(got), len(before)-1)
	}
}

// cutBeside: entries are removed while others write, at several handles; the
// chain holds, and nothing but what was cut is lost.
func cutBeside(t *testing.T, open opener) {
	handles := []store.Store{open(), open()}
	grow(t, handles[0], 2)
	const writers, each = 6, 25
	together(t, writers+2, func(n int) error {
		s := handles[n%2]
		for range each {
			if n < writers {
				if err := try(t, s, func(store.Tx) error { return nil }); err != nil {
					return err
				}
				continue
			}
			if err := s.Update(t.Context(), cutSome); err != nil {
				return err
			}
		}
		return nil
	})
	grow(t, handles[0], 4) // however few the last cut has left: a gap needs room to be seen
	all := entries(t, handles[1])
	if last := all[len(all)-1].Seq; last < writers*each+2*each {
		t.Errorf("the last entry is %d, want at least %d", last, writers*each+2*each)
	}
}

// cutSome removes the older half.
func cutSome(tx store.Tx) ([]audit.Event, error) {
	all, err := tx.Entries(0, 1<<30)
	if err != nil {
		return nil, err
	}
	ev, err := remove(tx, all[len(all)/2].Seq)
	return []audit.Event{ev}, err
}

// cutForEver removes the older half again and again, or writes, until the
// process is killed.
func cutForEver(t *testing.T, s store.Store, cuts bool) error {
	for {
		act, word := func(store.Tx) ([]audit.Event, error) { return []audit.Event{event}, nil }, "write"
		if cuts {
			act, word = cutSome, "cut"
		}
		if err := s.Update(t.Context(), act); err != nil {
			return err
		}
		say(word)
	}
}

// killCutting: kill -9 at any moment leaves the entries and no record, or the
// record and no entries: the chain that is there always begins where it may.
func killCutting(t *testing.T, open func(*testing.T, string) store.Store) {
	dir := t.TempDir()
	var head int64
	acked := map[string]int{}
	for round := range rounds / 2 {
		child := spawn(t, 1, "cut", dir)[0]
		words := []string{child.word(t), child.word(t)}
		time.Sleep(time.Duration(time.Now().UnixNano() % int64(20*time.Millisecond)))
		words = append(words, child.kill()...)
		for _, word := range words {
			acked[word]++
		}
		s := open(t, dir)
		all := entries(t, s)
		last := all[len(all)-1].Seq
		if least := head + int64(len(words)); last < least {
			t.Errorf("round %d: the last entry is %d, want at least %d", round, last, least)
		}
		head = last
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acked["cut"] < rounds/2 || acked["write"] < rounds/2 {
		t.Errorf("answered were %v: too few to say anything", acked)
	}
	t.Logf("%d kills, answered were %v, %d entries", rounds/2, acked, head)
}
