package audit_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// cutAt makes a chain of six entries whose first `gone` were cut after the last,
// and of which two more follow the record.
func cutAt(gone int) []audit.Entry {
	entries := chain(6)
	cut := audit.Cut{Kept: int64(gone) + 1, Count: int64(gone), Hash: entries[gone-1].Hash}
	ev := audit.Event{Actor: "local:ann@laptop", Action: audit.Prune, Detail: map[string]string{"before": "2026-01-01T00:00:00Z"}}
	cut.Record(ev.Detail)
	last := entries[5]
	for _, ev := range []audit.Event{ev, {Action: audit.AgentDelete}, {Action: audit.AgentCreate}} {
		last = audit.Next(last, noon, ev)
		entries = append(entries, last)
	}
	return entries[gone:]
}

// check adds all entries to a chain.
func check(entries []audit.Entry) (c audit.Chain, err error) {
	for _, e := range entries {
		if err := c.Add(e); err != nil {
			return c, err
		}
	}
	return c, c.Complete()
}

// A chain that was cut verifies from the cut on, also when nothing but the
// record was left.
func TestChain(t *testing.T) {
	for name, tt := range map[string]struct {
		entries       []audit.Entry
		first, record int64
	}{
		"whole":             {chain(4), 1, 0},
		"one":               {chain(1), 1, 0},
		"cut":               {cutAt(4), 5, 7},
		"cut but one":       {cutAt(5), 6, 7},
		"all cut":           {cutAt(6), 7, 7},
		"only the record":   {cutAt(6)[:1], 7, 7},
		"up to the record":  {cutAt(4)[:3], 5, 7},
		"the first one cut": {cutAt(1), 2, 7},
	} {
		c, err := check(tt.entries)
		if err != nil || c.First.Seq != tt.first || c.Cut.Seq != tt.record || c.Last.Hash != tt.entries[len(tt.entries)-1].Hash {
			t.Errorf("%s: begins with %d as %d records, ends with %d, %v; want %d and %d", name, c.First.Seq, c.Cut.Seq, c.Last.Seq, err, tt.first, tt.record)
		}
	}
}

// What is missing at the beginning, and no record says so, is found.
func TestChain_unrecorded(t *testing.T) {
	// record puts another event in the place of the record, and goes on from it.
	record := func(change func(*audit.Event)) []audit.Entry {
		entries := cutAt(4)
		ev := entries[2].Event
		ev.Detail = maps.Clone(ev.Detail)
		change(&ev)
		entries[2] = audit.Next(entries[1], noon, ev)
		entries[3] = audit.Next(entries[2], noon, entries[3].Event)
		return entries[:4]
	}
	const nobody = "no entry records"
	for name, tt := range map[string]struct {
		entries []audit.Entry
		says    string
	}{
		"none":                        {nil, "it has no entry"},
		"first removed":               {chain(4)[1:], "it begins with entry 2, and " + nobody},
		"one more removed":            {cutAt(4)[1:], "it begins with entry 6, and " + nobody},
		"the record is gone":          {cutAt(4)[:2], nobody},
		"a record of another entry":   {record(func(ev *audit.Event) { ev.Detail["kept_from"] = "6" }), nobody},
		"a record of another hash":    {record(func(ev *audit.Event) { ev.Detail["hash"] = strings.Repeat("0", 64) }), nobody},
		"a cut that was refused":      {record(func(ev *audit.Event) { ev.Outcome = audit.Refused }), nobody},
		"another act with its detail": {record(func(ev *audit.Event) { ev.Action = audit.AgentUpdate }), nobody},
		"a record that is none":       {record(func(ev *audit.Event) { ev.Detail["kept_from"] = "many" }), nobody},
		"the first altered":           {func() []audit.Entry { e := cutAt(4); e[0].Actor = "eve"; return e }(), "entry 5 was altered"},
		"the first has another link": {func() []audit.Entry { e := cutAt(4); e[0].Prev = strings.Repeat("0", 64); return e }(),
			"entry 5 was altered"},
		"entry 1 with a link": {func() []audit.Entry { e := chain(2); e[0].Prev = e[1].Hash; return e }(), "entry 1 does not name"},
		"entry 0":             {[]audit.Entry{{}}, "entry 0 follows entry 0"},
	} {
		if _, err := check(tt.entries); !errors.Is(err, audit.ErrBroken) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want ErrBroken: %s", name, err, tt.says)
		}
	}
}
