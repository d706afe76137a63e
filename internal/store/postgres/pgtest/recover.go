//go:build unix

package pgtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Archive starts the server again so that it keeps all of its log (WAL) in a
// directory of its own, as an operator who wants to go back to any moment has it.
func (s *Server) Archive(t testing.TB) {
	t.Helper()
	for _, name := range []string{"psql", "pg_basebackup"} {
		if _, err := os.Stat(filepath.Join(s.bin, name)); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("no %s is installed, and in CI nothing is skipped", name)
			}
			t.Skipf("no %s is installed", name)
		}
	}
	if err := os.Mkdir(s.archive(), 0o700); err != nil {
		t.Fatal(err)
	}
	s.give(t, s.archive())
	s.Stop()
	s.Launch(t, s.archiving()...)
}

func (s *Server) archive() string { return filepath.Join(s.dir, "archive") }

// archiving are the settings for it. A segment gets its name when all of it is there:
// a server that ends in the middle of a copy would leave half of one, which nobody
// can recover from, and which the next attempt would find.
func (s *Server) archiving() []string {
	to := s.archive() + "/%f"
	return []string{"archive_mode=on", "archive_command=test ! -f " + to + " && cp %p " + to + ".part && mv " + to + ".part " + to}
}

// Query runs a statement as the superuser, over the socket, and returns what it
// answers.
func (s *Server) Query(t testing.TB, statement string) string {
	t.Helper()
	cmd := s.command("psql", "-h", s.dir, "-p", fmt.Sprint(s.port), "-U", "postgres", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, "postgres")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", statement, err, out)
	}
	return strings.TrimSpace(string(out))
}

// BaseBackup copies the cluster while it runs, as what is gone back to first.
func (s *Server) BaseBackup(t testing.TB) {
	t.Helper()
	cmd := s.command("pg_basebackup", "-h", s.dir, "-p", fmt.Sprint(s.port), "-U", "postgres", "-D", s.base(), "-c", "fast", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
}

func (s *Server) base() string { return filepath.Join(s.dir, "base") }

// Lose ends the server at once and removes its data, when all of the log so far is
// in the archive.
func (s *Server) Lose(t testing.TB) {
	t.Helper()
	segment := s.Query(t, "SELECT pg_walfile_name(pg_switch_wal())")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.archive(), segment)); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the segment %s does not come into the archive", segment)
		}
	}
	s.Kill()
	var err error // nobody else gets the port meanwhile
	if s.kept, err = new(net.ListenConfig).Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.port)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.kept.Close() })
	if err := os.RemoveAll(s.data()); err != nil {
		t.Fatal(err)
	}
}

// RecoverTo brings the cluster back from the base backup and the archive, as it was
// at a moment (recovery_target_time). Nobody gets in but over the socket.
func (s *Server) RecoverTo(t testing.TB, moment string) {
	t.Helper()
	if err := os.Rename(s.base(), s.data()); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"recovery.signal": "",
		"postgresql.auto.conf": fmt.Sprintf("restore_command = 'cp %s/%%f %%p'\nrecovery_target_time = '%s'\nrecovery_target_action = 'promote'\n",
			s.archive(), moment),
	} {
		name = filepath.Join(s.data(), name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.give(t, name)
	}
	s.Launch(t, "listen_addresses=")
	for end := time.Now().Add(30 * time.Second); s.Query(t, "SELECT pg_is_in_recovery()") != "f"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the recovery does not end")
		}
	}
}

// Open lets all in again.
func (s *Server) Open(t testing.TB) {
	t.Helper()
	s.Stop()
	_ = s.kept.Close()
	s.Launch(t, s.archiving()...)
}

// SocketURL is the database over the socket, by which nobody needs a password.
func (s *Server) SocketURL() string {
	return fmt.Sprintf("postgres://postgres@/postgres?host=%s&port=%d", s.dir, s.port)
}
