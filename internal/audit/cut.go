package audit

import "strconv"

// Prune records that the oldest entries were removed: by whom, when, and by the
// members of a Cut in its Detail.
const Prune Action = "audit.prune"

// Cut is that the oldest entries were removed, up to one of them. The entry that
// records it is in the chain after all of those, and so proves that the chain
// may begin where it does.
type Cut struct {
	Kept  int64  // Seq of the first entry that stays, or of the record itself when none does
	Count int64  // how many entries went
	Hash  string // of the last one that went, which the first that stays names as Prev
}

// The members of a cut in the Detail of its record.
const (
	cutKept  = "kept_from"
	cutCount = "removed"
	cutHash  = "hash"
)

// Record writes the cut into the detail of an event whose action is Prune.
func (c Cut) Record(detail map[string]string) {
	detail[cutKept], detail[cutCount], detail[cutHash] = strconv.FormatInt(c.Kept, 10), strconv.FormatInt(c.Count, 10), c.Hash
}

// CutOf is the cut that an event records; ok is false when it records none.
func CutOf(ev Event) (c Cut, ok bool) {
	if ev.Action != Prune || ev.Outcome != Done && ev.Outcome != "" {
		return Cut{}, false
	}
	kept, err := strconv.ParseInt(ev.Detail[cutKept], 10, 64)
	if err != nil {
		return Cut{}, false
	}
	count, err := strconv.ParseInt(ev.Detail[cutCount], 10, 64)
	return Cut{Kept: kept, Count: count, Hash: ev.Detail[cutHash]}, err == nil
}
