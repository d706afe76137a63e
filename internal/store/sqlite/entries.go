package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	insertEntry = `INSERT INTO audit (` + row.EntryColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectEntries = `SELECT ` + row.EntryColumns + ` FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`
	selectLast    = `SELECT ` + row.EntryColumns + ` FROM audit ORDER BY seq DESC LIMIT 1`
	selectHead    = `SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1`
	selectHash    = `SELECT hash FROM audit WHERE seq = ?`
	removeEntries = `DELETE FROM audit WHERE seq <= ?`
)

// FindEntries reads the audit entries that a query asks for.
func (t *tx) FindEntries(q store.EntryQuery) ([]audit.Entry, error) {
	if err := t.ready(); err != nil || q.Limit <= 0 {
		return nil, err
	}
	query, args := dialect.Entries(q)
	found, err := row.All(t.c.rowsOnce, row.Entry, query, args...)
	return found, t.fail("audit entries", err)
}

// LastEntry reads the newest audit entry.
func (t *tx) LastEntry() (audit.Entry, error) { return find(t, "audit entries", row.Entry, selectLast) }

// Heads reads the newest audit entry: there is one chain.
func (t *tx) Heads() ([]audit.Entry, error) {
	last, err := t.LastEntry()
	if err != nil {
		return nil, err
	}
	return []audit.Entry{last}, nil
}

// Entries reads audit entries.
func (t *tx) Entries(after int64, limit int) ([]audit.Entry, error) {
	if limit <= 0 {
		return nil, t.ready()
	}
	return list(t, "audit entries", row.Entry, selectEntries, after, limit)
}

// RemoveEntries removes the oldest audit entries. Their pages stay in the file
// and are used again.
func (t *tx) RemoveEntries(through int64) (audit.Cut, error) {
	if err := t.ready(); err != nil {
		return audit.Cut{}, err
	}
	cut := audit.Cut{Kept: through + 1}
	what := fmt.Sprintf("audit entry %d", through)
	if err := t.c.row(selectHash, []any{through}, &cut.Hash); err != nil {
		return audit.Cut{}, t.fail(what, err)
	}
	var err error
	if cut.Count, err = t.exec(removeEntries, through); err != nil {
		return audit.Cut{}, t.fail(what, err)
	}
	t.cut = &cut
	return cut, nil
}

// records reports whether the events say what was removed, if anything was.
func (t *tx) records(events []audit.Event) bool {
	return t.cut == nil || slices.ContainsFunc(events, func(ev audit.Event) bool {
		cut, ok := audit.CutOf(ev)
		return ok && cut == *t.cut
	})
}

// head reads what the next entry needs of the last one.
func (c *conn) head() (audit.Entry, error) {
	var e audit.Entry
	err := c.row(selectHead, nil, &e.Seq, &e.Hash)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: its audit chain is gone", errDamaged)
	}
	return e, err
}

// appendEvents continues the chain after head and returns the new head.
func (c *conn) appendEvents(head audit.Entry, now func() time.Time, events []audit.Event) (audit.Entry, error) {
	for _, ev := range events {
		e, detail := audit.NextText(head, now(), row.Keepable(ev))
		if len(e.Detail) == 0 {
			detail = "" // as store.EncodeText has it
		}
		_, err := c.exec(insertEntry, e.Seq, e.Time.UnixMicro(), e.Actor, string(e.Action), e.AgentID, e.Target,
			string(e.Outcome), e.Reason, detail, e.Prev, e.Hash)
		if err != nil {
			return head, err
		}
		head = e
	}
	return head, nil
}
