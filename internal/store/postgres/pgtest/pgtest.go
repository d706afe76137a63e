//go:build unix

package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Password is that of the user postgres, for whom comes over TCP. Tests look for
// it where it must not be.
const Password = "pg-Pa55word-of-the-tests"

// Server is a PostgreSQL on a free port of 127.0.0.1.
type Server struct {
	dir, bin string
	port     int
	small    bool         // dir is on a disk that can be filled
	kept     net.Listener // has the port while the server listens on none
	who      *syscall.Credential
	cmd      *exec.Cmd     // nil: it does not run
	ended    chan struct{} // closed when it has ended
}

// Start makes a database cluster and starts it; it ends with the test. The test is
// skipped where there is no PostgreSQL, but not in CI.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t, func(*Server) {})
}

// start is Start; prepare gets the server when its directory is there.
func start(t testing.TB, prepare func(*Server)) *Server {
	t.Helper()
	s := &Server{bin: programs()}
	if s.bin == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no initdb and postgres are installed, and in CI nothing is skipped")
		}
		t.Skip("no initdb and postgres are installed")
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "pgtest"); err != nil { //nolint:usetesting // short, for a socket's name has 107 characters at most, and to be given away
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.dir) })
	prepare(s)
	s.become(t)
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(Password), 0o600); err != nil {
		t.Fatal(err)
	}
	s.give(t, s.dir, password)
	init := s.command("initdb", "-D", s.data(), "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync",
		"--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile", password)
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.Launch(t)
	t.Cleanup(s.Kill)
	return s
}

// programs is the directory of postgres and initdb; "" for none.
func programs() string {
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"} {
		found, _ := filepath.Glob(pattern)
		for i := len(found) - 1; i >= 0; i-- {
			if _, err := os.Stat(filepath.Join(found[i], "initdb")); err == nil {
				return found[i]
			}
		}
	}
	at, err := exec.LookPath("initdb")
	if err != nil {
		return ""
	}
	if _, err := exec.LookPath("postgres"); err != nil {
		return ""
	}
	return filepath.Dir(at)
}

// become finds another user to run as where this one is root: PostgreSQL refuses.
func (s *Server) become(t testing.TB) {
	if os.Getuid() != 0 {
		return
	}
	s.who = &syscall.Credential{Uid: 65534, Gid: 65534}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
			gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			s.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			return
		}
	}
}

func (s *Server) give(t testing.TB, names ...string) {
	for _, name := range names {
		if s.who == nil {
			return
		}
		if err := os.Chown(name, int(s.who.Uid), int(s.who.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command is one of PostgreSQL's programs, which ends with the test's process.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...) //nolint:gosec // of a fixed set
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + s.bin + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = attributes(s.who)
	return cmd
}

// Launch starts the cluster, again after Stop or Kill, and waits until it answers.
// settings are further ones, as "max_connections=10".
func (s *Server) Launch(t testing.TB, settings ...string) {
	t.Helper()
	var err error
	for range 5 { // another may take the port in between
		if s.port == 0 {
			s.port = freePort(t)
		}
		if err = s.launch(settings); err == nil {
			return
		}
	}
	t.Fatal(err)
}

func (s *Server) launch(settings []string) error {
	// Whatever is killed here, the machine goes on, and has what was written.
	args := []string{
		"-D", s.data(), "-k", s.dir, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port),
		"-c", "log_min_messages=warning", "-c", "max_connections=60", "-c", "fsync=off",
	}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	var said bytes.Buffer
	s.cmd = s.command("postgres", args...)
	s.cmd.Stderr = &said
	if err := s.cmd.Start(); err != nil {
		return err
	}
	cmd, ended := s.cmd, make(chan struct{})
	s.ended = ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			return fmt.Errorf("postgres ended: %s", &said)
		default:
		}
		pid, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
		if lines := strings.Split(string(pid), "\n"); err == nil && len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready" {
			return nil
		}
	}
	return fmt.Errorf("postgres does not answer: %s", &said)
}

// freePort is one that nobody listens on now.
func freePort(t testing.TB) int {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is one
}

// Stop ends the server in good order, and all connections with it.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Kill ends the server at once: the next start recovers from its log.
func (s *Server) Kill() { s.end(syscall.SIGQUIT) }

func (s *Server) end(how syscall.Signal) {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(how)
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	_ = os.Remove(filepath.Join(s.data(), "postmaster.pid")) // one that is left says that it is ready
	s.cmd = nil
}

// URL is the database over TCP, with the password. schema names the schema of a
// store; "" is the default one.
func (s *Server) URL(schema string) string {
	return s.url(url.URL{User: url.UserPassword("postgres", Password), Host: fmt.Sprintf("127.0.0.1:%d", s.port)}, schema)
}

func (s *Server) url(u url.URL, schema string) string {
	u.Scheme, u.Path = "postgres", "/postgres"
	if schema != "" {
		q := u.Query()
		q.Set("search_path", schema)
		u.RawQuery = q.Encode()
	}
	return u.String()
}
