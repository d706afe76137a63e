package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
)

// curves are those of the ES algorithms (RFC 7518 §3.4).
var curves = []struct {
	curve elliptic.Curve
	name  string
	alg   string
}{
	{elliptic.P256(), "P-256", "ES256"},
	{elliptic.P384(), "P-384", "ES384"},
	{elliptic.P521(), "P-521", "ES512"},
}

func newEC(k *ecdsa.PublicKey) (Public, error) {
	for _, c := range curves {
		if c.curve != k.Curve {
			continue
		}
		point, err := k.Bytes()
		if err != nil {
			return Public{}, ErrPoint
		}
		half := len(point) / 2
		return Public{k, fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, c.name, b64(point[1:1+half]), b64(point[1+half:]))}, nil
	}
	return Public{}, fmt.Errorf("%w: a curve that is not P-256, P-384 or P-521", ErrType)
}

func ecJWK(members map[string]json.RawMessage) (Public, error) {
	crv, err := text(members, "crv")
	if err != nil {
		return Public{}, err
	}
	for _, c := range curves {
		if c.name != crv {
			continue
		}
		x, err := number(members, "x")
		if err != nil {
			return Public{}, err
		}
		y, err := number(members, "y")
		if err != nil {
			return Public{}, err
		}
		size := (c.curve.Params().BitSize + 7) / 8
		if len(x) != size || len(y) != size { // RFC 7518 §6.2.1.2
			return Public{}, fmt.Errorf("%w: a coordinate on %s has %d bytes", ErrForm, crv, size)
		}
		k, err := ecdsa.ParseUncompressedPublicKey(c.curve, slices.Concat([]byte{4}, x, y))
		if err != nil {
			return Public{}, ErrPoint
		}
		return newEC(k)
	}
	return Public{}, fmt.Errorf("%w: crv %.20q", ErrType, crv)
}

// checkEd25519 decodes the point as RFC 8032 §5.1.3 does, and refuses those of
// small order, for which one signature can be good for many messages.
// crypto/ed25519 looks at neither before it verifies.
func checkEd25519(k ed25519.PublicKey) error {
	if len(k) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: an Ed25519 key has %d bytes, not %d", ErrForm, ed25519.PublicKeySize, len(k))
	}
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	one := big.NewInt(1)
	bytesOfY := bytes.Clone(k)
	bytesOfY[31] &= 0x7f
	slices.Reverse(bytesOfY)
	y := new(big.Int).SetBytes(bytesOfY)
	if y.Cmp(p) >= 0 {
		return ErrPoint
	}
	// x² = (y² - 1) / (d y² + 1), d = -121665 / 121666
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665)).Mod(d, p)
	yy := new(big.Int).Mod(new(big.Int).Mul(y, y), p)
	u := new(big.Int).Mod(new(big.Int).Sub(yy, one), p)
	v := new(big.Int).Mod(new(big.Int).Add(new(big.Int).Mul(d, yy), one), p)
	xx := new(big.Int).Mod(new(big.Int).Mul(u, new(big.Int).ModInverse(v, p)), p)
	x := new(big.Int).ModSqrt(xx, p)
	if x == nil || smallOrder(x, yy, p) {
		return ErrPoint
	}
	return nil
}

// smallOrder reports whether the order of the point divides 8. Those of order
// 1, 2 and 4 have x = 0 or y = 0. Those of order 8 double to one with y = 0,
// which on -x² + y² = 1 + d x² y² is x² + y² = 0.
func smallOrder(x, yy, p *big.Int) bool {
	xx := new(big.Int).Mod(new(big.Int).Mul(x, x), p)
	sum := new(big.Int).Mod(new(big.Int).Add(xx, yy), p)
	return xx.Sign() == 0 || yy.Sign() == 0 || sum.Sign() == 0
}
