package keys

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
)

// JWK is a public key with what its JWK (RFC 7517) says of it.
type JWK struct {
	Public
	ID  string // kid; "" when there is none
	Alg string // alg; "" when there is none; else it goes with the key
}

// maxText bounds what is parsed: an RSA key of 8192 bits with a chain of
// certificates is shorter.
const maxText = 64 << 10

// private are the members that only a private key has (RFC 7518 §6.2.2, 6.3.2,
// RFC 8037 §2).
var private = []string{"d", "p", "q", "dp", "dq", "qi", "oth"}

// FromJWK reads a public key from a JWK. Members that it does not know are
// passed over, as RFC 7517 §4 wants it.
func FromJWK(data []byte) (JWK, error) {
	if len(data) > maxText {
		return JWK{}, fmt.Errorf("%w: it is larger than %d bytes", ErrForm, maxText)
	}
	members, err := Object(data)
	if err != nil {
		return JWK{}, err
	}
	kty, err := text(members, "kty")
	if err != nil {
		return JWK{}, err
	}
	if _, ok := members["k"]; ok || kty == "oct" {
		return JWK{}, ErrSymmetric
	}
	for _, name := range private {
		if _, ok := members[name]; ok {
			return JWK{}, fmt.Errorf("%w: it has the member %q", ErrPrivate, name)
		}
	}
	if err := forSignatures(members); err != nil {
		return JWK{}, err
	}
	out := JWK{}
	switch kty {
	case "RSA":
		out.Public, err = rsaJWK(members)
	case "EC":
		out.Public, err = ecJWK(members)
	case "OKP":
		out.Public, err = okpJWK(members)
	default:
		err = fmt.Errorf("%w: kty %.20q", ErrType, kty)
	}
	if err != nil {
		return JWK{}, err
	}
	if out.ID, err = text(members, "kid"); err != nil {
		return JWK{}, err
	}
	if out.Alg, err = text(members, "alg"); err == nil && out.Alg != "" {
		_, err = out.Public.Alg(out.Alg)
	}
	if err != nil {
		return JWK{}, err
	}
	return out, nil
}

// forSignatures looks at use and key_ops (RFC 7517 §4.2, §4.3).
func forSignatures(members map[string]json.RawMessage) error {
	use, err := text(members, "use")
	if err != nil {
		return err
	}
	if use != "" && use != "sig" {
		return fmt.Errorf("%w: its use is %.20q", ErrUse, use)
	}
	raw, ok := members["key_ops"]
	if !ok {
		return nil
	}
	var ops []string
	if err := json.Unmarshal(raw, &ops); err != nil {
		return fmt.Errorf(`%w: the member "key_ops" is not a list of strings`, ErrForm)
	}
	if !slices.Contains(ops, "verify") {
		return fmt.Errorf(`%w: its key_ops are without "verify"`, ErrUse)
	}
	return nil
}

func rsaJWK(members map[string]json.RawMessage) (Public, error) {
	n, err := number(members, "n")
	if err != nil {
		return Public{}, err
	}
	e, err := number(members, "e")
	if err != nil {
		return Public{}, err
	}
	// Some write a zero byte before (RFC 7518 §6.3.1.1 names it): it is the
	// same number.
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 {
		return Public{}, fmt.Errorf("%w: the exponent has %d bits, at most 31 are possible", ErrForm, exponent.BitLen())
	}
	return New(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())})
}

func okpJWK(members map[string]json.RawMessage) (Public, error) {
	crv, err := text(members, "crv")
	if err != nil {
		return Public{}, err
	}
	if crv != "Ed25519" {
		return Public{}, fmt.Errorf("%w: crv %.20q", ErrType, crv)
	}
	x, err := number(members, "x")
	if err != nil {
		return Public{}, err
	}
	return New(ed25519.PublicKey(x))
}
