package cli

import (
	"net/http"
	"testing"
)

// /metrics is open to who asks on this machine, and to nobody whose request
// came here through something else.
func TestDirect(t *testing.T) {
	for _, tt := range []struct {
		peer, host, header string
		want               bool
	}{
		{"127.0.0.1:5000", "127.0.0.1:8484", "", true},
		{"127.0.0.1:5000", "localhost:8484", "User-Agent", true},
		{"127.0.0.1:5000", "localhost", "", true},
		{"[::1]:5000", "[::1]:8484", "", true},
		{"[::1]:5000", "[::1]", "", true},
		{"[::ffff:127.0.0.1]:5000", "127.0.0.1:8484", "", true},
		{"192.0.2.1:5000", "127.0.0.1:8484", "", false},
		{"", "127.0.0.1:8484", "", false},
		{"127.0.0.1:5000", "agents.example.com", "", false},      // a proxy that passes the name on
		{"127.0.0.1:5000", "rebound.example:8484", "", false},    // a page whose name leads here
		{"127.0.0.1:5000", "", "", false},                        // HTTP/1.0
		{"127.0.0.1:5000", "127.0.0.1:8484", "Forwarded", false}, // each proxy says it in its way
		{"127.0.0.1:5000", "127.0.0.1:8484", "X-Forwarded-For", false},
		{"127.0.0.1:5000", "127.0.0.1:8484", "X-Forwarded-Proto", false},
		{"127.0.0.1:5000", "127.0.0.1:8484", "X-Real-IP", false},
		{"127.0.0.1:5000", "127.0.0.1:8484", "Via", false},
	} {
		r := &http.Request{RemoteAddr: tt.peer, Host: tt.host, Header: http.Header{}}
		if tt.header != "" {
			r.Header.Set(tt.header, "")
		}
		if got := direct(r); got != tt.want {
			t.Errorf("from %q to %q with %q: %v, want %v", tt.peer, tt.host, tt.header, got, tt.want)
		}
	}
}
