package store

import "fmt"

// Format is what the number says that a store keeps of its format, and that every
// transaction reads. A program that does not know of the upper parts of the number
// takes it for a format of a newer version, and lets the store alone.
type Format struct {
	N int // 1 is the first one, 0 none
	// Back is how many formats before this one a program may know the newest of,
	// and use the store all the same: migrations since have only added to it.
	Back        int
	Quarantined bool
}

// The parts of the number: 10 bits for the format, 10 for how far back, and one.
const (
	backShift     = 10
	formatMask    = 1<<backShift - 1
	quarantineBit = 1 << (2 * backShift)
)

// ReadFormat takes the number apart.
func ReadFormat(number int) Format {
	return Format{number & formatMask, number >> backShift & formatMask, number&quarantineBit != 0}
}

// Number is the way back.
func (f Format) Number() int {
	n := f.N | f.Back<<backShift
	if f.Quarantined {
		n |= quarantineBit
	}
	return n
}

// Oldest is the format that a program must know at least to use the store.
func (f Format) Oldest() int { return f.N - f.Back }

// Usable reports whether a program may use the store that knows so many formats.
func (f Format) Usable(known int) bool { return f.Oldest() <= known }

// Next is the format after the migration to the next one. One that expands only
// adds to what there was: programs of the format before go on beside newer ones.
func (f Format) Next(expands bool) Format {
	f.N++
	if f.Back++; !expands {
		f.Back = 0
	}
	return f
}

// Newer is the error that a program gets which knows too few formats.
func (f Format) Newer(known int) error { return &NewerError{f.N, known} }

// NewerError says that a store has a format that the program does not know.
type NewerError struct{ Format, Known int }

func (e *NewerError) Error() string {
	return fmt.Sprintf("it was written by a newer version (format %d, this program knows %d): upgrade the provider", e.Format, e.Known)
}
