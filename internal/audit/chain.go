package audit

import "fmt"

// Chain checks a chain, one entry after the other. The zero value has seen none.
type Chain struct {
	First, Last Entry
	// Cut is the entry that records why the chain begins with First. It is
	// zero as long as none did, and where First is entry 1.
	Cut Entry

	number int64 // of the chain, among those of a store: its first entry is the one after number << chainShift
}

// origin is the number before that of the first entry that there ever was.
func (c *Chain) origin() int64 { return c.number << chainShift }

// Add checks that e follows the entry before and is unaltered. The first one
// may have any number; see Complete. The error names the entry and wraps
// ErrBroken.
func (c *Chain) Add(e Entry) error {
	before := c.Last
	if c.First.Seq == 0 && e.Seq > 1 { // the first of a later chain names its birth
		before = Entry{Seq: e.Seq - 1, Hash: e.Prev}
	}
	if err := e.Verify(before); err != nil {
		return err
	}
	if c.First.Seq == 0 {
		c.First = e
	}
	c.Last = e
	if cut, ok := CutOf(e.Event); ok && c.First.Seq > c.origin()+1 && cut.Kept == c.First.Seq && cut.Hash == c.First.Prev {
		c.Cut = e
	}
	return nil
}

// Complete checks, after the last entry, that none is missing before the first:
// that the chain begins with entry 1, or that one of its entries records the
// cut. The error wraps ErrBroken.
func (c *Chain) Complete() error {
	switch {
	case c.First.Seq == 0:
		return fmt.Errorf("%w: it has no entry, and a store begins with one", ErrBroken)
	case c.First.Seq > c.origin()+1 && c.Cut.Seq == 0:
		return fmt.Errorf("%w: it begins with entry %d, and no entry records that those before it were cut", ErrBroken, c.First.Seq)
	}
	return nil
}
