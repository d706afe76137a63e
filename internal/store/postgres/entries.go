package postgres

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	insertEntry = `INSERT INTO audit (` + row.EntryColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	selectEntry   = `SELECT ` + row.EntryColumns + ` FROM audit`
	selectEntries = selectEntry + ` WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3`
	selectLast    = selectEntry + ` WHERE seq > $1 AND seq <= $2 ORDER BY seq DESC LIMIT 1`
	selectHeads   = selectEntry + ` JOIN (SELECT (SELECT max(seq) FROM audit WHERE seq > c.n << 40 AND seq < (c.n + 1) << 40) head
		FROM chains c) heads ON seq = head ORDER BY seq`
	selectHead    = `SELECT seq, hash FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq DESC LIMIT 1`
	selectHash    = `SELECT hash FROM audit WHERE seq = $1`
	removeEntries = `DELETE FROM audit WHERE seq > $1 AND seq <= $2`
)

// bounds are those of the numbers of a chain: the one before its first, and the
// highest.
func bounds(chain int64) (after, through int64) {
	return audit.ChainEnd(chain - 1), audit.ChainEnd(chain)
}

// settled writes the entries of those who were before in the same transaction, so
// that they are seen.
func (t *tx) settled() error {
	if err := t.ready(); err != nil || t.flush == nil {
		return err
	}
	return t.fail("audit entries", t.flush())
}

// FindEntries reads the entries that a query asks for, of all chains: those of
// chain 0 first.
func (t *tx) FindEntries(q store.EntryQuery) ([]audit.Entry, error) {
	if err := t.settled(); err != nil || q.Limit <= 0 {
		return nil, err
	}
	query, args := dialect.Entries(q)
	return list(t, "audit entries", row.Entry, query, args...)
}

// LastEntry reads the newest entry of the chain that this handle writes.
func (t *tx) LastEntry() (audit.Entry, error) {
	if err := t.settled(); err != nil {
		return audit.Entry{}, err
	}
	after, through := bounds(t.chain)
	return find(t, "audit entries", row.Entry, selectLast, after, through)
}

// Heads reads the newest entry of each chain.
func (t *tx) Heads() ([]audit.Entry, error) {
	if err := t.settled(); err != nil {
		return nil, err
	}
	return list(t, "audit entries", row.Entry, selectHeads)
}

// Entries reads entries of the chain that this handle writes.
func (t *tx) Entries(after int64, limit int) ([]audit.Entry, error) {
	if err := t.settled(); err != nil || limit <= 0 {
		return nil, err
	}
	first, through := bounds(t.chain)
	return list(t, "audit entries", row.Entry, selectEntries, max(after, first), through, limit)
}

// RemoveEntries removes the oldest entries of the chain that this handle writes.
func (t *tx) RemoveEntries(through int64) (audit.Cut, error) {
	if err := t.settled(); err != nil {
		return audit.Cut{}, err
	}
	cut := audit.Cut{Kept: through + 1}
	what := fmt.Sprintf("audit entry %d", through)
	after, end := bounds(t.chain)
	if through <= after || through > end {
		return audit.Cut{}, t.fail(what, pgx.ErrNoRows)
	}
	if err := t.row(selectHash, []any{through}, &cut.Hash); err != nil {
		return audit.Cut{}, t.fail(what, err)
	}
	var err error
	if cut.Count, err = t.exec(removeEntries, after, through); err != nil {
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

// enter queues what enters an entry.
func enter(b *pgx.Batch, e audit.Entry) {
	b.Queue(insertEntry, e.Seq, e.Time.UnixMicro(), e.Actor, string(e.Action), e.AgentID, e.Target,
		string(e.Outcome), e.Reason, store.EncodeText(e.Detail), e.Prev, e.Hash)
}
