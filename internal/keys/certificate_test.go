package keys_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // of a signature that is refused
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

func fromCertificate(data []byte) (keys.Public, error) {
	c, err := keys.FromCertificatePEM(data)
	return c.Public, err
}

// certificate makes a self-signed one after a template.
func certificate(t testing.TB, key crypto.Signer, template x509.Certificate) []byte {
	t.Helper()
	template.SerialNumber, template.NotAfter = big.NewInt(1), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	return encoded(t, "CERTIFICATE", der, err)
}

func request(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "ignored"}}, key)
	return encoded(t, "CERTIFICATE REQUEST", der, err)
}

// otherRequest is signed by a key that is not the one in it.
func otherRequest(t testing.TB) []byte {
	return signedAgain(t, pairs()["ES384"], crypto.SHA256, nil)
}

// oldRequest is signed by its own key, over SHA-1.
func oldRequest(t testing.TB) []byte {
	return signedAgain(t, pairs()["ES256"], crypto.SHA1, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}) // ecdsa-with-SHA1
}

// signedAgain is a request for the P-256 key with another signature.
func signedAgain(t testing.TB, by crypto.Signer, hash crypto.Hash, alg asn1.ObjectIdentifier) []byte {
	t.Helper()
	b, _ := pem.Decode(request(t, pairs()["ES256"]))
	var parts struct {
		Info      asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(b.Bytes, &parts); err != nil {
		t.Fatal(err)
	}
	if alg != nil {
		der, err := asn1.Marshal(pkix.AlgorithmIdentifier{Algorithm: alg})
		if err != nil {
			t.Fatal(err)
		}
		parts.Algorithm = asn1.RawValue{FullBytes: der}
	}
	digest := hash.New()
	digest.Write(parts.Info.FullBytes)
	signature, err := by.Sign(rand.Reader, digest.Sum(nil), hash)
	if err != nil {
		t.Fatal(err)
	}
	parts.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	der, err := asn1.Marshal(parts)
	return encoded(t, "CERTIFICATE REQUEST", der, err)
}

func weakKey(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func weakRequest(t testing.TB) []byte     { return request(t, weakKey(t)) }
func weakCertificate(t testing.TB) []byte { return certificate(t, weakKey(t), x509.Certificate{}) }

func TestFingerprint(t *testing.T) {
	text := certificate(t, pairs()["ES256"], x509.Certificate{})
	c, err := keys.FromCertificatePEM(text)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := pem.Decode(text)
	sum := sha256.Sum256(b.Bytes)
	if want := base64.RawURLEncoding.EncodeToString(sum[:]); c.Fingerprint() != want {
		t.Errorf("Fingerprint = %s, want %s", c.Fingerprint(), want)
	}
}

// TestSubject: exactly the name that was registered, in the one place for it.
func TestSubject(t *testing.T) {
	uri, _ := url.Parse("spiffe://example.org/agent/1")
	text := certificate(t, pairs()["ES256"], x509.Certificate{
		Subject: pkix.Name{
			CommonName: "bot, one", Organization: []string{"Ex+ample"}, Country: []string{"DE"},
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: "x"}},
		},
		DNSNames: []string{"bot.example.org"}, URIs: []*url.URL{uri},
		IPAddresses: []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")}, EmailAddresses: []string{"Bot@example.org"},
	})
	c, err := keys.FromCertificatePEM(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		s    keys.Subject
		want bool
	}{
		{"dn", keys.Subject{DN: `1.2.3.4=x,CN=bot\, one,O=Ex\+ample,C=DE`}, true},
		{"dn with spaces", keys.Subject{DN: `1.2.3.4 = x, cn = bot\, one , O=Ex\2bample, C=DE`}, true},
		{"dn by numbers", keys.Subject{DN: `1.2.3.4=#1301` + `78,2.5.4.3=bot\2C one,2.5.4.10=Ex\+ample,2.5.4.6=DE`}, true},
		{"dn in other case", keys.Subject{DN: `1.2.3.4=x,CN=Bot\, one,O=Ex\+ample,C=DE`}, false},
		{"dn, less", keys.Subject{DN: `CN=bot\, one,O=Ex\+ample,C=DE`}, false},
		{"dn, other order", keys.Subject{DN: `CN=bot\, one,1.2.3.4=x,O=Ex\+ample,C=DE`}, false},
		{"dn, one part of two", keys.Subject{DN: `1.2.3.4=x+CN=bot\, one,O=Ex\+ample,C=DE`}, false},
		{"dns", keys.Subject{DNS: "BOT.example.org"}, true},
		{"dns, parent", keys.Subject{DNS: "example.org"}, false},
		{"dns in the common name", keys.Subject{DNS: "bot"}, false},
		{"uri", keys.Subject{URI: "spiffe://example.org/agent/1"}, true},
		{"uri, longer", keys.Subject{URI: "spiffe://example.org/agent/11"}, false},
		{"uri in other case", keys.Subject{URI: "spiffe://example.org/Agent/1"}, false},
		{"ip", keys.Subject{IP: "192.0.2.1"}, true},
		{"ip, mapped", keys.Subject{IP: "::ffff:192.0.2.1"}, true},
		{"ip 6", keys.Subject{IP: "2001:0db8::0001"}, true},
		{"ip, another", keys.Subject{IP: "192.0.2.10"}, false},
		{"email", keys.Subject{Email: "Bot@example.org"}, true},
		{"email in other case", keys.Subject{Email: "bot@example.org"}, false},
		{"none", keys.Subject{}, false},
		{"two", keys.Subject{DNS: "bot.example.org", IP: "192.0.2.1"}, false},
	} {
		if got := tt.s.Matches(c.Certificate); got != tt.want {
			t.Errorf("%s: %v, want %v (%s)", tt.name, got, tt.want, c.Subject)
		}
	}
}

func TestSubject_Check(t *testing.T) {
	for _, s := range []keys.Subject{
		{}, {DNS: "a.example", Email: "a@b"}, {DNS: "*.example.org"}, {DNS: "a b"}, {URI: "agent/1"}, {IP: "192.0.2"}, {Email: "bot"},
		{DNS: "ban\u212a.example"}, {DNS: "b\u00fccher.example"}, {DNS: "a\x00.example"}, {Email: "b\u00f6t@example.org"}, {URI: "https://example.org/\u00fc"},
		{URI: "HTTPS://example.org/a"}, {URI: "https://example.org/a|b"}, {IP: "fe80::1%eth0"}, {DNS: "a..\n"},
		{DN: "bot"}, {DN: "XX=bot"}, {DN: "CN="}, {DN: "CN=a,"}, {DN: `CN=a\`}, {DN: `CN=a\xx`}, {DN: `CN="a"`}, {DN: "CN=a;O=b"},
		{DN: "CN=#zz"}, {DN: "CN=#13"}, {DN: "01.2=a"},
	} {
		if err := s.Check(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

// FuzzFromJWK: what parses prints back to itself, and is the same key by
// whichever form it goes.
func FuzzFromJWK(f *testing.F) {
	f.Add([]byte(rfc7638))
	for _, k := range pairs() {
		p, _ := keys.New(k.Public())
		f.Add([]byte(p.JWK()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := keys.FromJWK(data)
		if err != nil {
			return
		}
		again, err := keys.FromJWK(k.JWK())
		if err != nil || !bytes.Equal(again.JWK(), k.JWK()) || again.Thumbprint() != k.Thumbprint() {
			t.Errorf("%s came back as %s, %v", k.JWK(), again.JWK(), err)
		}
		der, err := x509.MarshalPKIXPublicKey(k.Key())
		byPEM, err2 := keys.FromPEM(encoded(t, "PUBLIC KEY", der, err))
		if err2 != nil || byPEM.Thumbprint() != k.Thumbprint() {
			t.Errorf("%s by PEM: %v", k.JWK(), err2)
		}
		if _, err := k.Public.Alg(k.Alg); err != nil {
			t.Errorf("its alg %q: %v", k.Alg, err)
		}
	})
}

// FuzzPEM: whatever the block, at most one reader takes it, and gives a key
// that its JWK brings back.
func FuzzPEM(f *testing.F) {
	for _, k := range pairs() {
		pub, err := x509.MarshalPKIXPublicKey(k.Public())
		f.Add(encoded(f, "PUBLIC KEY", pub, err))
		priv, err := x509.MarshalPKCS8PrivateKey(k)
		f.Add(encoded(f, "PRIVATE KEY", priv, err))
		f.Add(certificate(f, k, x509.Certificate{}))
		f.Add(request(f, k))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read := 0
		for _, from := range []func([]byte) (keys.Public, error){keys.FromPEM, keys.FromPrivatePEM, fromCertificate, keys.FromRequestPEM} {
			p, err := from(data)
			if err != nil {
				if !p.IsZero() {
					t.Errorf("a key comes with the error %v", err)
				}
				continue
			}
			read++
			if again, err := keys.FromJWK(p.JWK()); err != nil || again.Thumbprint() != p.Thumbprint() {
				t.Errorf("%s: %v", p.JWK(), err)
			}
		}
		if read > 1 {
			t.Errorf("%d readers take it", read)
		}
	})
}

// FuzzSubject: a name that is taken is matched by a certificate that has it, as
// far as it can be written into one.
func FuzzSubject(f *testing.F) {
	f.Add(`CN=bot\, one,O=Ex\+ample`)
	f.Add(`1.2.3.4=#130178+CN=a,C=DE`)
	f.Fuzz(func(t *testing.T, dn string) {
		s := keys.Subject{DN: dn}
		if s.Check() != nil {
			return
		}
		empty := &x509.Certificate{RawSubject: []byte{0x30, 0}}
		if s.Matches(empty) {
			t.Errorf("%q matches a certificate without a subject", dn)
		}
		if (keys.Subject{DN: dn + ",CN=x"}).Check() != nil && !slices.Contains([]byte(dn), '\\') {
			t.Errorf("%q is a name, and with another part it is not", dn)
		}
	})
}

// FuzzObject: what is taken is the same object when it is written again.
func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,{"c":null}]},"A":"x"}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := keys.Object(data)
		if err != nil {
			return
		}
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		again, err := keys.Object(text)
		if err != nil || len(again) != len(members) {
			t.Errorf("%q has %d members, and as %q %d: %v", data, len(members), text, len(again), err)
		}
	})
}
