package row

import "github.com/agentcreds/terraform-provider-agentcreds/internal/store"

// SigningKeyColumns are those of a key that signs tokens, in the order of
// SigningKeyValues and SigningKey.
const SigningKeyColumns = `id, alg, public, sealed, created, signs, revoked`

// SigningKeyValues is how a key that signs tokens is kept.
func SigningKeyValues(k store.SigningKey) []any {
	return []any{k.ID, k.Alg, k.Public, sealed(k.Sealed), micros(k.Created), micros(k.Signs), micros(k.Revoked)}
}

// SigningKey reads a key that signs tokens.
func SigningKey(scan Scan) (k store.SigningKey, err error) {
	err = scan(&k.ID, &k.Alg, &k.Public, &k.Sealed, moment{&k.Created}, moment{&k.Signs}, moment{&k.Revoked})
	k.Sealed = unsealed(k.Sealed)
	return k, err
}

// CAKeyColumns are those of a key that signs certificates, in the order of
// CAKeyValues and CAKey.
const CAKeyColumns = `id, certificate, chain, sealed, created, retired`

// CAKeyValues is how a key that signs certificates is kept.
func CAKeyValues(k store.CAKey) []any {
	return []any{k.ID, k.Certificate, k.Chain, sealed(k.Sealed), micros(k.Created), micros(k.Retired)}
}

// CAKey reads a key that signs certificates.
func CAKey(scan Scan) (k store.CAKey, err error) {
	err = scan(&k.ID, &k.Certificate, &k.Chain, &k.Sealed, moment{&k.Created}, moment{&k.Retired})
	k.Sealed = unsealed(k.Sealed)
	return k, err
}

// RevocationColumns are those of a revocation, in the order of RevocationValues and
// Revocation.
const RevocationColumns = `ca, serial, revoked, expires`

// RevocationValues is how a revocation is kept.
func RevocationValues(r store.Revocation) []any {
	return []any{r.CA, r.Serial, micros(r.Revoked), r.Expires}
}

// Revocation reads a revocation.
func Revocation(scan Scan) (r store.Revocation, err error) {
	err = scan(&r.CA, &r.Serial, moment{&r.Revoked}, &r.Expires)
	return r, err
}
