package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/google/uuid"
)

// building is for a database that nobody else knows: it needs no locks, and
// one fsync at the end is enough.
const building = settings + "&_pragma=journal_mode(MEMORY)&_pragma=synchronous(OFF)"

// create makes a new store at path, or leaves alone what another process has
// put there meanwhile. The store is made under another name and then linked:
// whoever looks at path finds nothing or all of it, power loss included, and of
// several creators one wins. What a crash leaves behind is path.new-*.
func create(path string, cfg Config) (err error) {
	if err := refuseOrphans(path); err != nil {
		return err
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	if err := f.Chmod(0o600); err != nil && runtime.GOOS != "windows" {
		return err // the umask may have taken it away from us
	}
	if err := build(f.Name(), cfg); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	switch err := os.Link(f.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return fmt.Errorf("a new store needs a file system that has hard links: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// refuseOrphans makes sure that no journal of another database lies where that
// of a new one will be: SQLite would take it for its own and replay it.
func refuseOrphans(path string) error {
	for _, name := range []string{path + "-wal", path + "-journal"} {
		if found, err := exists(name); err != nil || !found {
			if err != nil {
				return err
			}
			continue
		}
		if found, err := exists(path); err != nil || found {
			return err // another process has made the store in between
		}
		return fmt.Errorf("its file is gone, but %s is there and may hold what was written last: restore the file beside it, or remove it to begin a new store", name)
	}
	return nil
}

// build fills the new file in one transaction: what marks it, the tables, the
// id of the store, and the audit entry of its birth.
func build(path string, cfg Config) error {
	db, err := open(path, building)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	c, err := connect(db, writing)
	if err != nil {
		return err
	}
	defer c.release()
	if err := c.begin("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := c.script(fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return err
	}
	for range cfg.migrations {
		format, err := c.format()
		if err == nil {
			err = cfg.formats().migrate(c, format)
		}
		if err != nil {
			return err
		}
	}
	id := uuid.NewString()
	if _, err := c.exec("INSERT INTO meta (name, value) VALUES ('store_id', ?)", id); err != nil {
		return err
	}
	birth := audit.Event{Actor: cfg.Creator, Action: audit.StoreCreate, Detail: map[string]string{"store_id": id}}
	if _, err := c.appendEvents(audit.Entry{}, cfg.Now, []audit.Event{birth}); err != nil {
		return err
	}
	if err := c.commit(); err != nil {
		return err
	}
	if err := c.useWAL(); err != nil {
		return err
	}
	c.release()
	return db.Close() // moves the log into the file
}

// makeDir makes the directory and its parents for the user alone.
func makeDir(dir string) error {
	var made []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range made {
		if err := syncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a directory durable. Windows has no such call and
// does it by itself.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}
