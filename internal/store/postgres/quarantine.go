package postgres

import "strconv"

// quarantineBit is in the format of a store that is quarantined, as in a file: a
// program that does not know of it takes that for a format of a newer version.
// Every transaction reads it with the format.
const quarantineBit = 1 << 20

const (
	selectFormat = `SELECT value::int FROM meta WHERE name = $1`
	raiseAgents  = `UPDATE agents SET epoch = epoch + $1 WHERE n > $2 AND n <= $3`
	lastAgent    = `SELECT coalesce(max(n), 0) FROM agents`
	raiseClients = `UPDATE clients SET epoch = epoch + $1`
)

// opened tells what the number is that is kept as the format.
func opened(n int) (format int, closed bool) { return n &^ quarantineBit, n&quarantineBit != 0 }

// marked is the way back.
func marked(format int, closed bool) string {
	if closed {
		format |= quarantineBit
	}
	return strconv.Itoa(format)
}

// Quarantined reports whether the store is quarantined.
func (t *tx) Quarantined() bool { return t.closed }

// SetQuarantined marks the store, or takes the mark away.
func (t *tx) SetQuarantined(closed bool) error {
	if err := t.ready(); err != nil {
		return err
	}
	var n int
	err := t.row(selectFormat, []any{formatName}, &n)
	if err == nil {
		format, _ := opened(n)
		_, err = t.exec(putSetting, formatName, marked(format, closed))
	}
	if err == nil {
		t.closed = closed
	}
	return t.fail("quarantine", err)
}

// raisedAtOnce is how many agents a statement raises: of a million it would take
// longer than a statement may.
const raisedAtOnce = 20_000

// RaiseEpochs raises the epochs of all.
func (t *tx) RaiseEpochs(n int64) error {
	if err := t.ready(); err != nil {
		return err
	}
	var last int64
	err := t.row(lastAgent, nil, &last)
	for from := int64(0); err == nil && from < last; from += raisedAtOnce {
		_, err = t.exec(raiseAgents, n, from, from+raisedAtOnce)
	}
	if err == nil {
		_, err = t.exec(raiseClients, n)
	}
	return t.fail("epochs", err)
}
