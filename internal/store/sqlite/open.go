package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Config says which store to open. Path is required.
type Config struct {
	Path    string           // the database file
	Create  bool             // make the store when there is no file; false: store.ErrNoStore, and nothing is made
	Creator string           // the principal that the first audit entry of a new store names
	Now     func() time.Time // nil means time.Now
	// Server, if not "", is the name of a server, as others read it: as long as
	// it has the store open nobody changes the format under it.
	Server string

	seams
}

// seams are what the tests of this package change.
type seams struct {
	patience   time.Duration                    // 0 means 10 seconds
	migrations []string                         // nil means those of this program
	expanding  map[int]bool                     // as of migrations
	remote     func(dir string) (string, error) // nil means remote
	settings   string                           // further ones of each connection
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.patience == 0 {
		c.patience = defaultPatience
	}
	if c.migrations == nil {
		c.migrations, c.expanding = migrations, expanding
	}
	if c.remote == nil {
		c.remote = remote
	}
	c.settings = settings + c.settings
	return c
}

func (c Config) formats() formats { return formats{c.migrations, c.expanding} }

// Open opens the store at cfg.Path. It changes nothing but stores of this
// program: what else is there stays as it is, and the error wraps
// store.ErrForeign. An empty file is not a store either, as Open never leaves
// one: it can be what became of a store when a disk was full, and to start
// anew in it would look as if all agents had been deleted.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	s, err := openStore(ctx, cfg)
	if err != nil {
		return nil, explain("open", cfg.Path, err)
	}
	return s, nil
}

func openStore(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" {
		return nil, errors.New("its path is empty")
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, err
	}
	if err := refuseRemote(path, cfg.remote); err != nil {
		return nil, err
	}
	switch found, err := exists(path); {
	case err != nil:
		return nil, err
	case found:
	case !cfg.Create:
		return nil, errAbsent
	default:
		if err := create(path, cfg); err != nil {
			return nil, err
		}
	}
	if err := identify(path, len(cfg.migrations)); err != nil {
		return nil, err
	}
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	// SQLite would open what it cannot write, and leave a log behind.
	for _, needed := range []string{path, filepath.Dir(path)} {
		if err := writable(needed); err != nil {
			return nil, err
		}
	}
	return start(ctx, path, cfg)
}

// start opens a database that is known to be ours.
func start(ctx context.Context, path string, cfg Config) (_ *Store, err error) {
	db, err := open(path, cfg.settings)
	if err != nil {
		return nil, err
	}
	s := &Store{
		path: cfg.Path, file: path, format: len(cfg.migrations), now: cfg.Now, patience: cfg.patience,
		db: db, readers: make(chan *conn, readers()), versions: newVersions(),
	}
	for range cap(s.readers) {
		s.readers <- nil
	}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if err := s.prepare(ctx, cfg); err != nil {
		return nil, err
	}
	return s, nil
}

// prepare opens the connection that will write, and brings the database into
// the form that the rest of the package counts on.
func (s *Store) prepare(ctx context.Context, cfg Config) error {
	since := time.Now()
	err := s.patiently(ctx, since, func() (err error) {
		if s.writer == nil {
			if s.writer, err = s.connect(writing); err != nil {
				return err
			}
		}
		// A store is made so, but a copy made by VACUUM INTO is not.
		return s.writer.useWAL()
	})
	if err != nil {
		return err
	}
	if s.is, err = os.Lstat(s.file); err != nil {
		return err
	}
	if err := s.bring(ctx, cfg.formats()); err != nil {
		return err
	}
	if err := s.hold(ctx, cfg.Server); err != nil {
		return fmt.Errorf("hold its lease: %w", err)
	}
	if err := s.check(s.writer); err != nil { // nobody has changed it before it was held
		return err
	}
	return s.patiently(ctx, since, func() error {
		err := s.writer.row("SELECT value FROM meta WHERE name = 'store_id'", nil, &s.id)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: it has no store_id", errDamaged)
		}
		return err
	})
}

// useWAL sets the journal mode that lets readers and a writer work at once. On
// a disk that can be read only, SQLite keeps the old one and says nothing.
func (c *conn) useWAL() error {
	var mode string
	if err := c.row("PRAGMA journal_mode = WAL", nil, &mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("write-ahead log: %w", os.ErrPermission)
	}
	return nil
}

// errAbsent says that there is nothing at the path.
var errAbsent = fmt.Errorf("%w: check the path, or let a new one be made", store.ErrNoStore)
