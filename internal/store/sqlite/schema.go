package sqlite

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"
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
)

// migrations lead from each format to the next; the number of the newest is
// how many there are. One that was released is never edited: testdata holds a
// store of each format, which must be read right for ever.
var migrations = []string{format1, format2, format3, format4}

// newerError says that the store has a format that this program does not know.
type newerError struct{ format, known int }

func (e *newerError) Error() string {
	return fmt.Sprintf("it was written by a newer version (format %d, this program knows %d): upgrade the provider", e.format, e.known)
}

// migrate takes the open transaction of c one format further, to format to.
func migrate(c *conn, script string, to int) error {
	if err := c.script(script); err != nil {
		return fmt.Errorf("migrate to format %d: %w", to, err)
	}
	return c.setFormat(to, false)
}

// bring brings the store to the newest format, unless a server uses it.
func (s *Store) bring(ctx context.Context, migrations []string) error {
	format, _, err := s.writer.format()
	if err != nil || format >= len(migrations) {
		return errors.Join(err, s.upgrade(ctx, s.writer, migrations))
	}
	err = alone(ctx, s.file, s.patiently, func() error { return s.upgrade(ctx, s.writer, migrations) })
	if _, used := errors.AsType[*leasedError](err); used {
		return fmt.Errorf("%w, with format %d, which this program would change to %d: upgrade that server and start it again, then this works", err, format, len(migrations))
	}
	return err
}

// upgrade brings the store to the newest format, each step in a transaction of
// its own. Of several processes one does a step; the others wait, and find it
// done.
func (s *Store) upgrade(ctx context.Context, c *conn, migrations []string) error {
	since := time.Now()
	known := len(migrations)
	for {
		format, closed, err := c.format()
		switch {
		case err != nil:
			return err
		case format == known && c.begun:
			return c.commit()
		case format == known:
			return nil
		case format > known:
			return &newerError{format, known}
		case format < 1:
			return fmt.Errorf("%w: it has no format", errDamaged)
		case c.begun: // nobody can be faster now
			if err := migrate(c, migrations[format], format+1); err != nil {
				return err
			}
			if err := c.setFormat(format+1, closed); err != nil {
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
