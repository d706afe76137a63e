//go:build unix

package journey_test

import (
	"database/sql"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // to make databases of others, and to stand in the way
)

const database = "agentcreds.db"

// wrongFiles are mistakes in the place where the database should be.
func wrongFiles() []wrong {
	put := func(data string) func(*wreck) {
		return func(b *wreck) { b.w.write(database, data) }
	}
	away := func(b *wreck) { b.w.remove(database + "*") }
	return []wrong{
		{name: "database-is-json", fresh: true, make: put("{\"agents\": []}\n"), repair: unchanged("{\"agents\": []}\n", away), says: []string{database}},
		{name: "database-is-empty", fresh: true, make: put(""), repair: unchanged("", away), says: []string{database}},
		{name: "database-is-a-directory", fresh: true, says: []string{database}, repair: away,
			make: func(b *wreck) { b.check(os.Mkdir(b.w.path(database), 0o700)) }},
		{name: "database-of-another-program", fresh: true, says: []string{database}, repair: away,
			make: func(b *wreck) { b.sql("CREATE TABLE notes (text TEXT)", "INSERT INTO notes VALUES ('mine')") }},
		{name: "database-is-newer", says: []string{database, "format 99", "upgrade"},
			make:   func(b *wreck) { b.sql("PRAGMA user_version = 99") },
			repair: func(b *wreck) { b.sql("PRAGMA user_version = 5") }}, // the present one
		{name: "database-is-a-symbolic-link", fresh: true, says: []string{database, "symbolic link"},
			make: func(b *wreck) {
				b.w.write("elsewhere.db", "")
				b.check(os.Symlink("elsewhere.db", b.w.path(database)))
			},
			repair: func(b *wreck) {
				if data := b.w.read("elsewhere.db"); len(data) != 0 {
					b.Errorf("the link was followed: %q", data)
				}
				b.check(os.Remove(b.w.path(database)))
			}},
		{name: "database-vanished", says: []string{database, "accept_new_store"},
			make: func(b *wreck) {
				b.check(os.Mkdir(b.w.path("safe"), 0o700))
				b.move("", "safe")
			},
			repair: func(b *wreck) {
				if _, err := os.Stat(b.w.path(database)); err == nil {
					b.Error("a new database was made in the place of the one that vanished")
				}
				b.move("safe", "")
			}},
		{name: "database-swapped", says: []string{database, "accept_new_store"},
			make: func(b *wreck) {
				other := newWorkspace(b, b.good)
				other.must("apply")
				b.check(os.Mkdir(b.w.path("safe"), 0o700))
				b.move("", "safe")
				b.w.copyFrom(other, database+"*")
			},
			repair: func(b *wreck) {
				away(b)
				b.move("safe", "")
			}},
		{name: "database-is-damaged", says: []string{database, "backup"},
			make: func(b *wreck) {
				b.sql("PRAGMA wal_checkpoint(TRUNCATE)")
				b.check(os.Mkdir(b.w.path("safe"), 0o700))
				data := b.w.read(database)
				b.check(os.WriteFile(b.w.path("safe/"+database), data, 0o600))
				for i := 4096; i < len(data); i++ {
					data[i] = 0xa5
				}
				b.w.write(database, string(data))
			},
			repair: func(b *wreck) {
				away(b)
				b.move("safe", "")
			}},
		{name: "database-locked", config: config(embedded, `grace_period = "1h"`, `rotation_trigger = { by = "me" }`),
			says: []string{database}, make: lock, repair: unlock, within: 25 * time.Second},
		{name: "directory-is-a-file", fresh: true, says: []string{"main.tf/agentcreds.db"},
			config: config("\nprovider \"agentcreds\" {\n  embedded_path = \"main.tf/agentcreds.db\"\n}\n")},
		{name: "directory-read-only", fresh: true, with: shut, repair: reopen, says: []string{"shut/agentcreds.db", "permission"}},
		{name: "database-read-only", with: shutLater, says: []string{"shut/agentcreds.db", "permission"}, make: shutNow, repair: reopen,
			config: config(inShut, `rotation_trigger = { by = "me" }`)},
		{name: "disk-full", with: smallDisk, make: fill, repair: drain, says: []string{"disk/agentcreds.db", "full"},
			config: config(onDisk, `rotation_trigger = { by = "me" }`)},
		{name: "file-size-limited", fresh: true, says: []string{database},
			make:   func(b *wreck) { b.w.limit = 16 << 10 },
			repair: func(b *wreck) { b.w.limit = 0; away(b) }},
	}
}

// unchanged checks that what was there is still there.
func unchanged(data string, then func(*wreck)) func(*wreck) {
	return func(b *wreck) {
		if got := string(b.w.read(database)); got != data {
			b.Errorf("the file was changed to %q", got)
		}
		then(b)
	}
}

// move moves the files of the database.
func (b *wreck) move(from, to string) {
	b.Helper()
	names, err := filepath.Glob(b.w.path(filepath.Join(from, database+"*")))
	b.check(err)
	for _, name := range names {
		b.check(os.Rename(name, b.w.path(filepath.Join(to, filepath.Base(name)))))
	}
}

func (b *wreck) sql(statements ...string) {
	b.Helper()
	db := b.open()
	defer func() { b.check(db.Close()) }()
	for _, s := range statements {
		_, err := db.Exec(s)
		b.check(err)
	}
}

func (b *wreck) open() *sql.DB {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+b.w.path(database))
	b.check(err)
	db.SetMaxOpenConns(1)
	return db
}

// lock is another process that writes for longer than anybody waits.
func lock(b *wreck) {
	db := b.open()
	_, err := db.Exec("BEGIN IMMEDIATE")
	b.check(err)
	b.undo = append(b.undo, func() { _ = db.Close() })
}

func unlock(b *wreck) { b.undo[len(b.undo)-1]() }

const inShut = "\nprovider \"agentcreds\" {\n  embedded_path = \"shut/agentcreds.db\"\n}\n"

// shut is a directory that the user who runs Terraform may not write to.
func shut(b *wreck) {
	shutLater(b)
	shutNow(b)
}

func shutLater(b *wreck) {
	b.good = config(inShut)
	b.check(os.Mkdir(b.w.path("shut"), 0o755)) //nolint:gosec // it is to be readable
	if b.w.as = nobody(); b.w.as != nil {
		uid, gid := int(b.w.as.Uid), int(b.w.as.Gid)
		b.check(os.Chmod(filepath.Dir(b.w.dir), 0o755)) //nolint:gosec // another user is to get in
		b.check(os.Chown(b.w.dir, uid, gid))
		b.check(os.Chown(b.w.path("shut"), uid, gid))
	}
}

func shutNow(b *wreck) {
	b.check(os.Chmod(b.w.path("shut"), 0o555)) //nolint:gosec // as above
	names, err := filepath.Glob(b.w.path("shut/*"))
	b.check(err)
	for _, name := range names {
		b.check(os.Chmod(name, 0o444)) //nolint:gosec // as above
	}
}

func reopen(b *wreck) {
	b.check(os.Chmod(b.w.path("shut"), 0o755)) //nolint:gosec // as above
	names, err := filepath.Glob(b.w.path("shut/*"))
	b.check(err)
	for _, name := range names {
		b.check(os.Chmod(name, 0o600))
	}
}

const onDisk = "\nprovider \"agentcreds\" {\n  embedded_path = \"disk/agentcreds.db\"\n}\n"

// smallDisk mounts one, where the test may.
func smallDisk(b *wreck) {
	b.good = config(onDisk)
	disk := b.w.path("disk")
	b.check(os.Mkdir(disk, 0o755)) //nolint:gosec // a mount point
	if runtime.GOOS != "linux" {
		b.Skip("mounts a small disk on Linux only; file-size-limited is the case for others")
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk).CombinedOutput(); err != nil { //nolint:gosec // a directory of the test
		b.Skipf("cannot mount a small disk (%v: %s); file-size-limited is the case for who may not", err, strings.TrimSpace(string(out)))
	}
	b.undo = append(b.undo, func() {
		for range 50 {
			if exec.Command("umount", disk).Run() == nil { //nolint:gosec // as above
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		b.Errorf("%s is still mounted", disk)
	})
}

// fill writes until nothing fits any more.
func fill(b *wreck) {
	f, err := os.Create(b.w.path("disk/filler"))
	b.check(err)
	defer f.Close()
	if _, err := io.Copy(f, endless{}); !errors.Is(err, syscall.ENOSPC) {
		b.Fatalf("fill the disk: %v", err)
	}
}

func drain(b *wreck) { b.check(os.Remove(b.w.path("disk/filler"))) }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
