package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair makes a certificate for 127.0.0.1 and puts it and its key into the
// files, as a tool that renews it does.
func writePair(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	put(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	put(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return cert, key
}

func put(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shown is the serial number of the certificate that a server shows, and the
// version of TLS.
func shown(t *testing.T, url string, cfg *tls.Config) (serial int64, version uint16, err error) {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), cfg)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	state := conn.ConnectionState()
	return state.PeerCertificates[0].SerialNumber.Int64(), state.Version, nil
}

// A certificate that was renewed is used without a restart; one that is broken
// is not, and the old one stays.
func TestTLS_reload(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, 1)
	s := serve(t, "--database", filepath.Join(dir, "agents.db"), "--tls-cert", cert, "--tls-key", key)
	trust := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // it looks at the serial number
	if serial, version, err := shown(t, s.url, trust); serial != 1 || version < tls.VersionTLS12 || err != nil {
		t.Fatalf("the server shows %d over %x, %v", serial, version, err)
	}
	put(t, cert, []byte("half a certifi"))
	time.Sleep(1100 * time.Millisecond)
	if serial, _, err := shown(t, s.url, trust); serial != 1 || err != nil {
		t.Errorf("with a broken file the server shows %d, %v", serial, err)
	}
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(s.text(), "the old one stays"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not tell\n%s", s.text())
		}
	}
	writePair(t, dir, 2)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if serial, _, err := shown(t, s.url, trust); serial == 2 && err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the new certificate is not used\n%s", s.text())
		}
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10} //nolint:gosec // it must be refused
	if _, version, err := shown(t, s.url, old); err == nil {
		t.Errorf("the server speaks TLS %x", version)
	}
}

// A self-made certificate can be trusted by its file, and no machine but this
// one has the name in it.
func TestTLS_selfSigned(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	s := serve(t, "--database", database, "--tls-self-signed")
	if !strings.HasPrefix(s.url, "https://127.0.0.1:") {
		t.Fatalf("it listens on %s", s.url)
	}
	roots := x509.NewCertPool()
	text := readFile(t, database+".tls-cert")
	if !roots.AppendCertsFromPEM([]byte(text)) {
		t.Fatalf("there is no certificate in the file\n%s", text)
	}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.url, "https://"))
	for _, host := range []string{"127.0.0.1", "localhost"} {
		answer, err := web.Get("https://" + net.JoinHostPort(host, port) + "/.well-known/openid-configuration")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.ProtoMajor != 2 || !strings.Contains(string(body), `"token_endpoint":"`+s.url+`/oauth2/token"`) {
			t.Errorf("HTTP/%d: %s", answer.ProtoMajor, body)
		}
	}
	if answer, err := http.Get("http://" + strings.TrimPrefix(s.url, "https://") + "/healthz"); err == nil {
		if answer.StatusCode == http.StatusOK {
			t.Error("it speaks plain http too")
		}
		_ = answer.Body.Close()
	}
	out, err := command(t, "token", "--endpoint", s.url, "--agent-id", "x", "--secret-file", database+".admin-token")
	if err == nil || !strings.Contains(out, "hint: name the CA of the server with --ca-certificate") {
		t.Errorf("token to a server that is not trusted: %v\n%s", err, out)
	}
	out, err = command(t, "token", "--endpoint", s.url, "--agent-id", "x", "--secret-file", database+".admin-token", "--ca-certificate", database+".tls-cert")
	if err == nil || !strings.Contains(out, "invalid_client") {
		t.Errorf("token to a server that is trusted: %v\n%s", err, out)
	}
}

// Files that cannot be used are refused at the start, by name.
func TestTLS_refused(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, 1)
	for _, tt := range []struct{ name, cert, key, want string }{
		{"missing", filepath.Join(dir, "nosuch.crt"), key, "nosuch.crt"},
		{"swapped", key, cert, "use the certificate in " + key},
	} {
		out, err := command(t, "serve", "--listen", "127.0.0.1:0", "--database", filepath.Join(dir, "agents.db"), "--tls-cert", tt.cert, "--tls-key", tt.key)
		if err == nil || !strings.Contains(out, tt.want) || !strings.Contains(out, "hint: --tls-cert names a file") {
			t.Errorf("%s: %v\n%s", tt.name, err, out)
		}
	}
}
