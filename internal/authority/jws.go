package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// signer makes the tokens of one key, as a JWS in its compact form (RFC 7515).
type signer struct {
	jose jose.Signer
	// Of ES256, by which most are signed, the header is encoded once: what
	// go-jose does for every token beside the signature takes a quarter as long
	// as that.
	key    *ecdsa.PrivateKey
	header string
}

// newSigner makes the signer of a key, whose private half fits the algorithm.
func newSigner(alg, kid string, private any) (signer, error) {
	opts := (&jose.SignerOptions{}).WithType(tokenType).WithHeader("kid", kid)
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: private}, opts)
	if err != nil {
		return signer{}, err
	}
	s := signer{jose: made}
	if key, ok := private.(*ecdsa.PrivateKey); ok && alg == string(jose.ES256) && key.Curve == elliptic.P256() {
		header, err := json.Marshal(map[string]string{"alg": alg, "kid": kid, "typ": tokenType})
		if err != nil {
			return signer{}, err
		}
		s.key, s.header = key, base64.RawURLEncoding.EncodeToString(header)+"."
	}
	return s, nil
}

// sign signs a payload.
func (s signer) sign(payload []byte) (string, error) {
	if s.key == nil {
		signed, err := s.jose.Sign(payload)
		if err != nil {
			return "", err
		}
		return signed.CompactSerialize()
	}
	b64 := base64.RawURLEncoding
	text := make([]byte, 0, len(s.header)+b64.EncodedLen(len(payload))+1+b64.EncodedLen(es256Bytes))
	text = b64.AppendEncode(append(text, s.header...), payload)
	sum := sha256.Sum256(text)
	r, ss, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return "", fmt.Errorf("ES256: %w", err)
	}
	var signature [es256Bytes]byte // RFC 7518 §3.4
	r.FillBytes(signature[:es256Bytes/2])
	ss.FillBytes(signature[es256Bytes/2:])
	return string(b64.AppendEncode(append(text, '.'), signature[:])), nil
}

// es256Bytes is how long a signature by ES256 is.
const es256Bytes = 64

// signedBy reports whether an assertion was signed by the private half of a key
// that is bound to its algorithm.
func (a *assertion) signedBy(key any) bool {
	if public, ok := key.(*ecdsa.PublicKey); ok && a.alg == string(jose.ES256) && public.Curve == elliptic.P256() {
		if len(a.signature) != es256Bytes {
			return false
		}
		sum := sha256.Sum256([]byte(a.signed))
		r, s := new(big.Int).SetBytes(a.signature[:es256Bytes/2]), new(big.Int).SetBytes(a.signature[es256Bytes/2:])
		return ecdsa.Verify(public, sum[:], r, s)
	}
	signed, err := jose.ParseSignedCompact(a.text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a.alg)})
	if err != nil {
		return false
	}
	_, err = signed.Verify(key)
	return err == nil
}
