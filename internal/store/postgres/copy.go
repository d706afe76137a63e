package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// copyChunk is how many rows are copied in one transaction.
const copyChunk = 2000

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
// and else begun anew; one that had ended, and was not written since, is compared
// once more. Where there is another store, the error wraps store.ErrExists. The new
// store cannot be opened before all of it is right; that it is, and whose doing it
// was (cfg.Creator), is the last entry of its audit.
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
	head audit.Entry // the last one of that store
	// ended: all was right before; what was broken off was the answer.
	ended bool
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
	if k.head, err = headOf(ctx, k.from); err != nil {
		return nil, err
	}
	if err := k.prepare(ctx, fmt.Sprintf("%s %d %s", k.from.ID(), k.head.Seq, k.head.Hash)); err != nil {
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
	if now, err := headOf(ctx, k.from); err != nil || now.Hash != k.head.Hash {
		return nil, errors.Join(err, errWritten)
	}
	if k.ended {
		return done, nil
	}
	return done, k.finish(ctx, done)
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
				return k.there(ctx, tx)
			case err != nil || before == what:
				return err
			}
			// The tables that refer to others go first.
			for _, t := range slices.Backward(store.Tables) {
				if _, err := tx.Exec(ctx, "DELETE FROM "+t.Name+k.kept(t)); err != nil {
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

// there looks at a store that is there: it may be the copy, which had ended.
func (k *copying) there(ctx context.Context, tx pgx.Tx) error {
	var same, unwritten bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM meta WHERE name = $1 AND value = $2),
		EXISTS (SELECT FROM audit WHERE seq = $3 AND hash = $4) AND (SELECT seq = $3 + 1 AND action = $5 FROM audit ORDER BY seq DESC LIMIT 1)`,
		idName, k.from.ID(), k.head.Seq, k.head.Hash, string(audit.StoreMigrate)).Scan(&same, &unwritten)
	switch {
	case err != nil:
		return err
	case same && unwritten:
		k.ended = true
		return nil
	case same:
		return fmt.Errorf("%w: the store in its schema %s is a copy of this one already, and one of the two was written since", store.ErrExists, k.p.schema)
	}
	return fmt.Errorf("%w: there is a store in its schema %s", store.ErrExists, k.p.schema)
}

// kept is the condition under which a row is of the copy, and not of the store
// itself.
func (k *copying) kept(t store.Table) string {
	switch {
	case k.ended && t.Name == "audit":
		return fmt.Sprintf(" WHERE seq <= %d", k.head.Seq)
	case t.Name != "meta":
		return ""
	}
	return fmt.Sprintf(" WHERE name NOT IN ('%s', '%s', '%s')", markName, formatName, copyName)
}

// finish makes a store of it, and records that.
func (k *copying) finish(ctx context.Context, done []Copied) error {
	detail := map[string]string{"store_id": k.from.ID()}
	for _, t := range done {
		detail[t.Table] = strconv.FormatInt(t.Rows, 10) + " " + t.Hash
	}
	made := audit.Next(k.head, k.cfg.Now(), row.Keepable(audit.Event{Actor: k.cfg.Creator, Action: audit.StoreMigrate, Detail: detail}))
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
		enter(&b, made)
		b.Queue(deleteSetting, copyName)
		b.Queue("ANALYZE")
		return tx.SendBatch(ctx, &b).Close()
	})
}
