//go:build unix

package pgtest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// ballast is the name of what fills a disk.
const ballast = "ballast"

// StartSmall is Start with a disk of its own of so many MiB, which Fill fills.
// Whoever may not mount one, which takes root on Linux, gets a server without.
func StartSmall(t testing.TB, mib int) *Server {
	t.Helper()
	return start(t, func(s *Server) {
		if err := mount(s.dir, mib); err != nil {
			t.Logf("there is no small disk: %v", err)
			return
		}
		t.Cleanup(func() { _ = unmount(s.dir) })
		s.small = true
	})
}

// Small reports whether there is a disk that can be filled.
func (s *Server) Small() bool { return s.small }

// Fill leaves no byte free on the disk of the server.
func (s *Server) Fill(t testing.TB) {
	t.Helper()
	f, err := os.Create(filepath.Join(s.dir, ballast))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for page := make([]byte, 1<<12); err == nil; {
		_, err = f.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// Free takes away what Fill brought, and starts the server again if it ended for
// want of space.
func (s *Server) Free(t testing.TB) {
	t.Helper()
	if err := os.Remove(filepath.Join(s.dir, ballast)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.ended:
		s.end(syscall.SIGQUIT)
		s.Launch(t)
	default:
	}
}
