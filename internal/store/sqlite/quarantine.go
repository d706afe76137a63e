package sqlite

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
	format, err := t.c.format()
	if err == nil && format.Quarantined != closed {
		format.Quarantined = closed
		if err = t.changing(); err == nil {
			err = t.c.setFormat(format)
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
