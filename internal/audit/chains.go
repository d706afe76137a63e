package audit

import (
	"fmt"
	"strconv"
)

// A store that several replicas write has a chain for each of them, and one of
// its own, number 0, in which the births of the others are entered. The number of
// the chain is in the upper bits of Seq: those of chain 0 are 1, 2, 3 …, those of
// chain 1 begin with 1<<40 + 1. So every entry of a store has a number of its own,
// and all of them are within what JSON numbers hold (2^53).
const chainShift = 40

// MaxChain is the highest number of a chain.
const MaxChain = 1<<(53-chainShift) - 1

// ChainCreate records the birth of a chain: in chain 0, and as the first entry of
// the new one, which names the former by its Prev.
const ChainCreate Action = "chain.create"

// The detail of a birth.
const (
	chainNumber = "chain"
	chainFirst  = "first"
)

// ChainOf is the number of the chain that an entry is in.
func ChainOf(seq int64) int64 { return seq >> chainShift }

// ChainEnd is the highest Seq that an entry of a chain may have; of chain -1 it is
// 0, so what comes after is chain 0.
func ChainEnd(chain int64) int64 { return max(0, (chain+1)<<chainShift-1) }

// Birth is the event that records the birth of a chain.
func Birth(actor string, chain int64) Event {
	return Event{Actor: actor, Action: ChainCreate, Detail: map[string]string{
		chainNumber: strconv.FormatInt(chain, 10), chainFirst: strconv.FormatInt(chain<<chainShift+1, 10),
	}}
}

// Origin is what the first entry of a chain follows: its birth in chain 0.
func Origin(birth Entry, chain int64) Entry { return Entry{Seq: chain << chainShift, Hash: birth.Hash} }

// bornIn is the chain whose birth an entry of chain 0 records; 0: none.
func bornIn(e Entry) int64 {
	if e.Action != ChainCreate || e.Outcome != Done || ChainOf(e.Seq) != 0 {
		return 0
	}
	n, err := strconv.ParseInt(e.Detail[chainNumber], 10, 64)
	if err != nil || n < 1 || n > MaxChain {
		return 0
	}
	return n
}

// Chains checks the chains of one store. The zero value has seen none.
type Chains struct {
	each   map[int64]*Chain
	births map[int64]Entry
	order  []int64
}

// Add checks that e follows the entry of its chain before and is unaltered. The
// entries of chain 0 come before those of the others, and those of each in order.
func (c *Chains) Add(e Entry) error {
	n := ChainOf(e.Seq)
	if c.each == nil {
		c.each, c.births = map[int64]*Chain{}, map[int64]Entry{}
	}
	chain := c.each[n]
	if chain == nil {
		chain = &Chain{number: n}
		c.each[n], c.order = chain, append(c.order, n)
		if birth, known := c.births[n]; known && e.Seq == n<<chainShift+1 && e.Prev != birth.Hash {
			return fmt.Errorf("%w: entry %d begins chain %d and does not name entry %d, which records its birth", ErrBroken, e.Seq, n, birth.Seq)
		}
	}
	if err := chain.Add(e); err != nil {
		return err
	}
	if born := bornIn(e); born > 0 {
		c.births[born] = e
	}
	return nil
}

// Complete checks, after the last entry, that no chain lacks its beginning, and
// that there is every chain whose birth is recorded, and no other.
func (c *Chains) Complete() error {
	if c.each[0] == nil {
		return (&Chain{}).Complete()
	}
	for _, n := range c.order {
		if err := c.each[n].Complete(); err != nil {
			return err
		}
		if _, born := c.births[n]; !born && n > 0 && c.whole() {
			return fmt.Errorf("%w: there is chain %d, and no entry records its birth", ErrBroken, n)
		}
	}
	for n, birth := range c.births {
		if c.each[n] == nil {
			return fmt.Errorf("%w: entry %d records the birth of chain %d, and it is gone", ErrBroken, birth.Seq, n)
		}
	}
	return nil
}

// whole reports whether chain 0 was not cut: then it has every birth.
func (c *Chains) whole() bool { return c.each[0].First.Seq == 1 }

// Each are the chains in the order in which they were seen.
func (c *Chains) Each() []*Chain {
	all := make([]*Chain, len(c.order))
	for i, n := range c.order {
		all[i] = c.each[n]
	}
	return all
}

// Of is one of them, or nil.
func (c *Chains) Of(number int64) *Chain { return c.each[number] }
