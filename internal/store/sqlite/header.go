package sqlite

import "fmt"

// header is what one number in the header of the file says (PRAGMA user_version),
// which every transaction reads. A program that does not know of its upper parts
// takes it for a format of a newer version, and lets the store alone.
type header struct {
	format int
	// back is how many formats before this one a program may know the newest of,
	// and use the store all the same: migrations since have only added to it.
	back   int
	closed bool // the store is quarantined
}

// The parts of the number: 10 bits for the format, 10 for how far back, and one.
const (
	backShift     = 10
	formatMask    = 1<<backShift - 1
	quarantineBit = 1 << (2 * backShift)
)

func (c *conn) header() (header, error) {
	n, err := c.number("PRAGMA user_version")
	return header{n & formatMask, n >> backShift & formatMask, n&quarantineBit != 0}, err
}

func (c *conn) setHeader(h header) error {
	n := h.format | h.back<<backShift
	if h.closed {
		n |= quarantineBit
	}
	return c.script(fmt.Sprintf("PRAGMA user_version = %d", n))
}

// usable reports whether a program may use the store that knows so many formats.
func (h header) usable(known int) bool { return h.format-h.back <= known }

// next is the header after the migration to the next format. One that expands only
// adds to what there was: programs of the format before go on beside newer ones.
func (h header) next(expands bool) header {
	h.format++
	if h.back++; !expands {
		h.back = 0
	}
	return h
}
