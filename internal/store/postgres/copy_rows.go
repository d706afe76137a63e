package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// yesNo are the columns that are numbers elsewhere.
var yesNo = []string{"user_serving", "inactive", "locked", "retiring"}

// table copies what is missing of a table, and compares it.
func (k *copying) table(ctx context.Context, t store.Table, rows func(store.Table, int64, func([]any) error) error) (Copied, error) {
	one := Copied{Table: t.Name}
	if err := k.c.QueryRow(ctx, "SELECT count(*) FROM "+t.Name+k.kept(t)).Scan(&one.Before); err != nil {
		return one, err
	}
	rows = valid(rows)
	var chunk [][]any
	write := func() error {
		_, err := k.c.CopyFrom(ctx, pgx.Identifier{t.Name}, t.Columns, pgx.CopyFromRows(chunk))
		chunk = chunk[:0]
		return err
	}
	err := rows(t, one.Before, func(row []any) error {
		if k.ended { // which the comparison finds, and says
			return nil
		}
		if chunk = append(chunk, ours(t, row)); len(chunk) < copyChunk {
			return nil
		}
		return write()
	})
	if err == nil && len(chunk) > 0 {
		err = write()
	}
	if err != nil {
		return one, err
	}
	var theirs store.Sum
	if err := rows(t, 0, theirs.Add); err != nil {
		return one, err
	}
	here, err := k.sum(ctx, t)
	if err != nil {
		return one, err
	}
	if here.Rows != theirs.Rows || here.Hash() != theirs.Hash() {
		return one, fmt.Errorf("%w: %d rows with the hash %s were copied, and there are %d with the hash %s", errDamaged,
			theirs.Rows, theirs.Hash(), here.Rows, here.Hash())
	}
	one.Rows, one.Hash = here.Rows, here.Hash()
	return one, nil
}

// valid refuses texts that PostgreSQL does not keep: changed, they would break the
// chain of the audit, whose hashes cover them.
func valid(rows func(store.Table, int64, func([]any) error) error) func(store.Table, int64, func([]any) error) error {
	return func(t store.Table, skip int64, each func([]any) error) error {
		return rows(t, skip, func(row []any) error {
			for i, v := range row {
				if text, ok := v.(string); ok && (!utf8.ValidString(text) || strings.ContainsRune(text, 0)) {
					return fmt.Errorf("the row %v has bytes in %s that are no UTF-8, which postgresql does not keep", row[:len(t.Key)], t.Columns[i])
				}
			}
			return each(row)
		})
	}
}

// ours is a row as this database takes it.
func ours(t store.Table, row []any) []any {
	out := slices.Clone(row)
	for i, name := range t.Columns {
		if n, ok := row[i].(int64); ok && slices.Contains(yesNo, name) {
			out[i] = n != 0
		}
		if b, ok := row[i].([]byte); ok {
			out[i] = sealed(b)
		}
	}
	return out
}

// sum is that of the rows that are here.
func (k *copying) sum(ctx context.Context, t store.Table) (sum store.Sum, err error) {
	rows, err := k.c.Query(ctx, "SELECT "+strings.Join(t.Columns, ", ")+" FROM "+t.Name+k.kept(t)+" ORDER BY "+strings.Join(t.Key, ", "))
	if err != nil {
		return sum, err
	}
	defer rows.Close()
	for rows.Next() {
		row, err := rows.Values()
		if err != nil {
			return sum, err
		}
		for i, v := range row {
			if yes, ok := v.(bool); ok {
				row[i] = map[bool]int64{false: 0, true: 1}[yes]
			}
		}
		if err := sum.Add(row); err != nil {
			return sum, err
		}
	}
	return sum, rows.Err()
}
