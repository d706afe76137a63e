package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	selectSetting = `SELECT value FROM meta WHERE name = $1`
	putSetting    = `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2`
	deleteSetting = `DELETE FROM meta WHERE name = $1`

	addCount = `INSERT INTO counters AS c (name, n) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = c.n + $2 RETURNING n`
	getCount = `SELECT n FROM counters WHERE name = $1`

	// A mark that has expired is taken over: what it stood for has expired too.
	spend = `INSERT INTO spent AS s (key, expires) VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET expires = $2 WHERE s.expires <= $3`
	forget = `DELETE FROM spent WHERE key IN (SELECT key FROM spent WHERE expires <= $1 ORDER BY expires LIMIT 1000
		FOR UPDATE SKIP LOCKED)`
	selectSpent = `SELECT count(*) FROM spent WHERE key = ANY ($1::text[])`

	touchSecret = `UPDATE secrets SET first_used = coalesce(first_used, $3), last_used = greatest(coalesce(last_used, 0), $3)
		WHERE agent = (SELECT n FROM agents WHERE id = $1) AND id = $2`
	touchCredential = `UPDATE credentials SET first_used = coalesce(first_used, $3), last_used = greatest(coalesce(last_used, 0), $3)
		WHERE agent = (SELECT n FROM agents WHERE id = $1) AND id = $2 AND kind = $4`
)

// settings of the store itself have names of their own in the same table.
const settingPrefix = "setting:"

// Setting reads a setting.
func (t *tx) Setting(name string) (value string, err error) {
	if err := t.ready(); err != nil {
		return "", err
	}
	err = t.row(selectSetting, []any{settingPrefix + name}, &value)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return value, t.fail("setting "+name, err)
}

// SetSetting writes a setting.
func (t *tx) SetSetting(name, value string) error {
	if value != "" {
		return t.write("setting "+name, putSetting, settingPrefix+name, value)
	}
	err := t.write("setting "+name, deleteSetting, settingPrefix+name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Spend marks a key, once for all replicas.
func (t *tx) Spend(key string, expires time.Time) error {
	if err := t.ready(); err != nil {
		return err
	}
	n, err := t.exec(spend, key, expires.Unix(), t.now().Unix())
	if err == nil && n == 0 {
		return store.ErrExists
	}
	return t.fail("spent key", err)
}

// Spent reports whether a key was spent.
func (t *tx) Spent(keys ...string) (bool, error) {
	if err := t.ready(); err != nil || len(keys) == 0 {
		return false, err
	}
	var n int
	err := t.row(selectSpent, []any{keys}, &n)
	return n > 0, t.fail("spent key", err)
}

// Counter reads a counter.
func (t *tx) Counter(name string) (n int64, err error) {
	if err := t.ready(); err != nil {
		return 0, err
	}
	err = t.row(getCount, []any{name}, &n)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return n, t.fail("counter "+name, err)
}

// Touch enters uses. They are no part of the serializable transactions of
// Updates, which therefore never fail for them: a use moves a time forward,
// whatever else became of the record.
func (s *Store) Touch(ctx context.Context, uses []store.Use) error {
	// Always in the same order, so that two replicas do not wait for each other.
	uses = slices.SortedFunc(slices.Values(uses), func(a, b store.Use) int {
		return cmp.Or(cmp.Compare(a.AgentID, b.AgentID), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.SecretID, b.SecretID))
	})
	if len(uses) == 0 {
		return ctx.Err()
	}
	return s.aside(ctx, func(b *pgx.Batch) {
		for _, use := range uses {
			if use.Kind == "" {
				b.Queue(touchSecret, use.AgentID, use.SecretID, use.At.UnixMicro())
			} else {
				b.Queue(touchCredential, use.AgentID, use.SecretID, use.At.UnixMicro(), string(use.Kind))
			}
		}
	})
}

// Count adds to a counter.
func (s *Store) Count(ctx context.Context, name string, n int64) (count int64, err error) {
	err = s.aside(ctx, func(b *pgx.Batch) {
		b.Queue(addCount, name, n).QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	})
	return count, err
}

// aside runs statements that stand for themselves, in one transaction that waits
// for others and does not conflict with them. Each attempt fills a batch of its own:
// one that was sent names the statements of the connection that it was sent on,
// and the next attempt may have another.
func (s *Store) aside(ctx context.Context, fill func(*pgx.Batch)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()
	var err error
	for range maxAttempts {
		// A batch without BEGIN is one transaction.
		err = s.pooled(ctx, func(ctx context.Context, c *pgx.Conn) error {
			var b pgx.Batch
			fill(&b)
			return send(ctx, c, &b, s.place.answer)
		})
		if !conflicted(err) {
			break
		}
	}
	return explain("update", s.place.name, err)
}
