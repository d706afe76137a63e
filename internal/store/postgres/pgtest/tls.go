//go:build unix

package pgtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Secure starts the server again so that it takes nobody over TCP but by TLS, as
// 127.0.0.1, and the user named with, who needs no password but a certificate. It
// returns the names of files: the CA of both, and the user's pair.
func (s *Server) Secure(t testing.TB, with string) (ca, cert, key string) {
	t.Helper()
	files := map[string]string{}
	write := func(name, text string) {
		files[name] = filepath.Join(s.dir, name)
		if err := os.WriteFile(files[name], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root of the test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	rootKey, rootPEM, _ := pair(t, root, root, nil)
	write("ca.crt", rootPEM)
	server := &x509.Certificate{SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: root.NotAfter}
	user := &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: with}, NotAfter: root.NotAfter}
	for name, template := range map[string]*x509.Certificate{"server": server, "user": user} {
		_, certPEM, keyPEM := pair(t, template, root, rootKey)
		write(name+".crt", certPEM)
		write(name+".key", keyPEM)
	}
	write("hba", "local all all trust\nhostssl all "+with+" all cert\nhostssl all all all scram-sha-256\n")
	s.give(t, files["ca.crt"], files["server.crt"], files["server.key"], files["hba"])
	s.Stop()
	s.Launch(t, "ssl=on", "ssl_ca_file="+files["ca.crt"], "ssl_cert_file="+files["server.crt"], "ssl_key_file="+files["server.key"],
		"hba_file="+files["hba"])
	return files["ca.crt"], files["user.crt"], files["user.key"]
}

// pair makes a certificate that the parent's key signs; nil: its own.
func pair(t testing.TB, template, parent *x509.Certificate, by crypto.Signer) (key crypto.Signer, certPEM, keyPEM string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = private
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, private.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return private, encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8)
}
