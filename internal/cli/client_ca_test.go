package cli_test

import (
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"
)

// A file of CAs of which one is of no use is refused at the start, by name, and
// not login by login.
func TestServe_clientCA(t *testing.T) {
	one, two := newMadeCA(t, "one"), newMadeCA(t, "two")
	text := func(ca madeCA) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}))
	}
	der, err := x509.MarshalPKCS8PrivateKey(one.key)
	if err != nil {
		t.Fatal(err)
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":              {"no PEM", "no certificate in PEM"},
		"a key among them":     {text(one) + private, `block 2 of the file is "PRIVATE KEY"`},
		"a leaf":               {text(one) + inPEM(cut(one.leaf(t, nil))), "is not a CA's"},
		"cut off at the end":   {text(one) + text(two)[:200], "of 2 blocks in the file only 1"},
		"cut off in the front": {text(one)[:200] + "\n" + text(two), "of 2 blocks in the file only 1"},
		"damaged":              {text(one) + strings.Replace(text(two), "MII", "AAA", 1), "certificate 2 of the file"},
	} {
		path := filepath.Join(t.TempDir(), "ca.pem")
		put(t, path, []byte(tt.text))
		// Where it is not refused the database stops it, which is a directory.
		out, err := command(t, "serve", "--listen", "127.0.0.1:0", "--database", t.TempDir(), "--tls-self-signed", "--tls-client-ca", path)
		if err == nil || !strings.Contains(out+err.Error(), tt.want) {
			t.Errorf("%s: %v\n%s\nwant %s", name, err, out, tt.want)
		}
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	put(t, path, []byte("one:\n"+text(one)+"\ntwo:\n"+text(two)+"\nthat is all\n"))
	newHouse(t, "--tls-self-signed", "--tls-client-ca", path)
}
