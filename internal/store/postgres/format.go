package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var (
	//go:embed schema/1.sql
	format1 string
	//go:embed schema/2.sql
	format2 string
)

// migrations lead from each format to the next; the number of the newest is how
// many there are. One that was released is never edited.
var migrations = []string{format1, format2}

// expanding are the formats whose migrations only add to what the format before
// had: tables, indexes, and columns with a default that is right for what does not
// know of them. What a program of the format before reads and writes must stay
// right: it goes on beside newer ones. A later migration, which does not expand,
// may take away what nobody uses any more.
var expanding = map[int]bool{}

// The names of what the store says of itself in the table meta.
const (
	markName   = "application"
	mark       = "agentcreds"
	formatName = "format"
	idName     = "store_id"
	copyName   = "copy" // of which store, and at which entry, a copy is that has not ended
)

// lockName is what the advisory locks of a store are named by. They are those of
// the database: another schema has others.
func lockName(schema string) string { return mark + "/" + schema }

// identify returns the format of the store in the schema, the zero Format when
// there is nothing.
func identify(ctx context.Context, tx pgx.Tx, schema string) (now store.Format, err error) {
	var there, ours bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = relnamespace WHERE nspname = $1),
		EXISTS (SELECT FROM information_schema.columns WHERE table_schema = $1 AND table_name = 'meta' AND column_name IN ('name', 'value')
			HAVING count(*) = 2)`, schema).Scan(&there, &ours)
	if err != nil || !there {
		return now, err
	}
	foreign := fmt.Errorf("%w: its schema %s holds something else, which was left as it is", store.ErrForeign, schema)
	if !ours {
		return now, foreign
	}
	var application string
	err = tx.QueryRow(ctx, selectSetting, markName).Scan(&application)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && application != mark {
		return now, foreign
	}
	if err != nil {
		return now, err
	}
	var number int
	err = tx.QueryRow(ctx, selectFormat, formatName).Scan(&number)
	now = store.ReadFormat(number)
	if err == nil && now.N < 1 || errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("%w: it has no format", errDamaged)
	}
	return now, err
}

// upgrade takes the store from a format to the newest, unless a server is in the
// way. The first step makes its tables.
func upgrade(ctx context.Context, tx pgx.Tx, cfg Config, p place, now store.Format) error {
	if now.N == 0 {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{p.schema}.Sanitize()); err != nil {
			return err
		}
	}
	before := now
	for range len(cfg.migrations) - before.N {
		now = now.Next(cfg.expanding[now.N+1])
	}
	if before.N > 0 && now.Oldest() > before.Oldest() {
		if err := alone(ctx, tx, p.schema, now); err != nil {
			return err
		}
	}
	for n := before.N; n < now.N; n++ {
		if _, err := tx.Conn().PgConn().Exec(ctx, cfg.migrations[n]).ReadAll(); err != nil {
			return fmt.Errorf("migrate to format %d: %w", n+1, err)
		}
		for name, value := range map[string]string{markName: mark, formatName: strconv.Itoa(now.Number())} {
			if _, err := tx.Exec(ctx, putSetting, name, value); err != nil {
				return err
			}
		}
	}
	return nil
}
