package sqlite

import (
	"context"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var _ store.Source = (*Store)(nil)

// Dump reads whole tables, for a copy.
func (s *Store) Dump(ctx context.Context, fn func(rows func(t store.Table, skip int64, each func([]any) error) error) error) error {
	return s.View(ctx, func(r store.Reader) error {
		t := r.(*tx) //nolint:forcetypeassert // it is View's
		return fn(func(table store.Table, skip int64, each func([]any) error) error {
			if err := t.ready(); err != nil {
				return err
			}
			query := "SELECT " + strings.Join(table.Columns, ", ") + " FROM " + table.Name +
				" ORDER BY " + strings.Join(table.Key, ", ") + " LIMIT -1 OFFSET ?"
			values, dest := make([]any, len(table.Columns)), make([]any, len(table.Columns))
			for i := range values {
				dest[i] = &values[i]
			}
			return t.c.rowsOnce(query, []any{skip}, func(scan scan) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := scan(dest...); err != nil {
					return err
				}
				return each(values)
			})
		})
	})
}
