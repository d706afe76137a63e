package keys

import (
	"crypto/rsa"
	"fmt"
	"math/big"
)

// Bounds of RSA keys, in bits. Longer ones would make a login dear.
const (
	minRSA = 2048
	maxRSA = 8192
)

// checkRSA refuses keys that are too weak by size, and those whose private
// half everybody can compute.
func checkRSA(k *rsa.PublicKey) error {
	n := k.N
	if n == nil || n.Sign() <= 0 {
		return fmt.Errorf("%w: there is no modulus", ErrForm)
	}
	switch bits := n.BitLen(); {
	case bits < minRSA:
		return fmt.Errorf("%w: %d bits, at least %d are needed", ErrShort, bits, minRSA)
	case bits > maxRSA:
		return fmt.Errorf("%w: %d bits, at most %d are possible", ErrLong, bits, maxRSA)
	case k.E < 65537 || k.E%2 == 0:
		return fmt.Errorf("%w: it is %d, use 65537", ErrExponent, k.E)
	}
	switch {
	case smallFactor(n):
		return fmt.Errorf("%w: it has a small factor", ErrModulus)
	case roca(n):
		return ErrROCA
	case closeFactors(n):
		return fmt.Errorf("%w: its factors are too close together", ErrModulus)
	}
	return nil
}

// smallFactor divides by everything below 5000, the even numbers included by 2.
func smallFactor(n *big.Int) bool {
	if n.Bit(0) == 0 {
		return true
	}
	var d, rest big.Int
	for i := int64(3); i < 5000; i += 2 {
		if rest.Mod(n, d.SetInt64(i)).Sign() == 0 {
			return true
		}
	}
	return false
}

// closeFactors is Fermat's method, as long as it takes no time: the first
// a ≥ √n with a² - n a square gives both factors.
func closeFactors(n *big.Int) bool {
	a := new(big.Int).Sqrt(n)
	if new(big.Int).Mul(a, a).Cmp(n) == 0 {
		return true
	}
	for range 100 {
		a.Add(a, big.NewInt(1))
		b := new(big.Int).Sub(new(big.Int).Mul(a, a), n)
		root := new(big.Int).Sqrt(b)
		if root.Mul(root, root).Cmp(b) == 0 {
			return true
		}
	}
	return false
}

// roca looks for the fingerprint of keys of Infineon's library: modulo each of
// these primes they are a power of 65537 (Nemec and others, 2017, §3.1). Of
// others one in 2^27 looks the same.
func roca(n *big.Int) bool {
	var rest big.Int
	for _, p := range []int64{
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
		109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	} {
		want, power, found := rest.Mod(n, big.NewInt(p)).Int64(), int64(1), false
		for range p {
			found = found || power == want
			power = power * 65537 % p
		}
		if !found {
			return false
		}
	}
	return true
}
