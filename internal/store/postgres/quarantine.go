package postgres

import (
	"strconv"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	selectFormat = `SELECT value::int FROM meta WHERE name = $1`
	raiseAgents  = `UPDATE agents SET epoch = epoch + $1 WHERE n > $2 AND n <= $3`
	lastAgent    = `SELECT coalesce(max(n), 0) FROM agents`
	raiseClients = `UPDATE clients SET epoch = epoch + $1`
)

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
		format := store.ReadFormat(n)
		format.Quarantined = closed
		_, err = t.exec(putSetting, formatName, strconv.Itoa(format.Number()))
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
