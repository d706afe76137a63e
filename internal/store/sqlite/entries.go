package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	insertEntry = `INSERT INTO audit (seq, time, actor, action, agent, target, outcome, reason, detail, prev, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	selectEntries = `SELECT seq, time, actor, action, agent, target, outcome, reason, detail, prev, hash
		FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`
	selectLast = `SELECT seq, time, actor, action, agent, target, outcome, reason, detail, prev, hash
		FROM audit ORDER BY seq DESC LIMIT 1`
	selectHead    = `SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1`
	selectHash    = `SELECT hash FROM audit WHERE seq = ?`
	removeEntries = `DELETE FROM audit WHERE seq <= ?`
)

// FindEntries reads the audit entries that a query asks for.
func (t *tx) FindEntries(q store.EntryQuery) (found []audit.Entry, err error) {
	if err := t.ready(); err != nil || q.Limit <= 0 {
		return nil, err
	}
	where, args := "seq > ?", []any{q.After}
	and := func(term string, values ...any) {
		where, args = where+" AND "+term, append(args, values...)
	}
	for _, f := range []struct{ term, value string }{
		{"agent = ?", q.AgentID}, {"actor = ?", q.Actor}, {"outcome = ?", q.Outcome},
	} {
		if f.value != "" {
			and(f.term, f.value)
		}
	}
	if q.Action != "" {
		and("(action = ? OR substr(action, 1, length(?) + 1) = ? || '.')", q.Action, q.Action, q.Action)
	}
	if q.Through != 0 {
		and("seq <= ?", q.Through)
	}
	if !q.Since.IsZero() {
		and("time >= ?", q.Since.UnixMicro())
	}
	if !q.Until.IsZero() {
		and("time < ?", q.Until.UnixMicro())
	}
	query := `SELECT seq, time, actor, action, agent, target, outcome, reason, detail, prev, hash
		FROM audit WHERE ` + where + ` ORDER BY seq LIMIT ?`
	err = t.c.rowsOnce(query, append(args, q.Limit), func(scan scan) error {
		e, err := scanEntry(scan)
		found = append(found, e)
		return err
	})
	if err != nil {
		return nil, t.fail("audit entries", err)
	}
	return found, nil
}

// LastEntry reads the newest audit entry.
func (t *tx) LastEntry() (last audit.Entry, err error) {
	if err := t.ready(); err != nil {
		return last, err
	}
	err = t.c.rows(selectLast, nil, func(scan scan) (err error) {
		last, err = scanEntry(scan)
		return err
	})
	if err == nil && last.Seq == 0 {
		err = sql.ErrNoRows
	}
	return last, t.fail("audit entries", err)
}

// Heads reads the newest audit entry: there is one chain.
func (t *tx) Heads() ([]audit.Entry, error) {
	last, err := t.LastEntry()
	if err != nil {
		return nil, err
	}
	return []audit.Entry{last}, nil
}

// Entries reads audit entries.
func (t *tx) Entries(after int64, limit int) (found []audit.Entry, err error) {
	if err := t.ready(); err != nil || limit <= 0 {
		return nil, err
	}
	err = t.c.rows(selectEntries, []any{after, limit}, func(scan scan) error {
		e, err := scanEntry(scan)
		found = append(found, e)
		return err
	})
	if err != nil {
		return nil, t.fail("audit entries", err)
	}
	return found, nil
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

func scanEntry(scan scan) (audit.Entry, error) {
	var (
		e      audit.Entry
		micros int64
		detail string
	)
	err := scan(&e.Seq, &micros, &e.Actor, &e.Action, &e.AgentID, &e.Target, &e.Outcome, &e.Reason, &detail, &e.Prev, &e.Hash)
	if err == nil {
		err = decode(detail, &e.Detail)
	}
	if err != nil {
		return e, fmt.Errorf("entry %d: %w", e.Seq, err) // whoever looks for what was altered wants its number
	}
	e.Time = time.UnixMicro(micros).UTC()
	return e, nil
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
		e := audit.Next(head, now(), keepable(ev))
		_, err := c.exec(insertEntry, e.Seq, e.Time.UnixMicro(), e.Actor, string(e.Action), e.AgentID, e.Target,
			string(e.Outcome), e.Reason, detailText(e.Detail), e.Prev, e.Hash)
		if err != nil {
			return head, err
		}
		head = e
	}
	return head, nil
}

// keepable brings the detail into the form in which it is read again: the hash
// of the entry covers it. An empty map comes back as nil, and JSON holds valid
// UTF-8 only.
func keepable(ev audit.Event) audit.Event {
	detail := ev.Detail
	if len(detail) > 0 && valid(detail) {
		return ev
	}
	ev.Detail = nil
	for name, value := range detail {
		if ev.Detail == nil {
			ev.Detail = make(map[string]string, len(detail))
		}
		ev.Detail[strings.ToValidUTF8(name, "\uFFFD")] = strings.ToValidUTF8(value, "\uFFFD")
	}
	return ev
}

// detailText is encode for the detail of an entry.
func detailText(detail map[string]string) string {
	if len(detail) == 0 {
		return ""
	}
	return string(audit.AppendDetail(nil, detail))
}

func valid(detail map[string]string) bool {
	for name, value := range detail {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return false
		}
	}
	return true
}
