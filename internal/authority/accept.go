package authority

import (
	"context"
	"slices"
	"strconv"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Trail is what the lost store did after the backup, as its audit says.
type Trail struct {
	Entries []audit.Entry // those that Quarantine.Knows not and Replays takes, in any order
	Ends    []Head        // of that audit, one of each chain; none: there is none, and nothing is replayed
}

// Accept ends a quarantine: from now on the store lets everybody in whom it knows.
// Before, and in the same transaction, what was taken away in the lost store after
// the backup is taken away here. It returns what that came to, and what is left to
// do for people.
func (a *Authority) Accept(ctx context.Context, p Principal, t Trail) (out []Replayed, err error) {
	err = a.bare.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		if !tx.Quarantined() {
			return nil, refuse(Invalid, "The store is not quarantined: there is nothing to accept.")
		}
		// Chains have no order among each other but time.
		entries := slices.SortedStableFunc(slices.Values(t.Entries), func(a, b audit.Entry) int { return a.Time.Compare(b.Time) })
		w := replay{a: a, tx: tx, by: p.Name, before: map[string]store.Agent{}}
		for _, e := range entries {
			if err := w.one(e); err != nil {
				return nil, err
			}
		}
		out = slices.DeleteFunc(w.all, func(r Replayed) bool { return !r.Done && r.Open == "" })
		ev := audit.Event{Actor: p.Name, Action: audit.StoreAccept, Detail: map[string]string{"replayed": strconv.Itoa(len(w.acts))}}
		for _, end := range t.Ends {
			ev.Detail["through:"+strconv.FormatInt(end.Seq, 10)] = end.Hash
		}
		if len(t.Ends) == 0 {
			ev.Detail["without_audit"] = "true"
		}
		if err := tx.SetSetting(quarantineSetting, ""); err != nil {
			return nil, err
		}
		return append(w.acts, ev), tx.SetQuarantined(false)
	})
	return out, err
}
