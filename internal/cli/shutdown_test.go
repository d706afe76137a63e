package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// SIGTERM ends nothing that runs: a request whose body is still on its way is
// answered, and only then the server ends. New connections are not taken.
func TestShutdown_finishes(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, "--database", database)
	body := `{"externalId":"slow"}`
	conn := begin(t, s.url, readFile(t, database+".admin-token"), body[:5], len(body))
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s, `"msg":"stopping"`)
	select {
	case <-s.exited:
		t.Fatalf("the server ended over a request\n%s", s.text())
	case <-time.After(200 * time.Millisecond):
	}
	if other, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://")); err == nil {
		_ = other.Close()
		t.Error("a stopping server takes new connections")
	}
	if _, err := io.WriteString(conn, body[5:]); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("the slow request got %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	<-s.exited
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.text())
	}
	if _, found, err := serve(t, "--database", database).client(t, database).AgentByExternalID(t.Context(), "slow"); !found || err != nil {
		t.Errorf("the agent of the slow request is there: %v, %v", found, err)
	}
}

// A request that does not end is cut off after ten seconds.
func TestShutdown_cutsOff(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes ten seconds")
	}
	t.Parallel()
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, "--database", database)
	begin(t, s.url, readFile(t, database+".admin-token"), "{", 100)
	began := time.Now()
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took < 9*time.Second || took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
	if !strings.Contains(s.text(), "were cut off") {
		t.Errorf("the log does not tell\n%s", s.text())
	}
}

// begin sends a request up to the first bytes of its body.
func begin(t *testing.T, url, token, body string, length int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: bearer %s\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", api.PathAgents, token, length)
	if err != nil {
		t.Fatal(err)
	}
	// The server asks for the body when it reads it: so it has the request.
	const want = "HTTP/1.1 100 Continue\r\n\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("the server answers %q, %v", got, err)
	}
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	return conn
}

func waitFor(t *testing.T, s *serving, text string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(s.text(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say %s\n%s", text, s.text())
		}
	}
}
