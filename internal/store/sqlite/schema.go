package sqlite

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// applicationID marks the files of this program: "AGCS" in the header.
const applicationID = 0x41474353

var (
	//go:embed schema/1.sql
	format1 string
	//go:embed schema/2.sql
	format2 string
	//go:embed schema/3.sql
	format3 string
	//go:embed schema/4.sql
	format4 string
	//go:embed schema/5.sql
	format5 string
)

// migrations lead from each format to the next; the number of the newest is
// how many there are. One that was released is never edited: testdata holds a
// store of each format, which must be read right for ever.
var migrations = []string{format1, format2, format3, format4, format5}

// expanding are the formats whose migrations only add to what the format before
// had: tables, indexes, and columns with a default that is right for what does not
// know of them. What a program of the format before reads and writes must stay
// right. A later migration, which does not expand, may take away what nobody uses
// any more.
var expanding = map[int]bool{}

// formats are those that a program knows.
type formats struct {
	migrations []string
	expanding  map[int]bool
}

// format reads what the header of the file says (PRAGMA user_version).
func (c *conn) format() (store.Format, error) {
	n, err := c.number("PRAGMA user_version")
	return store.ReadFormat(n), err
}

func (c *conn) setFormat(f store.Format) error {
	return c.script(fmt.Sprintf("PRAGMA user_version = %d", f.Number()))
}

// migrate takes the open transaction of c one format further.
func (f formats) migrate(c *conn, from store.Format) error {
	if err := c.script(f.migrations[from.N]); err != nil {
		return fmt.Errorf("migrate to format %d: %w", from.N+1, err)
	}
	return c.setFormat(from.Next(f.expanding[from.N+1]))
}

// bring brings the store to the newest format, unless a server uses it.
func (s *Store) bring(ctx context.Context, f formats) error {
	now, err := s.writer.format()
	if err != nil || now.N >= len(f.migrations) {
		return errors.Join(err, s.upgrade(ctx, s.writer, f))
	}
	err = alone(ctx, s.file, s.patiently, func() error { return s.upgrade(ctx, s.writer, f) })
	if _, used := errors.AsType[*leasedError](err); used {
		return fmt.Errorf("%w, with format %d, which this program would change to %d: upgrade that server and start it again, then this works", err, now.N, len(f.migrations))
	}
	return err
}

// upgrade brings the store to the newest format, each step in a transaction of
// its own. Of several processes one does a step; the others wait, and find it
// done.
func (s *Store) upgrade(ctx context.Context, c *conn, f formats) error {
	since := time.Now()
	known := len(f.migrations)
	for {
		now, err := c.format()
		switch {
		case err != nil:
			return err
		case now.N >= known && !now.Usable(known):
			return now.Newer(known)
		case now.N >= known && c.begun:
			return c.commit()
		case now.N >= known:
			return nil
		case now.N < 1:
			return fmt.Errorf("%w: it has no format", errDamaged)
		case c.begun: // nobody can be faster now
			if err := f.migrate(c, now); err != nil {
				return err
			}
			if err := c.commit(); err != nil {
				return err
			}
		default:
			if err := s.patiently(ctx, since, func() error { return c.begin("BEGIN IMMEDIATE") }); err != nil {
				return err
			}
		}
	}
}
