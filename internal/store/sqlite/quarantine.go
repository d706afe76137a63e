package sqlite

import "fmt"

// quarantineBit is in the format of a store that is quarantined. A program that
// does not know of it takes that for a format of a newer version, and lets the
// store alone.
const quarantineBit = 1 << 20

// format reads which format the store has, and whether it is quarantined: one
// number has both, which every transaction reads.
func (c *conn) format() (format int, closed bool, err error) {
	n, err := c.number("PRAGMA user_version")
	return n &^ quarantineBit, n&quarantineBit != 0, err
}

func (c *conn) setFormat(format int, closed bool) error {
	if closed {
		format |= quarantineBit
	}
	return c.script(fmt.Sprintf("PRAGMA user_version = %d", format))
}

const (
	raiseAgents  = `UPDATE agents SET epoch = epoch + ?`
	raiseClients = `UPDATE clients SET epoch = epoch + ?`
)

// Quarantined reports whether the store is quarantined.
func (t *tx) Quarantined() bool { return t.c != nil && t.c.closed }

// SetQuarantined marks the store, or takes the mark away.
func (t *tx) SetQuarantined(closed bool) error {
	if err := t.ready(); err != nil {
		return err
	}
	format, before, err := t.c.format()
	if err == nil && before != closed {
		if err = t.changing(); err == nil {
			err = t.c.setFormat(format, closed)
		}
		if err == nil {
			t.c.closed, t.reclosed = closed, !t.reclosed
		}
	}
	return t.fail("quarantine", err)
}

// RaiseEpochs raises the epochs of all.
func (t *tx) RaiseEpochs(n int64) error {
	if err := t.ready(); err != nil {
		return err
	}
	for _, statement := range []string{raiseAgents, raiseClients} {
		err := t.changing()
		if err == nil {
			_, err = t.c.exec(statement, n)
		}
		if err != nil {
			return t.fail("epochs", err)
		}
	}
	return nil
}
