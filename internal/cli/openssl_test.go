package cli_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// opensslPath is where OpenSSL is. Where there is none its tests are skipped,
// and in CI they fail.
func opensslPath(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("SKIPPED: there is no openssl here")
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// openssl works in a folder.
type openssl struct {
	t         testing.TB
	path, dir string
}

func newOpenSSL(t testing.TB) openssl { return openssl{t, opensslPath(t), t.TempDir()} }

// run is what a command prints.
func (o openssl) run(line ...string) (string, error) {
	cmd := exec.CommandContext(o.t.Context(), o.path, line...)
	cmd.Dir = o.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// must runs a command, whose words have no spaces.
func (o openssl) must(line string) string {
	o.t.Helper()
	out, err := o.run(strings.Fields(line)...)
	if err != nil {
		o.t.Fatalf("openssl %s: %v\n%s", line, err, out)
	}
	return out
}

func (o openssl) read(name string) string {
	o.t.Helper()
	text, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil {
		o.t.Fatal(err)
	}
	return string(text)
}

func (o openssl) write(name, text string) { put(o.t, filepath.Join(o.dir, name), []byte(text)) }

// keyKinds are how OpenSSL makes private keys.
var keyKinds = map[string]string{
	"RSA": "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out", "P-256": "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out",
	"P-384": "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out", "P-521": "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out",
	"Ed25519": "genpkey -algorithm ED25519 -out",
}

// thumbprintOf is the x5t#S256 of a certificate (RFC 8705 §3.1).
func thumbprintOf(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// fetch is what anybody gets at a URL of the server.
func fetch(t testing.TB, where string) []byte {
	t.Helper()
	answer, err := http.Get(where) //nolint:gosec,noctx // of a server of this test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", where, answer.StatusCode, text, err)
	}
	return text
}

// signs takes a request that OpenSSL made, and has OpenSSL verify what comes of
// it: chain, purpose, revocation list before and after the revocation, or the end
// of an expiry. above are the arguments that name the CAs.
func (o openssl) signs(h *house, kind string, above ...string) {
	t := o.t
	t.Helper()
	o.must(keyKinds[kind] + " key.pem")
	o.must("req -new -key key.pem -subj /CN=root/O=Evil -addext subjectAltName=DNS:evil.example -addext basicConstraints=critical,CA:TRUE -out req.pem")
	id, made := h.with(t, "bot "+kind, api.CertificateRequest{CSRPEM: o.read("req.pem")})
	o.write("leaf.pem", made.CertificatePEM)
	o.write("chain.pem", made.CAChainPEM)
	verify := func(more ...string) (string, error) {
		return o.run(append(append([]string{"verify", "-purpose", "sslclient", "-x509_strict"}, append(above, more...)...), "leaf.pem")...)
	}
	if out, err := verify(); err != nil || out != "leaf.pem: OK\n" {
		t.Errorf("%s: openssl verify: %v\n%s", kind, err, out)
	}
	if out, err := o.run(append(append([]string{"verify", "-purpose", "sslserver"}, above...), "leaf.pem")...); err == nil {
		t.Errorf("%s: it is good for a server: %s", kind, out)
	}
	text := o.must("x509 -in leaf.pem -noout -text")
	for _, want := range []string{"CA:FALSE", "TLS Web Client Authentication", "URI:spiffe://localhost/agent/" + id, "CN = " + id, "Digital Signature"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: the certificate is without %q\n%s", kind, want, text)
		}
	}
	for _, wish := range []string{"evil", "Evil", "CN = root"} {
		if strings.Contains(text, wish) {
			t.Errorf("%s: the certificate has %q of the request\n%s", kind, wish, text)
		}
	}
	if sum := o.must("x509 -in leaf.pem -noout -fingerprint -sha256"); !strings.Contains(strings.ReplaceAll(sum, ":", ""), hexOf(t, made.ThumbprintS256)) {
		t.Errorf("%s: OpenSSL reckons %s, the server %s", kind, sum, made.ThumbprintS256)
	}
	_, rest, _ := strings.Cut(text, "URI:http")
	where, _, _ := strings.Cut(rest, "\n")
	list := func() string {
		o.write("list.der", string(fetch(t, "http"+where)))
		o.must("crl -inform DER -in list.der -out list.pem")
		return o.must("crl -in list.pem -noout -text -CAfile chain.pem")
	}
	if text := list(); !strings.Contains(text, "verify OK") || strings.Contains(strings.ToLower(text), made.SerialNumber) {
		t.Errorf("%s: the list is\n%s", kind, text)
	}
	if out, err := verify("-crl_check", "-CRLfile", "list.pem"); err != nil {
		t.Errorf("%s: before the revocation: %v\n%s", kind, err, out)
	}
	if kind == "Ed25519" { // of all the kinds one
		if _, err := h.client.ExpireCertificate(t.Context(), id, made.ID, 1); err != nil {
			t.Fatal(err)
		}
	} else if err := h.client.RevokeCertificate(t.Context(), id, made.ID, ""); err != nil {
		t.Fatal(err)
	}
	if text := list(); !strings.Contains(text, "verify OK") || !strings.Contains(strings.ToLower(text), made.SerialNumber) {
		t.Errorf("%s: after the revocation the list is\n%s", kind, text)
	}
	if out, err := verify("-crl_check", "-CRLfile", "list.pem"); err == nil || !strings.Contains(out, "certificate revoked") {
		t.Errorf("%s: after the revocation: %v\n%s", kind, err, out)
	}
}

func hexOf(t testing.TB, thumbprint string) string {
	t.Helper()
	sum, err := base64.RawURLEncoding.DecodeString(thumbprint)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ToUpper(hex.EncodeToString(sum))
}

// OpenSSL makes keys and requests of every kind, and verifies the certificates
// and revocation lists of the CA that the server made.
func TestOpenSSL_certificates(t *testing.T) {
	o := newOpenSSL(t)
	h := newHouse(t)
	for kind := range keyKinds {
		o.signs(h, kind, "-CAfile", "chain.pem")
	}
}

// The same below an intermediate CA that OpenSSL made, whose root is elsewhere.
func TestOpenSSL_intermediate(t *testing.T) {
	o := newOpenSSL(t)
	o.must(keyKinds["RSA"] + " root.key")
	o.must("req -x509 -new -key root.key -subj /CN=root -days 30 -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -out root.pem")
	o.must(keyKinds["P-384"] + " ca.key")
	o.must("req -new -key ca.key -subj /CN=intermediate -out ca.csr")
	o.write("ca.ext", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
	o.must("x509 -req -in ca.csr -CA root.pem -CAkey root.key -CAcreateserial -days 20 -extfile ca.ext -out ca.pem")
	o.write("both.pem", o.read("ca.pem")+o.read("root.pem"))
	h := newHouse(t)
	out, err := command(t, "ca", "init", "--database", h.database, "--certificate", filepath.Join(o.dir, "both.pem"), "--key", filepath.Join(o.dir, "ca.key"))
	if err != nil || out != o.read("ca.pem")+o.read("root.pem") {
		t.Fatalf("ca init: %v\n%s", err, out)
	}
	o.signs(h, "P-256", "-CAfile", "root.pem", "-untrusted", "chain.pem")
	o.write("bundle.pem", o.read("ca.pem")+o.read("ca.key"))
	out, err = command(t, "ca", "init", "--database", h.database, "--certificate", filepath.Join(o.dir, "bundle.pem"), "--key", filepath.Join(o.dir, "ca.key"))
	if err == nil || !strings.Contains(out, "give certificates alone") {
		t.Errorf("ca init with a key among the certificates: %v\n%s", err, out)
	}
}
