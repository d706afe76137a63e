package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
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

// The example of RFC 9440, Appendix A, as a proxy sends it.
func TestCertificates_vector(t *testing.T) {
	const leaf = "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk="
	const above = "MIIB5jCCAYugAwIBAgIBFjAKBggqhkjOPQQDAjBWMQswCQYDVQQGEwJVUzEbMBkGA1UECgwSTGV0J3MgQXV0aGVudGljYXRlMSowKAYDVQQDDCFMZXQncyBBdXRoZW50aWNhdGUgUm9vdCBBdXRob3JpdHkwHhcNMjAwMTE0MjEzMjMwWhcNMzAwMTExMjEzMjMwWjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJf+aA54RC5pyLAR5yfXVYmNpgd+CGUTDp2KOGhc0gK91zxhHesEYkdXkpS2UN8Kati+yHtWCV3kkhCngGyv7RqjZjBkMB0GA1UdDgQWBBRm3WjLa38lbEYCuiCPct0ZaSED2DAfBgNVHSMEGDAWgBTEA2Q6eecKu9g9yb5glbkhhVINGDASBgNVHRMBAf8ECDAGAQH/AgEAMA4GA1UdDwEB/wQEAwIBhjAKBggqhkjOPQQDAgNJADBGAiEA5pLvaFwRRkxomIAtDIwg9D7gC1xzxBl4r28EzmSO1pcCIQCJUShpSXO9HDIQMUgH69fNDEMHXD3RRX5gP7kuu2KGMg=="
	trusted, err := parseProxies([]string{"10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := serveConfig{proxies: trusted, certHeader: "Client-Cert", profile: profile{keys: true}}
	found := cfg.certificates()(&http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"Client-Cert": {":" + leaf + ":"}, "Client-Cert-Chain": {":" + above + ":"}}})
	if len(found) != 2 {
		t.Fatalf("%d certificates", len(found))
	}
	c, err1 := keys.FromCertificate(found[0])
	ca, err2 := keys.FromCertificate(found[1])
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSignatureFrom(ca.Certificate); err != nil || !(keys.Subject{Email: "bdc@example.com"}).Matches(c.Certificate) {
		t.Errorf("it is of %v, %v", c.EmailAddresses, err)
	}
}

// FuzzClientCert: whatever the header says, there is one certificate at least, and
// what encodes to the same bytes is taken alone.
func FuzzClientCert(f *testing.F) {
	f.Add(":bGVhZg==:", "")
	f.Add(" :AA==: ", ":AA==:, :AQ==:")
	f.Add("-----BEGIN CERTIFICATE-----", ":")
	f.Add(":bGVhZh==:", "::")
	trusted, err := parseProxies([]string{"10.0.0.1"})
	if err != nil {
		f.Fatal(err)
	}
	find := serveConfig{proxies: trusted, certHeader: "Client-Cert", profile: profile{keys: true}}.certificates()
	f.Fuzz(func(t *testing.T, leaf, chain string) {
		found := find(&http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"Client-Cert": {leaf}, "Client-Cert-Chain": {chain}}})
		if len(found) < 1 {
			t.Fatal("there is a header, and no certificate")
		}
		if text := ":" + base64.StdEncoding.EncodeToString(found[0]) + ":"; len(found[0]) > 0 && text != strings.TrimSpace(leaf) {
			t.Errorf("%q is read as %q", leaf, text)
		}
		if other := find(&http.Request{RemoteAddr: "10.0.0.2:1", Header: http.Header{"Client-Cert": {leaf}}}); len(other) != 0 {
			t.Errorf("somebody else's header counts: %q", other)
		}
	})
}
