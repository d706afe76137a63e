package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var auditTests = map[string]func(*testing.T, opener){
	"one chain for all handles": oneChain,
	"entries after":             entriesAfter,
	"time": func(t *testing.T, open opener) {
		s := open()
		before := time.Now().Add(-time.Second)
		update(t, s, func(store.Tx) error { return nil })
		all := entries(t, s)
		last := all[len(all)-1].Time
		if last.Before(before) || last.After(time.Now().Add(time.Second)) || last != last.UTC().Truncate(time.Microsecond) {
			t.Errorf("Time = %v, want now in UTC, to the microsecond", last)
		}
	},
	"own entries are not there yet": func(t *testing.T, open opener) {
		s := open()
		before := len(entries(t, s))
		update(t, s, func(tx store.Tx) error {
			list, err := tx.Entries(0, 1<<30)
			if len(list) != before {
				t.Errorf("%d entries in the update, want the %d of before", len(list), before)
			}
			return err
		})
	},
}

func oneChain(t *testing.T, open opener) {
	handles := []store.Store{open(), open(), open()}
	before := len(entries(t, handles[0]))
	var want []string
	for i := range 12 {
		var events []audit.Event
		for j := range 1 + i%3 {
			target := fmt.Sprintf("%d.%d", i, j)
			events = append(events, audit.Event{Actor: "storetest", Action: audit.SecretCreate, Target: target})
			want = append(want, target)
		}
		if err := handles[i%3].Update(t.Context(), func(store.Tx) ([]audit.Event, error) { return events, nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range handles {
		all := entries(t, s)[before:]
		if len(all) != len(want) {
			t.Fatalf("%d entries, want %d", len(all), len(want))
		}
		for i, e := range all {
			if e.Target != want[i] {
				t.Errorf("entry %d is %s, want %s", i, e.Target, want[i])
			}
		}
	}
}

func entriesAfter(t *testing.T, open opener) {
	s := open()
	for range 5 {
		update(t, s, func(store.Tx) error { return nil })
	}
	last := entries(t, s)[len(entries(t, s))-1].Seq
	for _, tt := range []struct {
		after       int64
		limit       int
		first, want int64 // the first Seq, and how many
	}{
		{0, 2, 1, 2},
		{-5, 1, 1, 1},
		{last - 3, 2, last - 2, 2},
		{last - 3, 9, last - 2, 3},
		{last, 9, 0, 0},
		{last + 9, 9, 0, 0},
		{0, 0, 0, 0},
		{0, -1, 0, 0},
	} {
		view(t, s, func(r store.Reader) error {
			list, err := r.Entries(tt.after, tt.limit)
			if int64(len(list)) != tt.want || tt.want > 0 && list[0].Seq != tt.first {
				t.Errorf("Entries(%d, %d) = %+v, want %d from %d on", tt.after, tt.limit, list, tt.want, tt.first)
			}
			return err
		})
	}
}
