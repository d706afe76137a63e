// Package row is how a record is a row of the tables that every backend with SQL
// has: which columns, in which order, and the way back; and how a query of records
// becomes one of rows. It opens no database and runs nothing: how a statement is
// prepared, what changes a record, what an error means and when something is
// durable, each backend knows for itself.
package row

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// ErrDamaged: what a row holds was not written by this package.
var ErrDamaged = errors.New("a record is damaged")

// Scan reads the columns of one row.
type Scan func(dest ...any) error

// Rows runs a query and calls each with every row that it finds.
type Rows func(query string, args []any, each func(Scan) error) error

// All reads what a query finds.
func All[T any](rows Rows, read func(Scan) (T, error), query string, args ...any) (found []T, err error) {
	err = rows(query, args, func(scan Scan) error {
		v, err := read(scan)
		found = append(found, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// One reads the one row that a query finds; store.ErrNotFound when it finds none.
func One[T any](rows Rows, read func(Scan) (T, error), query string, args ...any) (found T, err error) {
	err = store.ErrNotFound
	if e := rows(query, args, func(scan Scan) error {
		found, err = read(scan)
		return err
	}); e != nil {
		err = e
	}
	return found, err
}

// micros is how a time is kept: microseconds since 1970, NULL when it is not set.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// moment reads what micros made.
type moment struct{ to *time.Time }

func (m moment) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*m.to = time.Time{}
	case int64:
		*m.to = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("%w: a time is a %T", ErrDamaged, v)
	}
	return nil
}

// optional is how a text is kept that is NULL when it is empty.
func optional(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// option reads what optional made.
type option struct{ to *string }

func (o option) Scan(v any) (err error) {
	*o.to = ""
	if v != nil {
		*o.to, err = text(v)
	}
	return err
}

// sealed is how bytes are kept: never NULL.
func sealed(b []byte) []byte { return append([]byte{}, b...) }

// unsealed is the way back: nothing is nil.
func unsealed(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// coded reads what store.EncodeText made.
type coded[T []string | map[string]string] struct{ to *T }

func (c coded[T]) Scan(v any) error {
	kept, err := text(v)
	if err == nil {
		err = store.DecodeText(kept, c.to)
	}
	return damaged(err)
}

// encode is how a list of what is no record of its own is kept: JSON.
func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("row: texts and numbers always encode: " + err.Error())
	}
	return string(text)
}

// decoded reads what encode made.
type decoded struct{ to any }

func (d decoded) Scan(v any) error {
	kept, err := text(v)
	if err == nil {
		err = json.Unmarshal([]byte(kept), d.to)
	}
	return damaged(err)
}

// text is a text as drivers give it.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	return "", fmt.Errorf("%w: a text is a %T", ErrDamaged, v)
}

func damaged(err error) error {
	if err == nil || errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}
