package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
	"github.com/google/go-cmp/cmp"
)

// raw runs statements on a database as another program would.
func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// contents returns what is in a directory: names with texts.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			all[path] = "directory"
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantRefused opens a path in both ways. It must get an error that wraps
// target, if any, and says what is expected, and nothing may change.
func wantRefused(t *testing.T, path string, target error, says string) {
	t.Helper()
	before := contents(t, filepath.Dir(path))
	for _, create := range []bool{false, true} {
		s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: create})
		if err == nil {
			_ = s.Close()
			t.Fatalf("Open(create %v) works", create)
		}
		if target != nil && !errors.Is(err, target) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(create %v) = %q, want %v that names the file and says %q", create, err, target, says)
		}
	}
	if diff := cmp.Diff(before, contents(t, filepath.Dir(path))); diff != "" {
		t.Errorf("what is there was changed (-before +after):\n%.2000s", diff)
	}
}

func TestOpen_foreign(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		put        func(t *testing.T, path string)
	}{
		{"JSON", "not a SQLite database", text(`{"version": 4, "resources": []}`)},
		{"long text", "not a SQLite database", text(strings.Repeat("terraform ", 2000))},
		{"empty", "an empty file", text("")},
		{"beginning of a database", "not a SQLite database", text("SQLite format 3\x00")},
		{"zeros", "not a SQLite database", text(strings.Repeat("\x00", 8192))},
		{"directory", "a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{"database", "another program", func(t *testing.T, path string) { raw(t, path, "CREATE TABLE agents (id)") }},
		{"marked database", "another program", func(t *testing.T, path string) {
			raw(t, path, "PRAGMA application_id = 1196444487", "PRAGMA user_version = 1", "CREATE TABLE agents (id)")
		}},
		{"database in use", "another program", func(t *testing.T, path string) {
			abandon(t, path, "PRAGMA journal_mode = WAL", "CREATE TABLE agents (id)", "INSERT INTO agents VALUES (1)")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "agents.db")
			tt.put(t, path)
			wantRefused(t, path, store.ErrForeign, tt.says)
		})
	}
}

func text(content string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// abandon leaves at path what a program leaves that was killed: the log is not
// in the database yet.
func abandon(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path+".origin")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + ".origin" + suffix)
		if err != nil || len(content) == 0 {
			t.Fatalf("%d bytes, %v", len(content), err)
		}
		text(string(content))(t, path+suffix)
	}
}

func TestOpen_noStore(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"agents.db", "missing/too/agents.db"} {
		_, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, path)})
		if !errors.Is(err, store.ErrNoStore) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open = %v, want %v that names the file", err, store.ErrNoStore)
		}
	}
	if got := contents(t, dir); len(got) != 1 {
		t.Errorf("Open made something: %v", got)
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Config{Create: true}); err == nil {
		t.Error("Open of no path works")
	}
}

func TestOpen_birth(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "missing", "too", "agents.db"))
	err := s.View(t.Context(), func(r store.Reader) error {
		list, err := r.Entries(0, 9)
		want := audit.Event{
			Actor: "test", Action: audit.StoreCreate, Outcome: audit.Done,
			Detail: map[string]string{"store_id": s.ID()},
		}
		if len(list) != 1 || list[0].Verify(audit.Entry{}) != nil {
			t.Fatalf("entries of a new store: %+v", list)
		}
		if diff := cmp.Diff(want, list[0].Event); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpen_links(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows to make a symbolic link is a privilege")
	}
	dir := t.TempDir()
	open(t, filepath.Join(dir, "real.db"))
	for _, tt := range []struct{ name, link, to string }{
		{"to a store", "link.db", "real.db"},
		{"to nothing", "dangling.db", "not-there.db"},
		{"of the log", "agents.db-wal", "elsewhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.link == "agents.db-wal" {
				s := open(t, filepath.Join(dir, "agents.db"))
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				text("precious")(t, filepath.Join(dir, tt.to))
			}
			if err := os.Symlink(tt.to, filepath.Join(dir, tt.link)); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, strings.TrimSuffix(tt.link, "-wal"))
			for _, create := range []bool{false, true} {
				_, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: create})
				if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, tt.link)+" is a symbolic link") {
					t.Errorf("Open = %v, want a refusal of the link by name", err)
				}
			}
			after, err := os.ReadDir(dir)
			if err != nil || len(before) != len(after) {
				t.Errorf("Open made something: %v, %v", after, err)
			}
		})
	}
	if err := os.Symlink(dir, filepath.Join(dir, "here")); err != nil {
		t.Fatal(err)
	}
	open(t, filepath.Join(dir, "here", "real.db")) // a link to a directory is fine
}

// TestOpen_orphanedLog: SQLite would replay the log of the file that is gone
// into the new one.
func TestOpen_orphanedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	abandon(t, path, "PRAGMA journal_mode = WAL", "CREATE TABLE agents (id)")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	before := contents(t, filepath.Dir(path))
	_, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: true})
	if err == nil || !strings.Contains(err.Error(), path+"-wal is there") {
		t.Errorf("Open = %v, want an error that names the log", err)
	}
	if diff := cmp.Diff(before, contents(t, filepath.Dir(path))); diff != "" {
		t.Errorf("(-before +after):\n%.2000s", diff)
	}
}

func TestOpen_names(t *testing.T) {
	t.Chdir(t.TempDir())
	names := []string{"agents.db", ":memory:", "file:x", "a b?c#d%e&mode=memory", "é", "-", "sub/../agents2.db"}
	if runtime.GOOS == "windows" {
		names = []string{"agents.db", "a b#d%e&mode=memory", "é", "-", `sub\..\agents2.db`}
	}
	for _, name := range names {
		s := open(t, name)
		if _, err := os.Stat(filepath.Clean(name)); err != nil {
			t.Errorf("Open(%q): %v", name, err)
		}
		t.Chdir(t.TempDir()) // the store stays where it was opened
		err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			return []audit.Event{{}}, tx.AddAgent(store.Agent{ID: "a"})
		})
		if err != nil {
			t.Errorf("Update of %q = %v", name, err)
		}
	}
}

// TestOpen_damaged: whatever is garbled, the error names the file and says
// what to do.
func TestOpen_damaged(t *testing.T) {
	origin := filepath.Join(t.TempDir(), "agents.db")
	s := open(t, origin)
	for _, id := range []string{"a", "b"} {
		if err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			return []audit.Event{{}}, tx.AddAgent(store.Agent{ID: id, Scopes: []string{"s"}})
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(origin)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, path string)
	}{
		{"cut off", text(string(good[:5000]))},
		{"garbled", text(string(good[:100]) + strings.Repeat("garbage!", (len(good)-100)/8))},
		{"tables gone", func(t *testing.T, path string) {
			text(string(good))(t, path)
			raw(t, path, "DROP TABLE secrets", "DROP TABLE agents")
		}},
		{"no id", func(t *testing.T, path string) { text(string(good))(t, path); raw(t, path, "DELETE FROM meta") }},
		{"no format", func(t *testing.T, path string) { text(string(good))(t, path); raw(t, path, "PRAGMA user_version = 0") }},
		{"no chain", func(t *testing.T, path string) { text(string(good))(t, path); raw(t, path, "DELETE FROM audit") }},
		{"bad list", func(t *testing.T, path string) {
			text(string(good))(t, path)
			raw(t, path, "UPDATE agents SET scopes = '{'")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "agents.db")
			tt.damage(t, path)
			err := useAll(t, path)
			if err == nil || errors.Is(err, store.ErrForeign) || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want an error that names the file", err)
			}
			if tt.name != "tables gone" && !strings.Contains(err.Error(), "the file is damaged: restore it from a backup") {
				t.Errorf("%v, want what to do", err)
			}
		})
	}
}

// useAll opens a store, and reads and writes.
func useAll(t *testing.T, path string) error {
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if err := s.View(t.Context(), func(r store.Reader) error {
		_, err := r.Agents(store.Query{Limit: 10})
		return err
	}); err != nil {
		return err
	}
	return s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		return []audit.Event{{}}, tx.SetAgent(store.Agent{ID: "a"})
	})
}

// TestStore_fileGone: what is written into a file that was removed or replaced
// is lost, so it is not answered as done.
func TestStore_fileGone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not remove files that are open")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "agents.db")
	s := open(t, path)
	if err := os.Rename(path, filepath.Join(dir, "away.db")); err != nil {
		t.Fatal(err)
	}
	use := func() []error {
		return []error{
			s.View(t.Context(), func(store.Reader) error { return nil }),
			s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) { return []audit.Event{{}}, nil }),
		}
	}
	for _, err := range use() {
		if !errors.Is(err, store.ErrNoStore) {
			t.Errorf("without the file: %v, want %v", err, store.ErrNoStore)
		}
	}
	text("another")(t, path)
	for _, err := range use() {
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another file was put in its place") {
			t.Errorf("with another file: %v, want an error that says so", err)
		}
	}
	if err := os.Rename(filepath.Join(dir, "away.db"), path); err != nil {
		t.Fatal(err)
	}
	for _, err := range use() {
		if err != nil {
			t.Errorf("when it is back: %v", err)
		}
	}
}

// TestStore_Close: the last to close leaves the database alone, with all that
// was committed in it, and no open file.
func TestStore_Close(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "agents.db")
	for range 3 {
		a, b := open(t, path), open(t, path)
		for _, s := range []*sqlite.Store{a, b} {
			err := s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
				_, err := tx.Agents(store.Query{Limit: 1})
				return []audit.Event{{}}, err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.View(t.Context(), func(r store.Reader) error {
				_, err := r.Entries(0, 9)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range []*sqlite.Store{a, b} {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got := contents(t, dir); len(got) != 2 {
			t.Errorf("after Close there are %d files, want the database alone", len(got)-1)
		}
	}
	if runtime.GOOS == "linux" {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range open {
			if to, _ := os.Readlink("/proc/self/fd/" + f.Name()); strings.HasPrefix(to, dir) {
				t.Errorf("%s is still open", to)
			}
		}
	}
}

// TestOpen_vacuumed: a copy that was made by VACUUM INTO is the same store,
// though SQLite makes it in another journal mode.
func TestOpen_vacuumed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "agents.db"))
	copied := filepath.Join(dir, "copy.db")
	raw(t, filepath.Join(dir, "agents.db"), "VACUUM INTO '"+copied+"'")
	for range 3 {
		if got := open(t, copied).ID(); got != s.ID() {
			t.Errorf("the copy is %s, want %s", got, s.ID())
		}
	}
	header, err := os.ReadFile(copied)
	if err != nil || !bytes.Equal(header[18:20], []byte{2, 2}) {
		t.Errorf("the copy does not use a write-ahead log: %v, %v", header[18:20], err)
	}
}
