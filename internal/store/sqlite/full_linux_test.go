package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// smallDisk returns a directory on a disk of one mebibyte.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		t.Skipf("only root can mount a disk, TestFull_pages goes without: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill uses up the disk, but so many bytes.
func fill(t *testing.T, dir string, but int) (ballast string) {
	t.Helper()
	ballast = filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for block := make([]byte, 4096); err == nil; size += 4096 {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(max(0, size-4096-int64(but))); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return ballast
}

// TestFull_disk: a full disk is an error and changes nothing; when there is
// space again the same handle goes on.
func TestFull_disk(t *testing.T) {
	dir := smallDisk(t)
	path := filepath.Join(dir, "agents.db")
	s := open(t, path)
	large := strings.Repeat("x", 60_000)
	addAgent := func(id string) error {
		return s.Update(t.Context(), func(tx store.Tx) ([]audit.Event, error) {
			return []audit.Event{{AgentID: id}}, tx.AddAgent(store.Agent{ID: id, Description: large})
		})
	}
	if err := addAgent("before"); err != nil {
		t.Fatal(err)
	}
	for _, left := range []int{0, 4096, 40_000} {
		ballast := fill(t, dir, left)
		var wg sync.WaitGroup
		for _, id := range []string{"a", "b", "c", "d"} { // alone, and in one commit
			wg.Go(func() {
				if err := addAgent(id); !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), path) {
					t.Errorf("with %d bytes left: Update = %v, want %v that names the file", left, err, store.ErrFull)
				}
			})
		}
		wg.Wait()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if err := s.View(t.Context(), func(r store.Reader) error {
			page, err := r.Agents(store.Query{Limit: 9})
			if page.Total != 1 || page.Agents[0].Description != large {
				t.Errorf("with %d bytes left: %d agents, want the one of before", left, page.Total)
			}
			list, err2 := r.Entries(0, 9)
			if len(list) != 2 {
				t.Errorf("with %d bytes left: %d entries, want 2", left, len(list))
			}
			return errors.Join(err, err2)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := addAgent("after"); err != nil {
		t.Errorf("with space again: Update = %v", err)
	}
}

func TestFull_diskOpen(t *testing.T) {
	dir := smallDisk(t)
	path := filepath.Join(dir, "agents.db")
	ballast := fill(t, dir, 0)
	for _, left := range []int{0, 4096, 20_000} {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		fill(t, dir, left)
		_, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: true})
		if !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), path) {
			t.Errorf("with %d bytes left: Open = %v, want %v that names the file", left, err, store.ErrFull)
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
			t.Errorf("with %d bytes left: Open left %v behind", left, names)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	fill(t, dir, 0) // now the log and its index cannot be made
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if !errors.Is(err, store.ErrFull) {
		t.Errorf("Open of a store = %v, %v, want %v", s, err, store.ErrFull)
	}
}
