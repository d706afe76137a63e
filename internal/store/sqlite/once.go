package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	selectSetting = `SELECT value FROM meta WHERE name = ?`
	putSetting    = `INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2`
	deleteSetting = `DELETE FROM meta WHERE name = ?`

	addCount = `INSERT INTO counters (name, n) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET n = n + ?2`
	getCount = `SELECT n FROM counters WHERE name = ?`

	// A mark that has expired is taken over: what it stood for has expired too.
	spend = `INSERT INTO spent (key, expires) VALUES (?1, ?2)
		ON CONFLICT (key) DO UPDATE SET expires = ?2 WHERE expires <= ?3`
	nextMarks   = `SELECT coalesce(max(key), '') FROM (SELECT key FROM spent WHERE key > ? ORDER BY key LIMIT 64)`
	forget      = `DELETE FROM spent WHERE key > ? AND key <= ? AND expires <= ?`
	unspend     = `DELETE FROM spent WHERE key = ?`
	selectSpent = `SELECT 1 FROM spent WHERE key = ?`

	touch = `UPDATE secrets SET first_used = coalesce(first_used, ?3), last_used = max(coalesce(last_used, 0), ?3)
		WHERE agent = (SELECT n FROM agents WHERE id = ?1) AND id = ?2`
)

// sweep is how many keys are spent for each time that 64 are looked at, which are
// forgotten if they have expired. So the table is gone through four times as fast
// as it grows, and has at most a third more than what is in force.
const sweep = 16

// settings of the store itself have names of their own in the same table.
const settingPrefix = "setting:"

// Setting reads a setting.
func (t *tx) Setting(name string) (value string, err error) {
	if err := t.ready(); err != nil {
		return "", err
	}
	err = t.c.row(selectSetting, []any{settingPrefix + name}, &value)
	if errors.Is(err, sql.ErrNoRows) {
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

// Spend marks a key, once. Some of those who make one also go a little further
// round the table, in the order of the keys, and forget those that expired: an
// index by their end would cost each of them as much again. It needs no savepoint,
// which would cost more than all this: see group.settle.
func (t *tx) Spend(key string, expires time.Time) error {
	if err := t.ready(); err != nil {
		return err
	}
	now := t.now().Unix()
	if t.c.spent++; t.c.spent%sweep == 1 {
		var next string
		err := t.c.row(nextMarks, []any{t.c.swept}, &next)
		if err == nil && next != "" {
			_, err = t.c.exec(forget, t.c.swept, next, now)
		}
		if err != nil {
			return t.fail("spent keys", err)
		}
		t.c.swept = next // "" is the beginning
	}
	n, err := t.c.exec(spend, key, expires.Unix(), now)
	if err == nil && n == 0 {
		return store.ErrExists
	}
	t.spent = append(t.spent, key)
	return t.fail("spent key", err)
}

// Spent reports whether a key was spent.
func (t *tx) Spent(keys ...string) (bool, error) {
	if err := t.ready(); err != nil {
		return false, err
	}
	for _, key := range keys {
		var one int
		err := t.c.row(selectSpent, []any{key}, &one)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return false, t.fail("spent key", err)
		}
	}
	return false, nil
}

// Touch enters uses, in the next group of updates.
func (s *Store) Touch(ctx context.Context, uses []store.Use) error {
	return s.change(ctx, &call{quiet: true, fn: func(t *tx) ([]audit.Event, error) {
		for _, use := range uses {
			what, statement, args := "secret ", touch, []any{use.AgentID, use.SecretID, use.At.UnixMicro()}
			if use.Kind != "" {
				what, statement = string(use.Kind)+" ", touchCredential
				args = []any{use.AgentID, string(use.Kind), use.SecretID, use.At.UnixMicro()}
			}
			err := t.writeAside(what+use.SecretID, statement, args...)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
		}
		return nil, nil
	}})
}

// Count adds to a counter, in the next group of updates.
func (s *Store) Count(ctx context.Context, name string, n int64) (count int64, err error) {
	err = s.change(ctx, &call{quiet: true, fn: func(t *tx) ([]audit.Event, error) {
		err := t.writeAside("counter "+name, addCount, name, n)
		if err == nil {
			count, err = t.Counter(name)
		}
		return nil, err
	}})
	return count, err
}

// Counter reads a counter.
func (t *tx) Counter(name string) (n int64, err error) {
	if err := t.ready(); err != nil {
		return 0, err
	}
	err = t.c.row(getCount, []any{name}, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, t.fail("counter "+name, err)
}
