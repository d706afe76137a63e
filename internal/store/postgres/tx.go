package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// tx is what the function of a View or an Update works on.
type tx struct {
	ctx   context.Context
	c     *pgx.Conn
	limit time.Duration // of one statement
	name  string        // of the database
	chain int64         // the one whose entries are this handle's
	now   func() time.Time
	flush func() error // writes the entries of those who were before in the same transaction
	cut   *audit.Cut   // the entries that it removed; nil: none
	// closed: the store is quarantined, as this transaction sees it.
	closed bool
	wrote  bool // something that must be undone when its function fails
	// broken is the first error that no caller can expect: PostgreSQL refuses
	// every statement after it.
	broken error
}

var _ store.Tx = (*tx)(nil)

// errEnded is what a Reader or Tx returns that was kept beyond its function.
var errEnded = errors.New("the transaction has ended")

// end makes sure that the connection is not used behind the back of the next.
func (t *tx) end() {
	if t.broken == nil {
		t.c = nil
	}
}

// ready returns why the transaction cannot be used.
func (t *tx) ready() error {
	if t.broken == nil && t.c == nil {
		return errEnded
	}
	return explain("use", t.name, t.broken)
}

// fail returns the error of a statement about what ("agent 7f3…"): one of the
// store's own, or one that breaks the transaction.
func (t *tx) fail(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("%s: %w", what, store.ErrNotFound)
	case errors.Is(err, store.ErrExists):
		return fmt.Errorf("%s: %w", what, store.ErrExists)
	}
	if t.broken == nil {
		t.broken = fmt.Errorf("%s: %w", what, err)
	}
	return explain("use", t.name, t.broken)
}

// write runs a statement that changes one record. When it changes none, there is
// no such record.
func (t *tx) write(what, statement string, args ...any) error {
	if err := t.ready(); err != nil {
		return err
	}
	n, err := t.exec(statement, args...)
	if err == nil && n == 0 {
		err = pgx.ErrNoRows
	}
	return t.fail(what, err)
}

// add runs a statement that adds a record unless there is one already. needs, if
// not "", is a query that finds nothing when the record has no place.
func (t *tx) add(what, statement, needs string, args ...any) error {
	if err := t.ready(); err != nil {
		return err
	}
	n, err := t.exec(statement, args...)
	if err == nil && n == 0 {
		err = store.ErrExists
		if needs != "" {
			var one int
			if e := t.row(needs, args[:1], &one); e != nil {
				err = e
			}
		}
	}
	return t.fail(what, err)
}

// replace runs a statement that changes one record, unless that would take what
// another one has. there is a query that finds the record.
func (t *tx) replace(what, statement, there string, args ...any) error {
	if err := t.ready(); err != nil {
		return err
	}
	n, err := t.exec(statement, args...)
	if err == nil && n == 0 {
		var one int
		if err = t.row(there, args[:1], &one); err == nil {
			err = store.ErrExists
		}
	}
	return t.fail(what, err)
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(statement string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.limit)
	defer cancel()
	tag, err := t.c.Exec(ctx, statement, args...)
	if tag.RowsAffected() > 0 {
		t.wrote = true
	}
	return tag.RowsAffected(), err
}

// scan reads the columns of one row.
type scan func(dest ...any) error

// rows calls each with every row.
func (t *tx) rows(query string, args []any, each func(scan) error) error {
	ctx, cancel := context.WithTimeout(t.ctx, t.limit)
	defer cancel()
	rows, err := t.c.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// row reads the first row into dest: pgx.ErrNoRows when there is none.
func (t *tx) row(query string, args []any, dest ...any) error {
	ctx, cancel := context.WithTimeout(t.ctx, t.limit)
	defer cancel()
	return t.c.QueryRow(ctx, query, args...).Scan(dest...)
}

// micros is how a time is kept.
func micros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.UnixMicro())
}

// moment is the way back.
func moment(micros *int64) time.Time {
	if micros == nil {
		return time.Time{}
	}
	return time.UnixMicro(*micros).UTC()
}

// decode reads a list or a map.
func decode[T []string | map[string]string](text string, v *T) error {
	if err := store.DecodeText(text, v); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}
