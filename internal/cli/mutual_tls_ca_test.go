package cli_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"testing"
	"time"
)

// madeCA is a CA of somebody, with those above it.
type madeCA struct {
	cert  *x509.Certificate
	key   crypto.Signer
	above [][]byte // as it is shown behind a certificate; without the root
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func caTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, MaxPathLen: -1,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// newMadeCA is a root.
func newMadeCA(t testing.TB, name string) madeCA {
	t.Helper()
	self := madeCA{key: newKey(t)}
	template := caTemplate(name)
	self.cert = template
	self.cert = parsedLeaf(t, self.sign(t, template, self.key))
	return self
}

// below is an intermediate CA.
func (ca madeCA) below(t testing.TB, change func(*x509.Certificate)) madeCA {
	t.Helper()
	template := caTemplate("below " + ca.cert.Subject.CommonName)
	if change != nil {
		change(template)
	}
	key := newKey(t)
	made := ca.sign(t, template, key)
	return madeCA{parsedLeaf(t, made), key, made.Certificate}
}

// leaf is a certificate of a client called bot.example, changed.
func (ca madeCA) leaf(t testing.TB, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	return ca.sign(t, clientTemplate(change), newKey(t))
}

func clientTemplate(change func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		DNSNames: []string{"bot.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(c)
	}
	return c
}

// alone is a certificate that its own key signed.
func alone(t testing.TB, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	self := madeCA{key: newKey(t), cert: clientTemplate(change)}
	return self.sign(t, self.cert, self.key)
}

func (ca madeCA) sign(t testing.TB, template *x509.Certificate, key crypto.Signer) tls.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: append([][]byte{der}, ca.above...), PrivateKey: key}
}

func parsedLeaf(t testing.TB, c tls.Certificate) *x509.Certificate {
	t.Helper()
	out, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// inPEM is the certificate and those behind it.
func inPEM(c tls.Certificate) (text string) {
	for _, der := range c.Certificate {
		text += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return text
}

// file puts the certificate of the CA into a file.
func (ca madeCA) file(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.crt")
	put(t, path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}))
	return path
}

// requestOf asks for a certificate for a new key.
func requestOf(t testing.TB) (csr string, key *ecdsa.PrivateKey) {
	t.Helper()
	key = newKey(t)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), key
}

// pairOf is a certificate in PEM with its key.
func pairOf(t testing.TB, text string, key crypto.Signer) tls.Certificate {
	t.Helper()
	var out tls.Certificate
	for rest := []byte(text); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		out.Certificate = append(out.Certificate, b.Bytes)
	}
	out.PrivateKey = key
	return out
}
