package cli

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// hall is a server with few connections. Its handler says that it was entered
// and then does what the test wants.
type hall struct {
	conns   *connections
	addr    string
	entered chan string
	leave   chan struct{}
}

func newHall(t *testing.T, limit int) *hall {
	t.Helper()
	h := &hall{conns: newConnections(limit), entered: make(chan string, 100), leave: make(chan struct{})}
	s := httptest.NewUnstartedServer(h.conns.handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.entered <- r.URL.Path
		switch r.URL.Path {
		case "/long":
			_, _ = w.Write(make([]byte, 64<<20))
		case "/stay":
			<-h.leave
		}
	})))
	s.Config.ConnContext = withConnection
	s.Listener = h.conns.listen(s.Listener)
	h.addr = s.Listener.Addr().String()
	s.Start()
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(h.leave) })
	return h
}

// call sends a request from an address and leaves the answer on its way.
func (h *hall) call(t *testing.T, from, path string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(t.Context(), "tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
	return conn
}

// status is what comes of a call; 0 when it is cut off.
func status(conn net.Conn) int {
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	var line [12]byte
	if _, err := io.ReadFull(conn, line[:]); err != nil {
		return 0
	}
	return int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
}

// An answer that nobody reads keeps its connection for a while, and not as long
// as it may take to write it.
func TestConnections_unread(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.call(t, "127.0.0.2", "/long")
	<-h.entered
	if got := status(h.call(t, "127.0.0.3", "/")); got != 0 {
		t.Errorf("a request under way was cut off for one that got %d", got)
	}
	for deadline := time.Now().Add(4 * unread); status(h.call(t, "127.0.0.3", "/")) != 200; time.Sleep(unread / 20) {
		if time.Now().After(deadline) {
			t.Fatal("nobody else is served")
		}
	}
}

// One address may have half of all connections at work; the rest is for others.
func TestConnections_half(t *testing.T) {
	h := newHall(t, 4)
	for range 2 {
		h.call(t, "127.0.0.2", "/stay")
		<-h.entered
	}
	if got := status(h.call(t, "127.0.0.2", "/")); got != 503 {
		t.Errorf("the third of one address gets %d, want 503", got)
	}
	if got := status(h.call(t, "127.0.0.3", "/")); got != 200 {
		t.Errorf("another gets %d", got)
	}
}

// Whoever is cut off is of the address that has most, and silent.
func TestConnections_fair(t *testing.T) {
	h := newHall(t, 10)
	one := h.call(t, "127.0.0.3", "/")
	if got := status(one); got != 200 {
		t.Fatalf("got %d", got)
	}
	for range 40 {
		h.call(t, "127.0.0.2", "/")
		if path := <-h.entered; path != "/" {
			t.Fatal(path)
		}
	}
	_, _ = io.WriteString(one, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_, _ = io.ReadAll(io.LimitReader(one, 64)) // the rest of the first answer
	if got := status(one); got == 0 {
		t.Error("the only connection of an address was cut off")
	}
	h.conns.mu.Lock()
	defer h.conns.mu.Unlock()
	if h.conns.count > 10 || len(h.conns.hosts) != 2 {
		t.Errorf("there are %d connections of %d addresses", h.conns.count, len(h.conns.hosts))
	}
}

// Of IPv6 one network counts, whatever the way an address is written.
func TestHostOf(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:9", true},
		{"[2001:db8::1]:1", "[2001:db8::ffff:1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
	} {
		at := func(text string) net.Addr {
			a, err := net.ResolveTCPAddr("tcp", text)
			if err != nil {
				t.Skip("no such zone") // of another machine
			}
			return a
		}
		if same := hostOf(at(tt.a)) == hostOf(at(tt.b)); same != tt.same {
			t.Errorf("%s and %s are the same: %v, want %v", tt.a, tt.b, same, tt.same)
		}
	}
}
