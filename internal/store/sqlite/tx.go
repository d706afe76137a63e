package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// tx is what the function of a View or an Update works on.
type tx struct {
	c    *conn
	path string
	now  func() time.Time // nil in a View
	cut  *audit.Cut       // the entries that it removed; nil: none
	// reclosed: it has turned around whether the store is quarantined.
	reclosed bool

	group  *group  // nil in a View
	places *places // nil in an Update, of which something may be undone
	wrote  bool
	spent  []string // the keys that it spent
	// broken is the first error that no caller can expect. SQLite may have
	// rolled back the whole transaction because of it, and what is written
	// then would be committed by itself: nothing more is done.
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
	return explain("use", t.path, t.broken)
}

// fail returns the error of a statement about what ("agent 7f3…"): one of the
// store's own, or one that breaks the transaction.
func (t *tx) fail(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows), errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%s: %w", what, store.ErrNotFound)
	case taken(err):
		return fmt.Errorf("%s: %w", what, store.ErrExists)
	}
	if t.broken == nil {
		t.broken = fmt.Errorf("%s: %w", what, err)
	}
	return explain("use", t.path, t.broken)
}

// write runs a statement that changes one record, or finds none.
func (t *tx) write(what, statement string, args ...any) error {
	t.changes()
	return t.writeAside(what, statement, args...)
}

// changes says that something changes that concerns all.
func (t *tx) changes() {
	if t.group != nil {
		t.group.versions.all++
	}
}

// changing is to come before a statement that is run without write and changes
// what concerns all.
func (t *tx) changing() error {
	t.changes()
	if err := t.group.begin(); err != nil {
		return err
	}
	t.wrote = true
	return nil
}

// writeOf is write where what changes is only of the agent or client with that
// id.
func (t *tx) writeOf(id, what, statement string, args ...any) error {
	if t.group != nil {
		*t.group.versions.own(id)++
	}
	return t.writeAside(what, statement, args...)
}

// writeAside is write where what changes decides nothing: see store.Versioned.
func (t *tx) writeAside(what, statement string, args ...any) error {
	if err := t.ready(); err != nil {
		return err
	}
	n, err := t.exec(statement, args...)
	if err == nil && n == 0 {
		err = sql.ErrNoRows
	}
	return t.fail(what, err)
}

// exec runs a statement that writes.
func (t *tx) exec(statement string, args ...any) (int64, error) {
	if err := t.group.begin(); err != nil {
		return 0, err
	}
	t.wrote = true
	return t.c.exec(statement, args...)
}

// find reads the one record that a query finds.
func find[T any](t *tx, what string, read func(scan) (T, error), query string, args ...any) (found T, err error) {
	if err := t.ready(); err != nil {
		return found, err
	}
	found, err = row.One(t.c.rows, read, query, args...)
	return found, t.fail(what, err)
}

// list reads the records that a query finds.
func list[T any](t *tx, what string, read func(scan) (T, error), query string, args ...any) ([]T, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	found, err := row.All(t.c.rows, read, query, args...)
	return found, t.fail(what, err)
}
