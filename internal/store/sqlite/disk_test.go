package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// disk stands between SQLite and the system in the tests of this package. A
// sync that it lets fail is not carried out, as where the hardware reports EIO;
// what was written before stays in the memory of the system.
type disk struct {
	fails atomic.Int64 // the number of the sync that fails; 0: none
	syncs atomic.Int64 // so far
	open  func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32

	mu      sync.Mutex
	methods map[uintptr]uintptr // of SQLite, and ours in their place
	kept    []any               // what only C points at
}

// theDisk is put in place before any test opens a file.
var theDisk = newDisk()

// newDisk takes the place of xOpen of SQLite's way to the system, and in every
// file that is opened of xSync.
func newDisk() *disk {
	d := &disk{methods: map[uintptr]uintptr{}}
	tls := libc.NewTLS()
	defer tls.Close()
	vfs := at[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
	d.open = function[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](vfs.FxOpen)
	vfs.FxOpen = address(d, d.opened)
	return d
}

func (d *disk) opened(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32 {
	rc := d.open(tls, vfs, name, file, flags, out)
	if rc == sqlite3.SQLITE_OK {
		methods := at[uintptr](file)
		*methods = d.ours(tls, *methods)
	}
	return rc
}

// ours are the methods of a file with our xSync.
func (d *disk) ours(tls *libc.TLS, theirs uintptr) uintptr {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.methods[theirs]; ok {
		return known
	}
	before := at[sqlite3.Tsqlite3_io_methods](theirs)
	copied := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*before)))
	after := at[sqlite3.Tsqlite3_io_methods](copied)
	*after = *before
	sync := function[func(*libc.TLS, uintptr, int32) int32](before.FxSync)
	after.FxSync = address(d, func(tls *libc.TLS, file uintptr, flags int32) int32 {
		if d.syncs.Add(1) == d.fails.Load() {
			return sqlite3.SQLITE_IOERR_FSYNC
		}
		return sync(tls, file, flags)
	})
	d.methods[theirs] = copied
	d.methods[copied] = copied
	return copied
}

// next lets the sync fail that comes after so many others.
func (d *disk) next(others int64) { d.fails.Store(d.syncs.Load() + others + 1) }

// at is what is at an address of C.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// function is what a pointer to a function of C means in Go, and address the
// way back.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

func address[F any](d *disk, f F) uintptr {
	d.kept = append(d.kept, f)
	return *(*uintptr)(unsafe.Pointer(&f))
}

// addNamed adds an agent of that name.
func addNamed(t *testing.T, s *Store, id string) error {
	t.Helper()
	return s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
		return []audit.Event{{AgentID: id}}, tx.AddAgent(store.Agent{ID: id})
	})
}

// named tells which agents there are.
func named(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	if err := s.View(t.Context(), func(r store.Reader) error {
		page, err := r.Agents(store.Query{Limit: 1000})
		for _, a := range page.Agents {
			found[a.ID] = true
		}
		list, err2 := r.Entries(0, 1<<20)
		if len(list) != len(page.Agents)+1 {
			t.Errorf("%d entries for %d agents and the birth", len(list), len(page.Agents))
		}
		var chain audit.Chain
		for _, e := range list {
			err2 = errors.Join(err2, chain.Add(e))
		}
		return errors.Join(err, err2)
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// crashed is the store as another finds it when this process is killed now.
func crashed(t *testing.T, path string) *Store {
	t.Helper()
	other := filepath.Join(t.TempDir(), "crashed.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err == nil {
			err = os.WriteFile(other+suffix, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return openWith(t, other, seams{})
}

// TestSync_fails: a commit whose sync failed is never answered as done, and no
// other one is tried after it: the system may think that what it could not
// write is on the disk. Reading goes on, and to start again is what helps. The
// commit may be there after a crash, which is what its error says.
func TestSync_fails(t *testing.T) {
	path := newPath(t)
	s := openWith(t, path, seams{})
	if err := addNamed(t, s, "before"); err != nil || s.Broken() != nil {
		t.Fatal(err, s.Broken())
	}
	theDisk.next(0)
	var all sync.WaitGroup
	for _, id := range []string{"a", "b", "c", "d"} {
		all.Go(func() {
			err := addNamed(t, s, id)
			if !errors.Is(err, store.ErrUnsure) && !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), path) {
				t.Errorf("Update = %v", err)
			}
		})
	}
	all.Wait()
	syncs := theDisk.syncs.Load()
	wantErr(t, "Update after it", addNamed(t, s, "e"), store.ErrReadOnly, path, "start")
	wantErr(t, "Touch after it", s.Touch(t.Context(), []store.Use{{AgentID: "before", SecretID: "x"}}), store.ErrReadOnly)
	_, err := s.Count(t.Context(), "x", 1)
	wantErr(t, "Count after it", err, store.ErrReadOnly)
	wantErr(t, "Broken", s.Broken(), store.ErrReadOnly)
	if now := theDisk.syncs.Load(); now != syncs {
		t.Errorf("%d more syncs were tried", now-syncs)
	}
	if found := named(t, s); len(found) != 1 || !found["before"] {
		t.Errorf("there is %v, want what was before", found)
	}
	if found := named(t, crashed(t, path)); !found["before"] || found["e"] {
		t.Errorf("after a crash there is %v", found)
	}
	again := openWith(t, path, seams{})
	if err := addNamed(t, again, "after"); err != nil || !named(t, again)["after"] {
		t.Errorf("opened again: Update = %v", err)
	}
}

// TestSync_each lets each sync of a store's life fail in turn, checkpoints
// included: whatever was answered as done is there, after a crash and after a
// clean end, and nothing is that was refused without being tried.
func TestSync_each(t *testing.T) {
	failed := 0
	for nth := range int64(60) {
		path := newPath(t)
		theDisk.next(nth)
		s, err := Open(t.Context(), Config{Path: path, Create: true, seams: seams{settings: "&_pragma=wal_autocheckpoint(3)"}})
		if err != nil {
			continue // it could not even be made, and whoever tries again makes it
		}
		outcome := map[string]error{}
		broken := false
		for n := range 20 {
			id := fmt.Sprint(n)
			err := addNamed(t, s, id)
			outcome[id] = err
			if broken && !errors.Is(err, store.ErrReadOnly) {
				t.Errorf("sync %d failed, and a later Update = %v", nth, err)
			}
			if err != nil && !broken {
				broken = true
				failed++
				wantErr(t, "the Update whose sync failed", err, store.ErrUnsure)
			}
		}
		compare := func(when string, found map[string]bool) {
			for id, err := range outcome {
				switch {
				case err == nil && !found[id]:
					t.Errorf("sync %d failed, %s: agent %s was answered and is gone", nth, when, id)
				case errors.Is(err, store.ErrReadOnly) && found[id]:
					t.Errorf("sync %d failed, %s: agent %s was refused and is there", nth, when, id)
				}
			}
		}
		compare("now", named(t, s))
		compare("after a crash", named(t, crashed(t, path)))
		if err := s.Close(); err != nil {
			t.Errorf("sync %d failed: Close = %v", nth, err)
		}
		theDisk.fails.Store(0)
		compare("opened again", named(t, openWith(t, path, seams{})))
	}
	if failed < 10 {
		t.Errorf("%d commits failed: the disk does not", failed)
	}
}
