package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
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
	case errors.Is(err, pgx.ErrNoRows), errors.Is(err, store.ErrNotFound):
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

// rows calls each with every row: there is none with what no record can have.
func (t *tx) rows(query string, args []any, each func(row.Scan) error) error {
	if !row.Keeps(args...) {
		return nil
	}
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

// rowsOnce is rows for a query that is not one of a small set: there are too many
// combinations to prepare them all.
func (t *tx) rowsOnce(query string, args []any, each func(row.Scan) error) error {
	return t.rows(query, append([]any{pgx.QueryExecModeExec}, args...), each)
}

// row reads the first row into dest: pgx.ErrNoRows when there is none.
func (t *tx) row(query string, args []any, dest ...any) error {
	if !row.Keeps(args...) {
		return pgx.ErrNoRows
	}
	ctx, cancel := context.WithTimeout(t.ctx, t.limit)
	defer cancel()
	return t.c.QueryRow(ctx, query, args...).Scan(dest...)
}

// find reads the one record that a query finds.
func find[T any](t *tx, what string, read func(row.Scan) (T, error), query string, args ...any) (found T, err error) {
	if err := t.ready(); err != nil {
		return found, err
	}
	found, err = row.One(t.rows, read, query, args...)
	return found, t.fail(what, err)
}

// list reads the records that a query finds.
func list[T any](t *tx, what string, read func(row.Scan) (T, error), query string, args ...any) ([]T, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	found, err := row.All(t.rows, read, query, args...)
	return found, t.fail(what, err)
}

// byAgent reads the records that a query finds, by the id of the agent that is the
// first column.
func byAgent[T any](t *tx, what string, read func(row.Scan) (T, error), query string, args ...any) (map[string][]T, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	of := map[string][]T{}
	if err := t.rows(query, args, func(scan row.Scan) error {
		var id string
		v, err := read(func(dest ...any) error { return scan(append([]any{&id}, dest...)...) })
		of[id] = append(of[id], v)
		return err
	}); err != nil {
		return nil, t.fail(what, err)
	}
	return of, nil
}
