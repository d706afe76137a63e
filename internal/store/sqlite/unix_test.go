//go:build unix

package sqlite_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// wantMode checks the rights of files and directories.
func wantMode(t *testing.T, want os.FileMode, paths ...string) {
	t.Helper()
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil {
			t.Error(err)
		} else if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

// touch writes to the store and reads from it.
func touch(t *testing.T, s *sqlite.Store) {
	t.Helper()
	if err := s.Update(t.Context(), func(store.Tx) ([]audit.Event, error) { return []audit.Event{{}}, nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.View(t.Context(), func(store.Reader) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestModes(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o777} {
		t.Run(fmt.Sprintf("umask %o", umask), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "made", "agents.db")
			if umask != 0 { // with this one nobody could use the directory, but root
				if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			defer syscall.Umask(syscall.Umask(umask))
			touch(t, open(t, path))
			wantMode(t, 0o600, path, path+"-wal", path+"-shm")
			wantMode(t, 0o700, filepath.Dir(path))
		})
	}
}

// TestModes_tightened: what others could read, they cannot any more.
func TestModes_tightened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	touch(t, open(t, path)) // keeps the log and the index there
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Chmod(name, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	touch(t, open(t, path))
	wantMode(t, 0o600, path, path+"-wal", path+"-shm")
}

// TestModes_foreign: the rights of a file that is not ours are not touched.
func TestModes_foreign(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agents.db")
	raw(t, path, "CREATE TABLE t (x)")
	if err := os.Chmod(path, 0o664); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, path, store.ErrForeign, "another program")
	wantMode(t, 0o664, path)
}

// placeVariable is set in the child of TestReadOnly.
const placeVariable = "SQLITE_TEST_PLACE"

// TestReadOnly runs in a child process as nobody when the user is root, who
// may write everywhere.
func TestReadOnly(t *testing.T) {
	if place := os.Getenv(placeVariable); place != "" {
		readOnly(t, place)
		return
	}
	place, err := os.MkdirTemp("", "readonly-") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, dir := range []string{"dir", "nothing", "closed"} {
			_ = os.Chmod(filepath.Join(place, dir), 0o700)
		}
		_ = os.RemoveAll(place)
	})
	for _, dir := range []string{"dir", "nothing", "file", "closed"} {
		path := filepath.Join(place, dir, "agents.db")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if dir != "nothing" {
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	child := exec.Command(filepath.Join(place, "test"), "-test.run=^TestReadOnly$", "-test.v")
	child.Env = append(os.Environ(), placeVariable+"="+place)
	copyFile(t, os.Args[0], child.Path)
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := os.Chmod(place, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"dir", "dir/agents.db", "nothing", "file", "file/agents.db", "closed", "closed/agents.db"} {
			if err := os.Chown(filepath.Join(place, path), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		for dir, mode := range map[string]os.FileMode{"another": 0o666, "another's": 0o600} {
			path := filepath.Join(place, dir, "agents.db")
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Chmod(path, mode), os.Chmod(filepath.Dir(path), 0o777)); err != nil {
				t.Fatal(err)
			}
		}
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		child.Env = append(child.Env, "HOME="+place, "TMPDIR="+place)
	}
	for path, mode := range map[string]os.FileMode{"dir": 0o555, "nothing": 0o555, "file/agents.db": 0o400, "closed": 0} {
		if err := os.Chmod(filepath.Join(place, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestReadOnly") {
		t.Errorf("as another user: %v\n%s", err, out)
	}
	for _, dir := range []string{"dir", "nothing", "file", "closed"} {
		if left := contents(t, filepath.Join(place, dir)); len(left) > 2 {
			t.Errorf("in %s %d files were left behind", dir, len(left)-2)
		}
	}
}

func readOnly(t *testing.T, place string) {
	for _, tt := range []struct {
		dir    string
		create bool
		want   error
	}{
		{"dir", false, store.ErrReadOnly},
		{"dir", true, store.ErrReadOnly},
		{"nothing", false, store.ErrNoStore},
		{"nothing", true, store.ErrReadOnly},
		{"nothing/below", true, store.ErrReadOnly},
		{"file", false, store.ErrReadOnly},
		{"file", true, store.ErrReadOnly},
		{"closed", false, store.ErrReadOnly},
		{"closed", true, store.ErrReadOnly},
		{"another", false, store.ErrReadOnly}, // whose rights we cannot tighten
		{"another's", false, store.ErrReadOnly},
	} {
		path := filepath.Join(place, tt.dir, "agents.db")
		if _, err := os.Lstat(path); strings.HasPrefix(tt.dir, "another") && errors.Is(err, os.ErrNotExist) {
			t.Log("no file of another user: only root can make one")
			continue
		}
		_, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: tt.create})
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s, create %v) = %v, want %v that names the file", tt.dir, tt.create, err, tt.want)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
