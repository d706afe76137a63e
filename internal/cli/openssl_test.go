package cli_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"os"
	"os/exec"
	"testing"
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

// thumbprintOf is the x5t#S256 of a certificate (RFC 8705 §3.1).
func thumbprintOf(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
