// Package keys reads, checks and fingerprints what agents prove themselves
// with: public keys, JWKs, certificates and requests for certificates. It
// takes foreign bytes and hands out public halves only; it knows neither agents
// nor records nor HTTP.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"sync"
)

// What a key is refused for. The error that comes back wraps one of them and
// says more.
var (
	// ErrForm: the bytes are not what they should be.
	ErrForm = errors.New("it cannot be read")
	// ErrPrivate: a private key is where a public one belongs. Whoever sent
	// it has shown it to us, and should make another.
	ErrPrivate = errors.New("it is a private key")
	// ErrEncrypted: a private key that a passphrase locks.
	ErrEncrypted = errors.New("it is encrypted")
	// ErrSymmetric: a secret, not a key pair.
	ErrSymmetric = errors.New("it is a symmetric key")
	// ErrType: a kind of key or a curve that signs none of our algorithms.
	ErrType = errors.New("this kind of key is not supported")
	// ErrUse: the key says that it is for something else than signatures.
	ErrUse = errors.New("it is not for signatures")
	// ErrAlg: the algorithm does not go with the key.
	ErrAlg = errors.New("the algorithm does not go with the key")
	// ErrShort and ErrLong: of RSA, outside 2048 to 8192 bits.
	ErrShort = errors.New("the RSA key is too short")
	ErrLong  = errors.New("the RSA key is too long")
	// ErrExponent: a public exponent that is even or below 65537, as 1 and 3.
	ErrExponent = errors.New("the RSA exponent is too small or even")
	// ErrModulus: everybody can compute the private key.
	ErrModulus = errors.New("the RSA modulus can be factored")
	// ErrROCA: the key was made by a chip that makes weak ones (CVE-2017-15361).
	ErrROCA = errors.New("the RSA key is a weak one of Infineon's (ROCA, CVE-2017-15361)")
	// ErrPoint: the point is not on its curve, or of small order: anybody
	// could sign for it.
	ErrPoint = errors.New("the point is not a public key on this curve")
	// ErrPossession: a request for a certificate that its own key did not
	// sign.
	ErrPossession = errors.New("its key did not sign it")
)

// Public is a public key that was checked. The zero value is none.
type Public struct {
	key crypto.PublicKey
	// canonical is the JWK with the required members alone, in the order and
	// form of RFC 7638 §3.
	canonical string
}

// IsZero reports whether there is no key.
func (p Public) IsZero() bool { return p.key == nil }

// Key is the key as the crypto packages have it: *rsa.PublicKey,
// *ecdsa.PublicKey or ed25519.PublicKey.
func (p Public) Key() crypto.PublicKey { return p.key }

// JWK is the key as a JWK with the required members alone.
func (p Public) JWK() json.RawMessage { return json.RawMessage(p.canonical) }

// Thumbprint is the JWK thumbprint (RFC 7638) over SHA-256, in base64url: the
// default kid.
func (p Public) Thumbprint() string {
	sum := sha256.Sum256([]byte(p.canonical))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// SourceID stands for the thumbprint where only the place of keys is known, a
// jwks_uri.
func SourceID(uri string) string {
	sum := sha256.Sum256([]byte("jwks_uri " + uri))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// kidForm is what can be a kid at the server: it is part of a path.
var kidForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_~:@=+-][A-Za-z0-9._~:@=+-]{0,199}$`) })

// CheckID refuses what cannot be a kid. The error goes on from "a kid".
func CheckID(kid string) error {
	if !kidForm().MatchString(kid) {
		return fmt.Errorf("has 1 to 200 of the characters A-Z a-z 0-9 . _ ~ : @ = + - and does not begin with a dot: %.40q is none", kid)
	}
	return nil
}

// CheckSource refuses what cannot be a jwks_uri. Where it leads is looked at
// when it is fetched. The error goes on from its name.
func CheckSource(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(uri) > 2000 {
		return errors.New("must be an https URL of at most 2000 characters, without user and fragment")
	}
	return nil
}

// Algorithms are all that keys can be used with (RFC 7518 §3.1, RFC 8037).
var Algorithms = []string{"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"}

// Algs are the algorithms that the key can be used with; the first is the
// default.
func (p Public) Algs() []string {
	switch k := p.key.(type) {
	case *ecdsa.PublicKey:
		for _, c := range curves {
			if c.curve == k.Curve {
				return []string{c.alg}
			}
		}
	case *rsa.PublicKey:
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

// Alg is the algorithm to use the key with: the one that is wished for, when it
// goes with the key; the default for "".
func (p Public) Alg(wished string) (string, error) {
	algs := p.Algs()
	switch {
	case len(algs) == 0:
		return "", ErrType
	case wished == "":
		return algs[0], nil
	case !slices.Contains(algs, wished):
		return "", fmt.Errorf("%w: %.20q; possible are %v", ErrAlg, wished, algs)
	}
	return wished, nil
}

// New checks a key of the crypto packages.
func New(key crypto.PublicKey) (Public, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if err := checkRSA(k); err != nil {
			return Public{}, err
		}
		return Public{k, fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, b64(big.NewInt(int64(k.E)).Bytes()), b64(k.N.Bytes()))}, nil
	case *ecdsa.PublicKey:
		return newEC(k)
	case ed25519.PublicKey:
		if err := checkEd25519(k); err != nil {
			return Public{}, err
		}
		return Public{k, fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, b64(k))}, nil
	case interface{ Public() crypto.PublicKey }:
		return Public{}, ErrPrivate
	}
	return Public{}, fmt.Errorf("%w: %T", ErrType, key)
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
