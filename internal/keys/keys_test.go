package keys_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

// rfc7638 is the key of RFC 7638 §3.1.
const rfc7638 = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`

func TestThumbprint_vectors(t *testing.T) {
	for name, tt := range map[string]struct{ jwk, want, kid, alg string }{
		"RFC 7638 §3.1": {rfc7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "2011-04-29", "RS256"},
		"RFC 8037 A.3":  {`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "", ""},
	} {
		k, err := keys.FromJWK([]byte(tt.jwk))
		if err != nil || k.Thumbprint() != tt.want || k.ID != tt.kid || k.Alg != tt.alg {
			t.Errorf("%s: %q kid %q alg %q, %v; want %q", name, k.Thumbprint(), k.ID, k.Alg, err, tt.want)
		}
	}
}

// pairs is a key pair of every kind that there is.
var pairs = sync.OnceValue(func() map[string]crypto.Signer {
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	r, err2 := rsa.GenerateKey(rand.Reader, 2048)
	p256, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, err4 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, err5 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"EdDSA": ed, "RS256": r, "ES256": p256, "ES384": p384, "ES512": p521}
})

func encoded(t testing.TB, kind string, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// TestForms: however a key comes, it is the same key, with the fingerprint that
// another library reckons.
func TestForms(t *testing.T) {
	for alg, private := range pairs() {
		t.Run(alg, func(t *testing.T) {
			other := jose.JSONWebKey{Key: private.Public(), KeyID: "mine", Algorithm: alg, Use: "sig"}
			jwk, err := json.Marshal(other)
			sum, err2 := other.Thumbprint(crypto.SHA256)
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			pkix, err := x509.MarshalPKIXPublicKey(private.Public())
			pkcs8, err2 := x509.MarshalPKCS8PrivateKey(private)
			forms := map[string]func() (keys.Public, error){
				"New":   func() (keys.Public, error) { return keys.New(private.Public()) },
				"JWK":   func() (keys.Public, error) { k, err := keys.FromJWK(jwk); return k.Public, err },
				"PKIX":  func() (keys.Public, error) { return keys.FromPEM(encoded(t, "PUBLIC KEY", pkix, err)) },
				"PKCS8": func() (keys.Public, error) { return keys.FromPrivatePEM(encoded(t, "PRIVATE KEY", pkcs8, err2)) },
				"certificate": func() (keys.Public, error) {
					c, err := keys.FromCertificatePEM(certificate(t, private, x509.Certificate{}))
					return c.Public, err
				},
				"request": func() (keys.Public, error) { return keys.FromRequestPEM(request(t, private)) },
			}
			switch k := private.(type) {
			case *rsa.PrivateKey:
				forms["PKCS1"] = func() (keys.Public, error) {
					return keys.FromPEM(encoded(t, "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&k.PublicKey), nil))
				}
				forms["PKCS1 private"] = func() (keys.Public, error) {
					return keys.FromPrivatePEM(encoded(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k), nil))
				}
			case *ecdsa.PrivateKey:
				sec1, err := x509.MarshalECPrivateKey(k)
				forms["SEC1, by openssl"] = func() (keys.Public, error) {
					params := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}})
					return keys.FromPrivatePEM(slices.Concat(params, encoded(t, "EC PRIVATE KEY", sec1, err)))
				}
			}
			for form, read := range forms {
				p, err := read()
				if err != nil || p.Thumbprint() != base64.RawURLEncoding.EncodeToString(sum) {
					t.Errorf("%s: %s, %v; want %x", form, p.Thumbprint(), err, sum)
					continue
				}
				again, err := keys.FromJWK(p.JWK())
				if err != nil || string(again.JWK()) != string(p.JWK()) {
					t.Errorf("%s: %s comes back as %s, %v", form, p.JWK(), again.JWK(), err)
				}
				if got, err := p.Alg(""); err != nil || got != alg {
					t.Errorf("%s: the default is %q, %v", form, got, err)
				}
				if _, err := p.Alg("HS256"); !errors.Is(err, keys.ErrAlg) {
					t.Errorf("%s with HS256: %v", form, err)
				}
			}
		})
	}
}

// rsaJWK writes a JWK of these numbers.
func rsaJWK(n *big.Int, e int64) string {
	b64 := base64.RawURLEncoding.EncodeToString
	return `{"kty":"RSA","n":"` + b64(n.Bytes()) + `","e":"` + b64(big.NewInt(e).Bytes()) + `"}`
}

// weak are RSA moduli of 2048 bits that can be factored, and one that only
// looks as if it had been made by Infineon's library.
func weak(t testing.TB) (small, even, near, square, roca *big.Int) {
	t.Helper()
	p, err := rand.Prime(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	next := new(big.Int).Add(p, big.NewInt(2))
	for !next.ProbablyPrime(20) {
		next.Add(next, big.NewInt(2))
	}
	one := big.NewInt(1)
	product := big.NewInt(1)
	for q := int64(2); q <= 701; q++ {
		if big.NewInt(q).ProbablyPrime(10) {
			product.Mul(product, big.NewInt(q))
		}
	}
	k := new(big.Int).Lsh(one, 2047)
	k.Div(k, product).Add(k, one)
	roca = new(big.Int).Exp(big.NewInt(65537), big.NewInt(12345), product)
	for roca.Add(roca, new(big.Int).Mul(k, product)); ; roca.Add(roca, product) {
		if !divided(roca) {
			break
		}
	}
	n := new(big.Int).Mul(p, p)
	small = new(big.Int).Mul(big.NewInt(4999), new(big.Int).SetBit(new(big.Int).Lsh(one, 2040), 0, 1))
	return small, new(big.Int).Lsh(one, 2047), new(big.Int).Mul(p, next), n, roca
}

// divided reports whether a number has a factor below 5000.
func divided(n *big.Int) bool {
	for q := int64(3); q < 5000; q += 2 {
		if new(big.Int).Mod(n, big.NewInt(q)).Sign() == 0 {
			return true
		}
	}
	return false
}

func TestFromJWK_refused(t *testing.T) {
	small, even, near, square, roca := weak(t)
	good, ok := pairs()["RS256"].Public().(*rsa.PublicKey)
	if !ok {
		t.Fatal("it is no RSA key")
	}
	short, err := rand.Prime(rand.Reader, 2047)
	if err != nil {
		t.Fatal(err)
	}
	y := func(hex string) string {
		n, _ := new(big.Int).SetString(hex, 16)
		return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, 32)))
	}
	const ec = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
	for name, tt := range map[string]struct {
		jwk  string
		want error
	}{
		"empty":                 {``, keys.ErrForm},
		"null":                  {`null`, keys.ErrForm},
		"a list":                {`[` + ec + `}]`, keys.ErrForm},
		"a set":                 {`{"keys":[` + ec + `}]}`, keys.ErrType},
		"trailing":              {ec + `} {}`, keys.ErrForm},
		"cut off":               {ec, keys.ErrForm},
		"not UTF-8":             {ec + ",\"a\":\"\xff\"}", keys.ErrForm},
		"twice":                 {ec + `,"kty":"EC"}`, keys.ErrForm},
		"twice, deep":           {ec + `,"a":[{"b":1,"b":1}]}`, keys.ErrForm},
		"deep":                  {ec + `,"a":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, keys.ErrForm},
		"huge":                  {ec + `,"a":"` + strings.Repeat("a", 64<<10) + `"}`, keys.ErrForm},
		"upper case kty":        {`{"KTY":"EC"}`, keys.ErrType},
		"kty is a number":       {`{"kty":1}`, keys.ErrForm},
		"symmetric":             {`{"kty":"oct","k":"c2VjcmV0"}`, keys.ErrSymmetric},
		"symmetric, disguised":  {ec + `,"k":"c2VjcmV0"}`, keys.ErrSymmetric},
		"private EC":            {ec + `,"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`, keys.ErrPrivate},
		"private RSA":           {`{"kty":"RSA","n":"AQ","e":"AQAB","p":"AQ"}`, keys.ErrPrivate},
		"encryption":            {ec + `,"use":"enc"}`, keys.ErrUse},
		"only signs":            {ec + `,"key_ops":["sign"]}`, keys.ErrUse},
		"alg of another kind":   {ec + `,"alg":"RS256"}`, keys.ErrAlg},
		"alg of another curve":  {ec + `,"alg":"ES384"}`, keys.ErrAlg},
		"alg none":              {ec + `,"alg":"none"}`, keys.ErrAlg},
		"not on the curve":      {strings.Replace(ec, "y\":\"x_", "y\":\"y_", 1) + `}`, keys.ErrPoint},
		"short coordinate":      {`{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}`, keys.ErrForm},
		"no coordinate":         {`{"kty":"EC","crv":"P-256","x":"AQ"}`, keys.ErrForm},
		"padded":                {strings.Replace(ec, "VEU\"", "VEU=\"", 1) + `}`, keys.ErrForm},
		"line end in a number":  {strings.Replace(ec, "VEU\"", `VEU\n"`, 1) + `}`, keys.ErrForm},
		"another text for it":   {strings.Replace(ec, "VEU\"", "VEV\"", 1) + `}`, keys.ErrForm},
		"secp256k1":             {`{"kty":"EC","crv":"secp256k1","x":"AQ","y":"AQ"}`, keys.ErrType},
		"X25519":                {`{"kty":"OKP","crv":"X25519","x":"AQ"}`, keys.ErrType},
		"Ed25519 too short":     {`{"kty":"OKP","crv":"Ed25519","x":"AQ"}`, keys.ErrForm},
		"Ed25519 order 4":       {`{"kty":"OKP","crv":"Ed25519","x":"` + y("0") + `"}`, keys.ErrPoint},
		"Ed25519 order 1":       {`{"kty":"OKP","crv":"Ed25519","x":"` + y("0100000000000000000000000000000000000000000000000000000000000000") + `"}`, keys.ErrPoint},
		"Ed25519 order 2":       {`{"kty":"OKP","crv":"Ed25519","x":"` + y("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f") + `"}`, keys.ErrPoint},
		"Ed25519 order 8":       {`{"kty":"OKP","crv":"Ed25519","x":"` + y("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05") + `"}`, keys.ErrPoint},
		"Ed25519 order 8 too":   {`{"kty":"OKP","crv":"Ed25519","x":"` + y("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a") + `"}`, keys.ErrPoint},
		"Ed25519 not canonical": {`{"kty":"OKP","crv":"Ed25519","x":"` + y("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f") + `"}`, keys.ErrPoint},
		"Ed25519 no point":      {`{"kty":"OKP","crv":"Ed25519","x":"` + y("0200000000000000000000000000000000000000000000000000000000000000") + `"}`, keys.ErrPoint},
		"RSA 2047":              {rsaJWK(short, 65537), keys.ErrShort},
		"RSA 8193":              {rsaJWK(new(big.Int).Lsh(short, 6146), 65537), keys.ErrLong},
		"RSA e=1":               {rsaJWK(good.N, 1), keys.ErrExponent},
		"RSA e=3":               {rsaJWK(good.N, 3), keys.ErrExponent},
		"RSA e even":            {rsaJWK(good.N, 65538), keys.ErrExponent},
		"RSA e huge":            {rsaJWK(good.N, 1<<33+1), keys.ErrForm},
		"RSA even":              {rsaJWK(even, 65537), keys.ErrModulus},
		"RSA small factor":      {rsaJWK(small, 65537), keys.ErrModulus},
		"RSA close factors":     {rsaJWK(near, 65537), keys.ErrModulus},
		"RSA square":            {rsaJWK(square, 65537), keys.ErrModulus},
		"RSA ROCA":              {rsaJWK(roca, 65537), keys.ErrROCA},
		"RSA without n":         {`{"kty":"RSA","e":"AQAB"}`, keys.ErrForm},
	} {
		if k, err := keys.FromJWK([]byte(tt.jwk)); !errors.Is(err, tt.want) || !k.IsZero() {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	// What the table changes is good as it is.
	for _, jwk := range []string{ec + `}`, ec + `,"use":"sig","key_ops":["verify"],"x5c":[],"future":{}}`, rsaJWK(good.N, 65537)} {
		if _, err := keys.FromJWK([]byte(jwk)); err != nil {
			t.Errorf("%s: %v", jwk, err)
		}
	}
}

func TestFromPEM_refused(t *testing.T) {
	private := pairs()["ES256"]
	pkix, err := x509.MarshalPKIXPublicKey(private.Public())
	public := encoded(t, "PUBLIC KEY", pkix, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	secretPEM := encoded(t, "PRIVATE KEY", pkcs8, err)
	broken := slices.Clone(pkix)
	broken[len(broken)-1] ^= 1
	for name, tt := range map[string]struct {
		read func([]byte) (keys.Public, error)
		pem  []byte
		want error
	}{
		"empty":                 {keys.FromPEM, nil, keys.ErrForm},
		"private for public":    {keys.FromPEM, secretPEM, keys.ErrPrivate},
		"two":                   {keys.FromPEM, slices.Concat(public, public), keys.ErrForm},
		"something behind":      {keys.FromPEM, append(slices.Clone(public), 'x'), keys.ErrForm},
		"huge":                  {keys.FromPEM, append(slices.Clone(public), make([]byte, 64<<10)...), keys.ErrForm},
		"certificate":           {keys.FromPEM, certificate(t, private, x509.Certificate{}), keys.ErrForm},
		"not on the curve":      {keys.FromPEM, encoded(t, "PUBLIC KEY", broken, nil), keys.ErrPoint},
		"no DER":                {keys.FromPEM, encoded(t, "PUBLIC KEY", []byte("x"), nil), keys.ErrForm},
		"public for private":    {keys.FromPrivatePEM, public, keys.ErrForm},
		"encrypted":             {keys.FromPrivatePEM, encoded(t, "ENCRYPTED PRIVATE KEY", pkcs8, nil), keys.ErrEncrypted},
		"encrypted, old form":   {keys.FromPrivatePEM, []byte("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA\n-----END EC PRIVATE KEY-----\n"), keys.ErrEncrypted},
		"private, no DER":       {keys.FromPrivatePEM, encoded(t, "PRIVATE KEY", []byte("hunter2"), nil), keys.ErrForm},
		"request for a key":     {keys.FromPEM, request(t, private), keys.ErrForm},
		"public for a request":  {keys.FromRequestPEM, public, keys.ErrForm},
		"request, another's":    {keys.FromRequestPEM, otherRequest(t), keys.ErrPossession},
		"request, SHA-1":        {keys.FromRequestPEM, oldRequest(t), keys.ErrAlg},
		"request, a weak key":   {keys.FromRequestPEM, weakRequest(t), keys.ErrShort},
		"request, not one":      {keys.FromRequestPEM, encoded(t, "CERTIFICATE REQUEST", []byte("x"), nil), keys.ErrForm},
		"certificate, not one":  {fromCertificate, encoded(t, "CERTIFICATE", []byte("x"), nil), keys.ErrForm},
		"certificate, a chain":  {fromCertificate, slices.Concat(certificate(t, private, x509.Certificate{}), certificate(t, private, x509.Certificate{})), keys.ErrForm},
		"certificate, a key":    {fromCertificate, public, keys.ErrForm},
		"certificate, weak key": {fromCertificate, weakCertificate(t), keys.ErrShort},
	} {
		p, err := tt.read(tt.pem)
		if !errors.Is(err, tt.want) || !p.IsZero() {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats what was given: %v", name, err)
		}
	}
}
