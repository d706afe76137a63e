package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
)

// The certificate of the connection counts, and the header of RFC 9440 from a
// trusted proxy alone; from anybody else it is dropped.
func TestCertificates(t *testing.T) {
	trusted, err := parseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := serveConfig{proxies: trusted, certHeader: "Client-Cert", profile: profile{keys: true}}
	own := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("own")}, {Raw: []byte("above")}}}
	for _, tt := range []struct {
		name, peer  string
		tls         *tls.ConnectionState
		leaf, chain []string
		want        string
	}{
		{"direct", "198.51.100.1:9", own, nil, nil, "own above"},
		{"direct, with a header", "198.51.100.1:9", own, []string{":bGVhZg==:"}, []string{":dXA=:"}, "own above"},
		{"plain, with a header", "198.51.100.1:9", nil, []string{":bGVhZg==:"}, nil, ""},
		{"proxy", "10.1.2.3:9", nil, []string{":bGVhZg==:"}, nil, "leaf"},
		{"proxy, mapped", "[::ffff:10.1.2.3]:9", nil, []string{":bGVhZg==:"}, nil, "leaf"},
		{"proxy with a chain", "10.1.2.3:9", nil, []string{":bGVhZg==:"}, []string{":dXA=:, :dXA=:", ":dXA=:"}, "leaf up up up"},
		{"proxy's own", "10.1.2.3:9", own, nil, nil, ""},
		{"proxy's own, and a header", "10.1.2.3:9", own, []string{" :bGVhZg==: "}, nil, "leaf"},
		{"twice", "10.1.2.3:9", nil, []string{":bGVhZg==:", ":b3duZXI=:"}, nil, "?"},
		{"not in colons", "10.1.2.3:9", nil, []string{"bGVhZg=="}, nil, "?"},
		{"not base64", "10.1.2.3:9", nil, []string{":b!:"}, nil, "?"},
		{"empty", "10.1.2.3:9", nil, []string{""}, nil, "?"},
	} {
		r := &http.Request{RemoteAddr: tt.peer, TLS: tt.tls, Header: http.Header{"Client-Cert": tt.leaf, "Client-Cert-Chain": tt.chain}}
		found := cfg.certificates()(r)
		got := string(bytes.Join(found, []byte(" ")))
		if tt.want == "?" { // one that cannot be read, not none
			if len(found) != 1 || len(found[0]) != 0 {
				t.Errorf("%s: %q", tt.name, found)
			}
			continue
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	cfg.proxies = nil
	if cfg.certificates() != nil {
		t.Error("there is mutual TLS, and nobody speaks TLS")
	}
	cfg.selfSigned = true
	if cfg.certificates() == nil {
		t.Error("there is no mutual TLS, and the server speaks TLS")
	}
	cfg.profile.keys = false
	if cfg.certificates() != nil {
		t.Error("there is mutual TLS, and the profile has none")
	}
}
