package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// Config says which store to open. URL is required.
type Config struct {
	URL     string           // postgres://…; search_path in it names another schema than agentcreds
	Create  bool             // make the store when there is none; false: store.ErrNoStore, and nothing is made
	Creator string           // the principal that the first audit entry of a new store, or chain, names
	Replica bool             // write a chain of its own; false: that of the store, in turns with others
	Now     func() time.Time // nil means time.Now
	// Server, if not "", is the name of a server, as others read it: as long as
	// it has the store open nobody changes the format to one that it cannot use.
	Server string

	migrations []string     // nil means those of this program
	expanding  map[int]bool // as of migrations
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.migrations == nil {
		c.migrations, c.expanding = migrations, expanding
	}
	return c
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
	s, err := open(ctx, cfg.withDefaults(), p)
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
	id, err := patiently(ctx, func() (string, error) { return prepare(ctx, c, cfg, p) })
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), p.pool)
	if err != nil {
		return nil, err
	}
	s := &Store{place: p, id: id, now: cfg.Now, format: len(cfg.migrations), creator: cfg.Creator, serves: cfg.Server != "", pool: pool}
	p.call(cfg.Server)
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
	// What it reads after it had to wait is of after that, whatever the database has
	// for a default.
	err = pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1), -1)", lockName(p.schema)); err != nil {
			return err
		}
		now, err := identify(ctx, tx, p.schema)
		switch {
		case err != nil:
			return err
		case !now.Usable(len(cfg.migrations)):
			return now.Newer(len(cfg.migrations))
		case now.N == 0 && !cfg.Create:
			return fmt.Errorf("%w: check the url, or let a new one be made", store.ErrNoStore)
		}
		if err := upgrade(ctx, tx, cfg, p, now); err != nil {
			return err
		}
		if now.N == 0 {
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

// errHalf: what is there was not compared with what it is a copy of.
var errHalf = errors.New("the copy into it has not ended: run migrate again, with the same --from and --to")

// birth gives a new store its id and the first entry of its audit.
func birth(ctx context.Context, tx pgx.Tx, cfg Config) error {
	id := uuid.NewString()
	first := audit.Next(audit.Entry{}, cfg.Now(), row.Keepable(audit.Event{
		Actor: cfg.Creator, Action: audit.StoreCreate, Detail: map[string]string{"store_id": id},
	}))
	var b pgx.Batch
	b.Queue(putSetting, idName, id)
	b.Queue("INSERT INTO chains (n, birth) VALUES (0, 1)")
	enter(&b, first)
	return tx.SendBatch(ctx, &b).Close()
}
