package cli

import (
	"errors"
	"fmt"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// proof holds the chains of a store, entry by entry, against what is known of
// them.
type proof struct {
	chains audit.Chains
	known  api.AuditCheckpoint // that was kept elsewhere; zero: none
	after  int64               // the first chain may begin after this entry
}

// first is the chain that was seen first; zero as long as there is none.
func (p *proof) first() audit.Chain {
	if each := p.chains.Each(); len(each) > 0 {
		return *each[0]
	}
	return audit.Chain{}
}

// add takes the next entry.
func (p *proof) add(e audit.Entry) error {
	if err := p.chains.Add(e); err != nil {
		return err
	}
	for _, known := range p.known.All() {
		hash := e.Hash
		if known.Seq == e.Seq-1 && p.chains.Of(audit.ChainOf(e.Seq)).First.Seq == e.Seq {
			hash = e.Prev // the checkpoint is of the last entry that was cut
		} else if known.Seq != e.Seq {
			continue
		}
		if hash != known.Hash {
			return fmt.Errorf("%w: entry %d is not the one that the checkpoint knows: it, or one before it, was written anew", audit.ErrBroken, known.Seq)
		}
	}
	return nil
}

// errGone: what a checkpoint knows was cut, and so says nothing about the rest.
var errGone = errors.New("the checkpoint is of an entry that was removed")

// end judges when there are no more entries.
func (p *proof) end() error {
	if err := p.complete(); err != nil {
		return err
	}
	for _, known := range p.known.All() {
		var chain audit.Chain
		if c := p.chains.Of(audit.ChainOf(known.Seq)); c != nil {
			chain = *c
		}
		switch first := chain.First.Seq; {
		case chain.Last.Seq < known.Seq:
			return fmt.Errorf("%w: it ends with entry %d, and the checkpoint knows entry %d: what came after was cut off", audit.ErrBroken, chain.Last.Seq, known.Seq)
		case known.Seq < first-1:
			return fmt.Errorf("%w: it is of entry %d, and the audit begins with entry %d", errGone, known.Seq, first)
		}
	}
	return nil
}

// complete checks that every chain begins where it may.
func (p *proof) complete() error {
	if !p.mayBegin() {
		return p.chains.Complete()
	}
	for _, chain := range p.chains.Each()[1:] {
		if err := chain.Complete(); err != nil {
			return err
		}
	}
	return nil
}

// mayBegin reports whether somebody answers for what was before the first entry:
// a checkpoint of exactly the one before, or whoever gave --after.
func (p *proof) mayBegin() bool {
	before := p.first().First.Seq - 1
	if before > 0 && before == p.after {
		return true
	}
	for _, known := range p.known.All() {
		if before > 0 && before == known.Seq {
			return true
		}
	}
	return false
}

// verified is what audit verify --json prints.
type verified struct {
	StoreID    string          `json:"storeId,omitempty"`
	Entries    int64           `json:"entries"`
	First      int64           `json:"first"`
	Last       int64           `json:"last"`
	Hash       string          `json:"hash"`                 // of the last one
	CutBy      int64           `json:"cutBy,omitempty"`      // the entry that records why it begins later than with 1
	Checkpoint int64           `json:"checkpoint,omitempty"` // up to which entry one that was kept agrees
	Signed     int64           `json:"signed,omitempty"`     // how many checkpoints in the file have a good signature
	Torn       int64           `json:"torn,omitempty"`       // how many lines of an audit log were broken off and written again
	Chains     []verifiedChain `json:"chains,omitempty"`     // where there are several; entries are those of all, and the others of the first
}

// verifiedChain is one of several chains.
type verifiedChain struct {
	Chain   int64  `json:"chain"`
	Entries int64  `json:"entries"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
	Hash    string `json:"hash"`
	CutBy   int64  `json:"cutBy,omitempty"`
}

// found is what was proven.
func (p *proof) found() verified {
	first := p.first()
	v := verified{StoreID: p.known.StoreID, First: first.First.Seq, Last: first.Last.Seq, Hash: first.Last.Hash, CutBy: first.Cut.Seq, Checkpoint: p.known.Seq}
	for _, c := range p.chains.Each() {
		n := c.Last.Seq - c.First.Seq + 1
		v.Entries += n
		v.Chains = append(v.Chains, verifiedChain{audit.ChainOf(c.First.Seq), n, c.First.Seq, c.Last.Seq, c.Last.Hash, c.Cut.Seq})
	}
	if len(v.Chains) < 2 {
		v.Chains = nil
	}
	return v
}

// String says it for people.
func (v verified) String() string {
	text := fmt.Sprintf("%d entries are as they were written, the last one has the hash %s", v.Entries, v.Hash)
	if len(v.Chains) > 0 {
		text = fmt.Sprintf("%d entries in %d chains are as they were written", v.Entries, len(v.Chains))
		for _, c := range v.Chains {
			text += fmt.Sprintf("; chain %d ends with entry %d, which has the hash %s", c.Chain, c.Last, c.Hash)
		}
	}
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
