package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dial opens a connection that ends with the test.
func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Connections that send nothing, their headers drop by drop, or no body keep
// nobody out: there is room for whoever sends a request.
func TestSlowConnections(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, "--database", database, "--max-connections", "20")
	for i := range 60 {
		conn := dial(t, s.url)
		switch i % 3 {
		case 1: // headers without an end
			_, _ = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-%d: ", i)
		case 2: // a body that does not arrive
			_, _ = io.WriteString(conn, "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\ngrant_type")
		}
	}
	var took []time.Duration
	for range 50 {
		began := time.Now()
		status, _, _, err := ask(t.Context(), http.MethodGet, s.url+"/healthz", "", "")
		if err != nil || status != http.StatusOK {
			t.Fatalf("a good client gets %d, %v", status, err)
		}
		took = append(took, time.Since(began))
	}
	for _, d := range took {
		if d > 2*time.Second {
			t.Errorf("a good client waited for %v", d)
		}
	}
}

// Headers that do not arrive end the connection after ten seconds.
func TestSlowHeaders(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes ten seconds")
	}
	t.Parallel()
	s := serve(t, "--database", filepath.Join(t.TempDir(), "agents.db"))
	conn := dial(t, s.url)
	began := time.Now()
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n")
	_ = conn.SetReadDeadline(began.Add(20 * time.Second))
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection is open after %v: %v", time.Since(began), err)
	}
	if took := time.Since(began); took < 8*time.Second {
		t.Errorf("the connection ended after %v", took)
	}
}

// A request under way is not cut off for a newcomer.
func TestConnections_busy(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, "--database", database, "--max-connections", "2")
	one := dial(t, s.url)
	reader := bufio.NewReader(one)
	for range 3 { // it is used again and again, and others come between
		_, _ = io.WriteString(one, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		answer, err := http.ReadResponse(reader, nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("got %v, %v", answer, err)
		}
		_ = answer.Body.Close()
		if _, _, _, err := ask(t.Context(), http.MethodGet, s.url+"/healthz", "", ""); err != nil {
			t.Fatal(err)
		}
	}
}

// What is too large is refused, and not read.
func TestSizes(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, "--database", database)
	token := readFile(t, database+".admin-token")
	if status, _, _, err := ask(t.Context(), http.MethodGet, s.url+"/healthz", strings.Repeat("x", 40<<10), ""); status != http.StatusRequestHeaderFieldsTooLarge || err != nil {
		t.Errorf("headers of 40 KiB get %d, %v", status, err)
	}
	if status, _, _, err := ask(t.Context(), http.MethodPost, s.url+"/scim2/Agents", token, `{"displayName":"`+strings.Repeat("x", 2<<20)+`"}`); err == nil && status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 2 MiB gets %d", status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/oauth2/token", strings.NewReader("grant_type="+strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if status, text, err := exchange(r); err == nil && status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 1 MiB gets %d %s", status, text)
	}
	for _, path := range []string{"/oauth2//token", "/oauth2/../oauth2/token", "/./metrics", "/metrics/", "/oauth2/token/"} {
		status, _, header, err := ask(t.Context(), http.MethodPost, s.url+path, "", "x=1")
		if err != nil || status != http.StatusNotFound {
			t.Errorf("%s gets %d to %s, %v", path, status, header.Get("Location"), err)
		}
	}
}
