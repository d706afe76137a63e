package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// exists reports whether there is a file. What is neither a file nor nothing
// is an error: a symbolic link too, for whoever can make one chooses the file
// that it leads to.
func exists(path string) (bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode()&fs.ModeSymlink != 0:
		return false, fmt.Errorf("%s is a symbolic link, which is not followed: name the file itself", path)
	case info.IsDir():
		return false, fmt.Errorf("%w: it is a directory, name a file in it", store.ErrForeign)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%w: it is not a regular file", store.ErrForeign)
	}
	return true, nil
}

// identify looks at the header of the file and reports store.ErrForeign when
// it is not one of ours that this program can use. SQLite reads it, told that
// nobody writes: it then takes no lock and makes no file. We must not read it
// ourselves: on most systems a process that closes a file loses all locks that
// it has on it, those of another Store of this process included.
//
// What kill -9 leaves in the middle of a checkpoint is a header that promises
// more pages than the file has yet; the rest is in the log, which is not read
// here. With writable_schema SQLite does not take that for damage.
func identify(path string, known int) error {
	db, err := open(path, "mode=ro&immutable=1&_pragma=writable_schema(ON)")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	c, err := connect(db, writing)
	if err != nil {
		return err
	}
	defer c.release()
	id, err := c.number("PRAGMA application_id")
	switch {
	case primary(code(err)) == sqlite3.SQLITE_NOTADB:
		return foreign(path, "not a SQLite database")
	case err != nil:
		return err
	case id != applicationID:
		return foreign(path, "a database of another program")
	}
	format, err := c.format()
	if err == nil && format.N > known && !format.Usable(known) {
		return format.Newer(known)
	}
	return err
}

// foreign says that the file is not a store, and what it is.
func foreign(path, what string) error {
	if info, err := os.Lstat(path); err == nil && info.Size() == 0 {
		what = "an empty file, which can be the remains of a store: restore it from a backup, or remove it"
	}
	return fmt.Errorf("%w: it is %s; it was left as it is", store.ErrForeign, what)
}

// makePrivate takes the rights of others away from the files of the database;
// SQLite gives those that it makes later the rights of the first.
func makePrivate(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-shm", path + "-journal"} {
		found, err := exists(name)
		if err != nil {
			return err
		}
		if !found || runtime.GOOS == "windows" { // where the rights of the directory decide
			continue
		}
		info, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // SQLite removes them
		}
		if err != nil {
			return err
		}
		if perm := info.Mode().Perm(); perm&0o077 != 0 {
			if err := os.Chmod(name, perm&0o700); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("others may read it, which cannot be changed: %w", err)
			}
		}
	}
	return nil
}

// refuseRemote refuses a file system of another machine: the log of SQLite
// needs memory that all who write share.
func refuseRemote(path string, remote func(dir string) (string, error)) error {
	dir := filepath.Dir(path)
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	name, err := remote(dir)
	if err != nil {
		return fmt.Errorf("find the file system of %s: %w", dir, err)
	}
	if name != "" {
		return fmt.Errorf("it is on a network file system (%s), where SQLite loses data: put it on a local disk, or use a server", name)
	}
	return nil
}
