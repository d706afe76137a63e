package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Config says which store to open. URL is required.
type Config struct {
	URL     string           // postgres://…; search_path in it names another schema than agentcreds
	Create  bool             // make the store when there is none; false: store.ErrNoStore, and nothing is made
	Creator string           // the principal that the first audit entry of a new store, or chain, names
	Replica bool             // write a chain of its own; false: that of the store, in turns with others
	Now     func() time.Time // nil means time.Now

	migrations []string // nil means those of this program
}

var (
	//go:embed schema/1.sql
	format1 string
	//go:embed schema/2.sql
	format2 string
)

// migrations lead from each format to the next; the number of the newest is how
// many there are. One that was released is never edited.
var migrations = []string{format1, format2}

// The names of what the store says of itself in the table meta.
const (
	markName   = "application"
	mark       = "agentcreds"
	formatName = "format"
	idName     = "store_id"
	copyName   = "copy" // of which store, and at which entry, a copy is that has not ended
)

// newerError says that the store has a format that this program does not know.
type newerError struct{ format, known int }

func (e *newerError) Error() string {
	return fmt.Sprintf("it was written by a newer version (format %d, this program knows %d): upgrade the provider", e.format, e.known)
}

// Open opens the store, and brings it to the newest format. Of several that make
// it, or migrate it, one does and the others wait. It changes nothing but stores
// of this program: what else is in that schema stays as it is, and the error wraps
// store.ErrForeign.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	p, err := parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.migrations == nil {
		cfg.migrations = migrations
	}
	s, err := open(ctx, cfg, p)
	if err != nil {
		return nil, explain("open", p.name, err)
	}
	return s, nil
}

func open(ctx context.Context, cfg Config, p place) (*Store, error) {
	c, err := pgx.ConnectConfig(ctx, p.pool.ConnConfig)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	id, err := prepare(ctx, c, cfg, p)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), p.pool)
	if err != nil {
		return nil, err
	}
	s := &Store{place: p, id: id, now: cfg.Now, format: len(cfg.migrations), creator: cfg.Creator, pool: pool}
	s.writer = newWriter(s, cfg.Replica)
	if err := s.writer.connect(ctx); err != nil { // so that a replica has its chain
		pool.Close()
		return nil, err
	}
	go s.writer.run()
	return s, nil
}

// prepare makes the store when there is none, and migrates it. All of it is one
// transaction, under a lock that others wait for.
func prepare(ctx context.Context, c *pgx.Conn, cfg Config, p place) (id string, err error) {
	var encoding, durable string
	if err := c.QueryRow(ctx, "SELECT current_setting('server_encoding'), current_setting('synchronous_commit')").Scan(&encoding, &durable); err != nil {
		return "", err
	}
	if durable == "off" {
		p.durable()
	}
	if encoding != "UTF8" {
		return "", fmt.Errorf("its encoding is %s: make one with ENCODING 'UTF8'", encoding)
	}
	err = pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1), -1)", lockName(p.schema)); err != nil {
			return err
		}
		format, closed, err := identify(ctx, tx, p.schema)
		switch {
		case err != nil:
			return err
		case format > len(cfg.migrations):
			return &newerError{format, len(cfg.migrations)}
		case format == 0 && !cfg.Create:
			return fmt.Errorf("%w: check the url, or let a new one be made", store.ErrNoStore)
		}
		isNew := format == 0
		if err := upgrade(ctx, tx, cfg, p, format, closed); err != nil {
			return err
		}
		if isNew {
			if err := birth(ctx, tx, cfg); err != nil {
				return err
			}
		}
		var half string
		if err := tx.QueryRow(ctx, selectSetting, copyName).Scan(&half); err == nil {
			return errHalf
		} else if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		err = tx.QueryRow(ctx, selectSetting, idName).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			err = fmt.Errorf("%w: it has no store_id", errDamaged)
		}
		return err
	})
	return id, err
}

// lockName is what the advisory locks of a store are named by. They are those of
// the database: another schema has others.
func lockName(schema string) string { return mark + "/" + schema }

// identify returns the format of the store in the schema, 0 when there is nothing,
// and whether it is quarantined.
func identify(ctx context.Context, tx pgx.Tx, schema string) (format int, closed bool, err error) {
	var there, ours bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = relnamespace WHERE nspname = $1),
		EXISTS (SELECT FROM information_schema.columns WHERE table_schema = $1 AND table_name = 'meta' AND column_name IN ('name', 'value')
			HAVING count(*) = 2)`, schema).Scan(&there, &ours)
	if err != nil || !there {
		return 0, false, err
	}
	foreign := fmt.Errorf("%w: its schema %s holds something else, which was left as it is", store.ErrForeign, schema)
	if !ours {
		return 0, false, foreign
	}
	var application string
	err = tx.QueryRow(ctx, selectSetting, markName).Scan(&application)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && application != mark {
		return 0, false, foreign
	}
	if err != nil {
		return 0, false, err
	}
	err = tx.QueryRow(ctx, selectFormat, formatName).Scan(&format)
	format, closed = opened(format)
	if err == nil && format < 1 || errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("%w: it has no format", errDamaged)
	}
	return format, closed, err
}

// errHalf: what is there was not compared with what it is a copy of.
var errHalf = errors.New("the copy into it has not ended: run migrate again, with the same --from and --to")

// upgrade takes the store from a format to the newest. The first step makes its
// tables.
func upgrade(ctx context.Context, tx pgx.Tx, cfg Config, p place, format int, closed bool) error {
	if format == 0 {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{p.schema}.Sanitize()); err != nil {
			return err
		}
	}
	for ; format < len(cfg.migrations); format++ {
		if _, err := tx.Conn().PgConn().Exec(ctx, cfg.migrations[format]).ReadAll(); err != nil {
			return fmt.Errorf("migrate to format %d: %w", format+1, err)
		}
		for name, value := range map[string]string{markName: mark, formatName: marked(format+1, closed)} {
			if _, err := tx.Exec(ctx, putSetting, name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// birth gives a new store its id and the first entry of its audit.
func birth(ctx context.Context, tx pgx.Tx, cfg Config) error {
	id := uuid.NewString()
	first := audit.Next(audit.Entry{}, cfg.Now(), keepable(audit.Event{
		Actor: cfg.Creator, Action: audit.StoreCreate, Detail: map[string]string{"store_id": id},
	}))
	var b pgx.Batch
	b.Queue(putSetting, idName, id)
	b.Queue("INSERT INTO chains (n, birth) VALUES (0, 1)")
	enter(&b, first)
	return tx.SendBatch(ctx, &b).Close()
}
