package authority

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// pruneBatch is how many entries go in one transaction. Logins wait for it no
// longer than for a few of their own kind.
const pruneBatch = 1000

// Prune says which entries of the audit may go: the oldest ones, up to the
// first that must stay.
type Prune struct {
	Before  time.Time // what is not older stays, and all that came after it
	Through int64     // what has a greater number stays
}

// Pruned is what PruneAudit did.
type Pruned struct {
	Removed int64  // how many entries
	Kept    int64  // the number of the first that stayed; 0 when none was removed
	Hash    string // of the last that was removed
	Held    bool   // there are older ones than Before that stay because of Through
}

// PruneAudit removes the oldest entries, some at a time, each time with an entry
// that records the cut. What it did before an error holds, and is told. Nothing
// is removed where there is nothing old but such records: they would only make
// place for each other.
func (a *Authority) PruneAudit(ctx context.Context, p Principal, what Prune) (out Pruned, err error) {
	for {
		cut, held, err := a.pruneSome(ctx, p, what)
		if err != nil {
			return out, fmt.Errorf("cut the audit: %w", err)
		}
		if out.Held = held; cut.Count > 0 {
			out.Removed, out.Kept, out.Hash = out.Removed+cut.Count, cut.Kept, cut.Hash
		}
		if cut.Count < pruneBatch {
			return out, nil
		}
	}
}

func (a *Authority) pruneSome(ctx context.Context, p Principal, what Prune) (cut audit.Cut, held bool, err error) {
	base := audit.Event{Actor: p.Name, Action: audit.Prune}
	err = a.act(ctx, base, func(tx store.Tx, ev *audit.Event) (err error) {
		cut = audit.Cut{}
		oldest, err := tx.Entries(0, pruneBatch)
		if err != nil {
			return err
		}
		var old []audit.Entry
		if old, held = what.among(oldest); len(old) == 0 {
			return errUnchanged
		}
		ev.Detail["before"] = what.Before.UTC().Format(time.RFC3339)
		cut, err = tx.RemoveEntries(old[len(old)-1].Seq)
		cut.Record(ev.Detail)
		return err
	}, nil)
	return cut, held, err
}

// among are those of the oldest entries that go. Held is whether Through alone
// keeps a further one.
func (p Prune) among(oldest []audit.Entry) (old []audit.Entry, held bool) {
	young := slices.IndexFunc(oldest, func(e audit.Entry) bool { return !e.Time.Before(p.Before) })
	if young >= 0 {
		oldest = oldest[:young]
	}
	may := slices.IndexFunc(oldest, func(e audit.Entry) bool { return e.Seq > p.Through })
	if may >= 0 {
		oldest, held = oldest[:may], true
	}
	if len(oldest) < pruneBatch && !slices.ContainsFunc(oldest, func(e audit.Entry) bool { return e.Action != audit.Prune }) {
		return nil, held
	}
	return oldest, held
}
