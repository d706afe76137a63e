package audit_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// family is a store with chains 0, 1 and 2, in the order in which they are read.
func family() []audit.Entry {
	own := chain(2)
	var others []audit.Entry
	for n := int64(1); n <= 2; n++ {
		birth := audit.Next(own[len(own)-1], noon, audit.Birth("serve", n))
		own = append(own, birth)
		first := audit.Next(audit.Origin(birth, n), noon, audit.Birth("serve", n))
		others = append(others, first, audit.Next(first, noon, audit.Event{Action: audit.TokenIssue}))
	}
	return append(own, others...)
}

func addAll(entries []audit.Entry) (*audit.Chains, error) {
	var c audit.Chains
	for _, e := range entries {
		if err := c.Add(e); err != nil {
			return &c, err
		}
	}
	return &c, c.Complete()
}

func TestChains(t *testing.T) {
	c, err := addAll(family())
	if err != nil || len(c.Each()) != 3 || c.Of(2).Last.Seq != 2<<40+2 || audit.ChainOf(c.Of(2).Last.Seq) != 2 {
		t.Fatalf("%d chains, %v", len(c.Each()), err)
	}
	if first := c.Of(1).First; first.Prev != family()[2].Hash || audit.ChainEnd(1) != 2<<40-1 {
		t.Errorf("chain 1 begins with %+v", first)
	}
	// Chain 0 was cut after the births: what is left proves itself.
	all := family()
	cut, detail := audit.Cut{Kept: 5, Count: 4, Hash: all[3].Hash}, map[string]string{}
	cut.Record(detail)
	record := audit.Next(all[3], noon, audit.Event{Action: audit.Prune, Detail: detail})
	if _, err := addAll(append([]audit.Entry{record}, all[4:]...)); err != nil {
		t.Error(err)
	}
}

// Whatever of the chains is missing, moved or another's is found.
func TestChains_broken(t *testing.T) {
	all := family()
	other := audit.Next(audit.Entry{Seq: 1 << 40, Hash: all[0].Hash}, noon, audit.Birth("serve", 1)) // names another entry
	for name, tt := range map[string]struct {
		entries []audit.Entry
		says    string
	}{
		"none":                        {nil, "it has no entry"},
		"a chain is gone":             {all[:6], "entry 4 records the birth of chain 2, and it is gone"},
		"its birth is gone":           {slices.Delete(slices.Clone(all), 3, 4), "there is chain 2, and no entry records its birth"},
		"its first entry is gone":     {slices.Delete(slices.Clone(all), 4, 5), "it begins with entry 1099511627778"},
		"an entry in the middle":      {slices.Delete(slices.Clone(all), 1, 2), "entry 3 follows entry 1"},
		"another one in its place":    {slices.Replace(slices.Clone(all), 4, 6, other), "does not name entry 3"},
		"an entry of another chain":   {func() []audit.Entry { e := slices.Clone(all); e[5].Seq = all[7].Seq; return e }(), "altered"},
		"an entry of it was altered":  {func() []audit.Entry { e := slices.Clone(all); e[7].Actor = "eve"; return e }(), "entry 2199023255554 was altered"},
		"chain 0 itself is not there": {all[4:], "it has no entry"},
	} {
		_, err := addAll(tt.entries)
		if !errors.Is(err, audit.ErrBroken) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want ErrBroken: %s", name, err, tt.says)
		}
	}
}
