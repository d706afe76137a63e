package cli

import (
	"net/http"
	"testing"
)

func TestProxies_address(t *testing.T) {
	trusted, err := parseProxies([]string{"10.0.0.0/8", "192.0.2.7", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, peer, old, standard, want string
	}{
		{"direct", "198.51.100.1:99", "", "", "198.51.100.1"},
		{"a stranger's word", "198.51.100.1:99", "203.0.113.5", "for=203.0.113.5", "198.51.100.1"},
		{"one proxy", "10.1.2.3:99", "203.0.113.5", "", "203.0.113.5"},
		{"two proxies", "10.1.2.3:99", "203.0.113.5, 192.0.2.7", "", "203.0.113.5"},
		{"made up before", "10.1.2.3:99", "1.1.1.1, 203.0.113.5", "", "203.0.113.5"},
		{"all proxies", "10.1.2.3:99", "10.9.9.9", "", "10.9.9.9"},
		{"silent proxy", "10.1.2.3:99", "", "", "10.1.2.3"},
		{"rubbish", "10.1.2.3:99", "203.0.113.5, nonsense", "", "10.1.2.3"},
		{"with a port", "10.1.2.3:99", "203.0.113.5:4711", "", "203.0.113.5"},
		{"mapped", "[::ffff:10.1.2.3]:99", "::ffff:203.0.113.5", "", "203.0.113.5"},
		{"rfc 7239", "10.1.2.3:99", "", `for=1.1.1.1, for="203.0.113.5:80";proto=https;by=10.1.2.3`, "203.0.113.5"},
		{"rfc 7239, ipv6", "[fd00::1]:99", "", `Proto=https; For="[2001:db8::1]:4711"`, "2001:db8::1"},
		{"hidden", "10.1.2.3:99", "", "for=_hidden", "10.1.2.3"},
		{"unknown", "10.1.2.3:99", "", "for=unknown", "10.1.2.3"},
		{"without for", "10.1.2.3:99", "", "for=203.0.113.5, proto=https", "10.1.2.3"},
		{"they agree", "10.1.2.3:99", "203.0.113.5", "for=203.0.113.5", "203.0.113.5"},
		{"they do not", "10.1.2.3:99", "203.0.113.5", "for=203.0.113.6", "10.1.2.3"},
	} {
		r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{}}
		if tt.old != "" {
			r.Header.Set("X-Forwarded-For", tt.old)
		}
		if tt.standard != "" {
			r.Header.Set("Forwarded", tt.standard)
		}
		if got := trusted.address(r); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// Whatever is in the headers, the address of someone who is no proxy is where
// the connection comes from; and the answer is an address.
func FuzzProxies_address(f *testing.F) {
	f.Add("203.0.113.5, 10.0.0.1", `for="[2001:db8::1]:4711";proto=https`)
	f.Add("", "for=unknown, for=_x")
	trusted, err := parseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, old, standard string) {
		r := &http.Request{RemoteAddr: "198.51.100.1:99", Header: http.Header{"X-Forwarded-For": {old}, "Forwarded": {standard}}}
		if got := trusted.address(r); got != "198.51.100.1" {
			t.Errorf("a stranger is %s", got)
		}
		r.RemoteAddr = "10.0.0.1:99"
		if _, ok := hop(trusted.address(r)); !ok {
			t.Errorf("%q is no address", trusted.address(r))
		}
	})
}
