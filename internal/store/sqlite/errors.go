package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// code returns SQLite's extended result code, or 0.
func code(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code()
	}
	return 0
}

// primary is the part of a result code that tells the kind.
func primary(code int) int { return code & 0xff }

// locked reports whether another connection stands in the way.
func locked(err error) bool {
	c := primary(code(err))
	return c == sqlite3.SQLITE_BUSY || c == sqlite3.SQLITE_LOCKED || errors.Is(err, errLeased)
}

// errLeased: servers use the store, or somebody changes its format.
var errLeased = errors.New("others hold the lease")

// taken reports whether a unique value is there already.
func taken(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

// errDamaged: what is in the file cannot be read.
var errDamaged = errors.New("the file is damaged")

// advice says what to do about each kind of error.
var advice = map[error]string{
	store.ErrBusy:     "it did not get free in time, try again when what uses it has ended",
	store.ErrFull:     "free some and try again, nothing was changed",
	store.ErrReadOnly: "this user needs write permission on the file and on its directory",
	store.ErrNoStore:  "the file is gone",
	errDamaged:        "restore it from a backup",
}

// explain says what was being done to the database at path, what went wrong,
// and what to do, and wraps the sentinel of package store that fits. The end
// of a context is returned as it is.
func explain(doing, path string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, store.ErrUnsure) {
		return fmt.Errorf("%s the database %s: %w", doing, path, err)
	}
	if errors.Is(err, store.ErrReadOnly) { // it says all of it: see Broken
		return err
	}
	if newer, ok := errors.AsType[*store.NewerError](err); ok {
		return fmt.Errorf("%s the database %s: %w: %w", doing, path, store.ErrForeign, newer)
	}
	if kind := kind(path, err); kind != nil {
		return fmt.Errorf("%s the database %s: %w: %s (%w)", doing, path, kind, advice[kind], err)
	}
	return fmt.Errorf("%s the database %s: %w", doing, path, err)
}

// kind returns the sentinel that fits, or nil.
func kind(path string, err error) error {
	switch c := code(err); primary(c) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return store.ErrBusy
	case sqlite3.SQLITE_FULL:
		return store.ErrFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return store.ErrReadOnly
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return errDamaged
	case sqlite3.SQLITE_CANTOPEN:
		return kind(path, whyNotOpen(path))
	case sqlite3.SQLITE_IOERR:
		// SQLite does not tell why it could not write, or make its
		// index larger; a full disk is what it most often is.
		return kind(path, whyNotOpen(path))
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return store.ErrFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return store.ErrReadOnly
	case errors.Is(err, fs.ErrNotExist):
		return store.ErrNoStore
	case errors.Is(err, errDamaged), errors.Is(err, row.ErrDamaged):
		return errDamaged
	}
	return nil
}

// whyNotOpen finds the reason that SQLite does not give. It does not open the
// database itself: see identify. That the file is not there is a reason only
// when one could be written: a new store has no file yet.
func whyNotOpen(path string) error {
	_, gone := os.Lstat(path)
	if gone == nil {
		if err := writable(path); err != nil {
			return err
		}
	}
	if err := probe(path); err != nil {
		return err
	}
	return gone
}

// probe writes a file beside the database, and removes it.
func probe(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".probe-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if _, err := f.Write(make([]byte, 64<<10)); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
