package cli

import (
	"errors"
	"fmt"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// proof holds a chain, entry by entry, against what is known of it.
type proof struct {
	chain audit.Chain
	known api.AuditCheckpoint // that was kept elsewhere; zero: none
	after int64               // the chain may begin after this entry
}

// add takes the next entry.
func (p *proof) add(e audit.Entry) error {
	if err := p.chain.Add(e); err != nil {
		return err
	}
	hash := e.Hash
	if p.known.Seq == e.Seq-1 && p.chain.First.Seq == e.Seq {
		hash = e.Prev // the checkpoint is of the last entry that was cut
	} else if p.known.Seq != e.Seq {
		return nil
	}
	if hash != p.known.Hash {
		return fmt.Errorf("%w: entry %d is not the one that the checkpoint knows: it, or one before it, was written anew", audit.ErrBroken, p.known.Seq)
	}
	return nil
}

// errGone: what a checkpoint knows was cut, and so says nothing about the rest.
var errGone = errors.New("the checkpoint is of an entry that was removed")

// end judges when there are no more entries.
func (p *proof) end() error {
	first, last := p.chain.First.Seq, p.chain.Last.Seq
	if last == 0 || !p.mayBegin() {
		if err := p.chain.Complete(); err != nil {
			return err
		}
	}
	switch {
	case last < p.known.Seq:
		return fmt.Errorf("%w: it ends with entry %d, and the checkpoint knows entry %d: what came after was cut off", audit.ErrBroken, last, p.known.Seq)
	case p.known.Seq > 0 && p.known.Seq < first-1:
		return fmt.Errorf("%w: it is of entry %d, and the audit begins with entry %d", errGone, p.known.Seq, first)
	}
	return nil
}

// mayBegin reports whether somebody answers for what was before the first entry:
// a checkpoint of exactly the one before, or whoever gave --after.
func (p *proof) mayBegin() bool {
	before := p.chain.First.Seq - 1
	return before > 0 && (before == p.known.Seq || before == p.after)
}

// verified is what audit verify --json prints.
type verified struct {
	StoreID    string `json:"storeId,omitempty"`
	Entries    int64  `json:"entries"`
	First      int64  `json:"first"`
	Last       int64  `json:"last"`
	Hash       string `json:"hash"`                 // of the last one
	CutBy      int64  `json:"cutBy,omitempty"`      // the entry that records why it begins later than with 1
	Checkpoint int64  `json:"checkpoint,omitempty"` // up to which entry one that was kept agrees
	Signed     int64  `json:"signed,omitempty"`     // how many checkpoints in the file have a good signature
	Torn       int64  `json:"torn,omitempty"`       // how many lines of an audit log were broken off and written again
}

// found is what was proven.
func (p *proof) found() verified {
	c := p.chain
	return verified{
		StoreID: p.known.StoreID, Entries: c.Last.Seq - c.First.Seq + 1, First: c.First.Seq, Last: c.Last.Seq, Hash: c.Last.Hash,
		CutBy: c.Cut.Seq, Checkpoint: p.known.Seq,
	}
}

// String says it for people.
func (v verified) String() string {
	text := fmt.Sprintf("%d entries are as they were written, the last one has the hash %s", v.Entries, v.Hash)
	switch {
	case v.CutBy > 0:
		text += fmt.Sprintf("; those before entry %d were cut, as entry %d records", v.First, v.CutBy)
	case v.First > 1:
		text += fmt.Sprintf("; they begin with entry %d, and what was before it was not checked", v.First)
	}
	if v.Torn > 0 {
		text += fmt.Sprintf("; %d broken-off lines were written again", v.Torn)
	}
	return text
}
