package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are a certificate and a request in DER.
func seeds(f *testing.F) (certificate, request []byte) {
	f.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bot", Organization: []string{"a+b, c"}}, DNSNames: []string{"bot.example"}}
	certificate, err1 := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	request, err2 := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: template.Subject}, key)
	if err1 != nil || err2 != nil {
		f.Fatal(err1, err2)
	}
	return certificate, request
}

// FuzzCertificate: one that is read is the same by its PEM, has a key that is good
// and public, and no subject that it does not name matches it.
func FuzzCertificate(f *testing.F) {
	certificate, _ := seeds(f)
	f.Add(certificate, "bot.example")
	f.Add([]byte{0x30, 0}, "*.example")
	f.Fuzz(func(t *testing.T, der []byte, name string) {
		c, err := FromCertificate(der)
		if err != nil {
			if c.Certificate != nil || !c.Public.IsZero() {
				t.Errorf("a certificate comes with the error %v", err)
			}
			return
		}
		again, err := FromCertificatePEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		if err != nil || again.Fingerprint() != c.Fingerprint() {
			t.Errorf("by PEM: %v", err)
		}
		if k, err := FromJWK(c.Public.JWK()); err != nil || k.Thumbprint() != c.Public.Thumbprint() {
			t.Errorf("its key %s: %v", c.Public.JWK(), err)
		}
		has := false
		for _, own := range c.DNSNames {
			has = has || strings.EqualFold(own, name)
		}
		if (Subject{DNS: name}).Matches(c.Certificate) && !has {
			t.Errorf("%q matches %q", name, c.DNSNames)
		}
	})
}

// FuzzRequest: whoever made a request that is read has the private half.
func FuzzRequest(f *testing.F) {
	_, request := seeds(f)
	f.Add(request)
	f.Fuzz(func(t *testing.T, der []byte) {
		p, err := FromRequestPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
		if err != nil {
			if !p.IsZero() {
				t.Errorf("a key comes with the error %v", err)
			}
			return
		}
		r, err := x509.ParseCertificateRequest(der)
		if err != nil || r.CheckSignature() != nil {
			t.Errorf("it is taken, and its signature is wrong: %v", err)
		}
		if k, err := FromJWK(p.JWK()); err != nil || k.Thumbprint() != p.Thumbprint() {
			t.Errorf("its key %s: %v", p.JWK(), err)
		}
	})
}

// FuzzDN: the name of a certificate, written with every byte escaped, is read as
// the same name.
func FuzzDN(f *testing.F) {
	for _, name := range []pkix.Name{{CommonName: "bot"}, {CommonName: `a+b, "c"\ `, Organization: []string{"x", "ü"}, Country: []string{"DE"}}} {
		der, err := asn1.Marshal(name.ToRDNSequence())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		name, err := readDN(der)
		if err != nil || len(name) == 0 {
			return
		}
		var parts []string
		for _, part := range name {
			var attributes []string
			for _, a := range part {
				if len(a.value) == 0 || !utf8.Valid(a.value) || !dotted().MatchString(a.oid) {
					return // no text stands for it
				}
				text := bytes.NewBufferString(a.oid + "=")
				for _, b := range a.value {
					fmt.Fprintf(text, `\%02x`, b)
				}
				attributes = append(attributes, text.String())
			}
			if len(attributes) == 0 {
				return
			}
			parts = append([]string{strings.Join(attributes, "+")}, parts...)
		}
		text := strings.Join(parts, ",")
		if len(text) > 4096 {
			return
		}
		again, err := parseDN(text)
		if err != nil || !sameDN(name, again) {
			t.Errorf("%x is written %q, which is %v, %v", der, text, again, err)
		}
	})
}
