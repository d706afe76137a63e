package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// copyChunk is how many rows are copied in one transaction.
const copyChunk = 2000

// yesNo are the columns that are numbers elsewhere.
var yesNo = []string{"user_serving", "inactive", "locked", "retiring"}

// Copied is what there is of one table after a copy: the same in both stores.
type Copied struct {
	Table  string
	Rows   int64
	Before int64 // how many of them an earlier attempt had copied
	Hash   string
}

// errWritten: what was written meanwhile is not in the copy.
var errWritten = errors.New("the store that was copied was written meanwhile: stop what uses it, and run migrate again")

// Copy makes the store in cfg.URL a copy of another one, its id and its audit
// included, and compares both: each table has as many rows with the same hash. A
// copy that was broken off is gone on with, if the other store is as it was then,
// and else begun anew. Where there is a store already, the error wraps
// store.ErrExists. The new store cannot be opened before all of it is right.
func Copy(ctx context.Context, cfg Config, from store.Source) ([]Copied, error) {
	p, err := parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	c, err := pgx.ConnectConfig(ctx, p.pool.ConnConfig)
	if err != nil {
		return nil, explain("open", p.name, err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	k := &copying{c: c, p: p, cfg: cfg.withDefaults(), from: from}
	done, err := k.run(ctx)
	return done, explain("copy into", p.name, err)
}

type copying struct {
	c    *pgx.Conn
	p    place
	cfg  Config
	from store.Source
}

func (k *copying) run(ctx context.Context) (done []Copied, err error) {
	// The comparison of a large table takes its time.
	if _, err := k.c.Exec(ctx, "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET enable_seqscan = on", pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, err
	}
	waits, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := k.c.Exec(waits, lockChain, lockName(k.p.schema), int64(-1)); err != nil {
		if ctx.Err() == nil && waits.Err() != nil {
			err = fmt.Errorf("%w: something else makes a store there now", store.ErrBusy)
		}
		return nil, err
	}
	head, err := headOf(ctx, k.from)
	if err != nil {
		return nil, err
	}
	if err := k.prepare(ctx, fmt.Sprintf("%s %d %s", k.from.ID(), head.Seq, head.Hash)); err != nil {
		return nil, err
	}
	err = k.from.Dump(ctx, func(rows func(store.Table, int64, func([]any) error) error) error {
		for _, t := range store.Tables {
			one, err := k.table(ctx, t, rows)
			if err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
			done = append(done, one)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if now, err := headOf(ctx, k.from); err != nil || now.Hash != head.Hash {
		return nil, errors.Join(err, errWritten)
	}
	return done, k.finish(ctx)
}

func headOf(ctx context.Context, s store.Store) (head audit.Entry, err error) {
	err = s.View(ctx, func(r store.Reader) error {
		head, err = r.LastEntry()
		return err
	})
	return head, err
}

// prepare makes the tables, or finds those of a copy that was broken off. what
// says what it is a copy of.
func (k *copying) prepare(ctx context.Context, what string) error {
	return pgx.BeginFunc(ctx, k.c, func(tx pgx.Tx) error {
		now, err := identify(ctx, tx, k.p.schema)
		if err != nil {
			return err
		}
		if now.N > 0 {
			var before string
			err := tx.QueryRow(ctx, selectSetting, copyName).Scan(&before)
			switch {
			case errors.Is(err, pgx.ErrNoRows):
				return fmt.Errorf("%w: there is a store in its schema %s", store.ErrExists, k.p.schema)
			case err != nil || before == what:
				return err
			}
			// The tables that refer to others go first.
			for _, t := range slices.Backward(store.Tables) {
				if _, err := tx.Exec(ctx, "DELETE FROM "+t.Name+kept(t)); err != nil {
					return err
				}
			}
		}
		if err := upgrade(ctx, tx, k.cfg, k.p, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, putSetting, copyName, what)
		return err
	})
}

// kept is the condition under which a row is of the copy, and not of the store
// itself.
func kept(t store.Table) string {
	if t.Name != "meta" {
		return ""
	}
	return fmt.Sprintf(" WHERE name NOT IN ('%s', '%s', '%s')", markName, formatName, copyName)
}

// table copies what is missing of a table, and compares it.
func (k *copying) table(ctx context.Context, t store.Table, rows func(store.Table, int64, func([]any) error) error) (Copied, error) {
	one := Copied{Table: t.Name}
	if err := k.c.QueryRow(ctx, "SELECT count(*) FROM "+t.Name+kept(t)).Scan(&one.Before); err != nil {
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
	rows, err := k.c.Query(ctx, "SELECT "+strings.Join(t.Columns, ", ")+" FROM "+t.Name+kept(t)+" ORDER BY "+strings.Join(t.Key, ", "))
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

// finish makes a store of it.
func (k *copying) finish(ctx context.Context) error {
	return pgx.BeginFunc(ctx, k.c, func(tx pgx.Tx) error {
		for _, t := range store.Tables {
			if t.Columns[0] != "n" {
				continue
			}
			_, err := tx.Exec(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', 'n'), greatest(1, (SELECT max(n) FROM %s)), EXISTS (SELECT FROM %s))", t.Name, t.Name, t.Name))
			if err != nil {
				return err
			}
		}
		var b pgx.Batch
		b.Queue("INSERT INTO chains (n, birth) VALUES (0, 1) ON CONFLICT DO NOTHING")
		b.Queue(countAgents)
		b.Queue(deleteSetting, copyName)
		b.Queue("ANALYZE")
		return tx.SendBatch(ctx, &b).Close()
	})
}
