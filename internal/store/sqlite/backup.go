package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// Copy writes the store as it is at this moment into a file that is there and
// empty. Others go on reading and writing meanwhile. The copy has no log beside it.
func (s *Store) Copy(ctx context.Context, path string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.calls.Done()
	c, err := s.connect(writing)
	if err == nil {
		defer c.release()
		err = s.patiently(ctx, time.Now(), func() error {
			_, err := c.c.ExecContext(ctx, "VACUUM INTO ?", path)
			return err
		})
	}
	return explain("copy", s.path, err)
}

// Facts are what can be told of a store that is looked at and not used.
type Facts struct {
	ID     string
	Format int
	Head   audit.Entry // the last entry of its audit
}

// Examine looks at a copy that nobody uses: whether all of it is there and its
// audit is as it was written, and which store it is. What is no store, or one of a
// newer version, is store.ErrForeign.
func Examine(ctx context.Context, path string) (Facts, error) {
	f, err := examine(ctx, path)
	return f, explain("examine", path, err)
}

func examine(ctx context.Context, path string) (f Facts, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return f, err
	}
	if err := identify(path, len(migrations)); err != nil {
		return f, err
	}
	db, err := open(path, settings+"&mode=ro&immutable=1")
	if err != nil {
		return f, err
	}
	defer func() { _ = db.Close() }()
	c, err := connect(db, reading)
	if err != nil {
		return f, err
	}
	defer c.release()
	if err := c.intact(); err != nil {
		return f, err
	}
	format, err := c.format()
	if err != nil {
		return f, err
	}
	f.Format = format.N
	err = c.row("SELECT value FROM meta WHERE name = 'store_id'", nil, &f.ID)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: it has no store_id", errDamaged)
	}
	if err != nil {
		return f, err
	}
	var chain audit.Chain
	err = c.rows(selectEntries, []any{0, -1}, func(scan scan) error {
		e, err := row.Entry(scan)
		if err == nil {
			err = chain.Add(e)
		}
		return errors.Join(err, ctx.Err())
	})
	f.Head = chain.Last
	return f, errors.Join(err, chain.Complete())
}

// intact looks at every page and every reference.
func (c *conn) intact() error {
	var says string
	if err := c.row("PRAGMA integrity_check(1)", nil, &says); err != nil {
		return err
	}
	if says != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, says)
	}
	return c.rows("PRAGMA foreign_key_check", nil, func(scan scan) error {
		return fmt.Errorf("%w: a record refers to one that is not there", errDamaged)
	})
}

// ErrThere: there is a store, or what is left of one.
var ErrThere = fmt.Errorf("there is a database already: %w", fs.ErrExist)

// Place puts a store that nobody uses, in a file of the same directory, at path.
// What is there is moved aside, if it may be, with the log that belongs to it: its
// new name is returned, "" for none. Whoever looks at path finds the old one,
// nothing, or the new one; never a file with the log of another.
func Place(from, path string, mayMove bool) (aside string, err error) {
	if err := flush(from); err != nil {
		return "", err
	}
	if mayMove {
		err = alone(context.Background(), path, once, func() (err error) {
			aside, err = place(from, path, true)
			return err
		})
		return aside, err
	}
	return place(from, path, false)
}

// once does not wait.
func once(_ context.Context, _ time.Time, try func() error) error { return try() }

func place(from, path string, mayMove bool) (aside string, err error) {
	// The file first: without it nobody takes its log for that of another.
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		found, err := exists(path + end)
		if err != nil {
			return aside, err
		}
		if !found {
			continue
		}
		if !mayMove {
			return "", fmt.Errorf("%s: %w", path+end, ErrThere)
		}
		if aside == "" {
			aside = path + ".replaced-" + time.Now().UTC().Format("20060102T150405.000000Z")
		}
		if err := os.Rename(path+end, aside+end); err != nil {
			return aside, err
		}
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return aside, err
	}
	if err := os.Link(from, path); err != nil { // which fails where somebody has made one meanwhile
		return aside, err
	}
	if err := os.Remove(from); err != nil {
		return aside, err
	}
	return aside, syncDir(filepath.Dir(path))
}

func flush(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
