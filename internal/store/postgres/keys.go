package postgres

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectKeys = `SELECT ` + row.SigningKeyColumns + ` FROM signing_keys ORDER BY n`
	putKey     = `INSERT INTO signing_keys (` + row.SigningKeyColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET (alg, public, sealed, created, signs, revoked) = ($2, $3, $4, $5, $6, $7)`
	deleteKey = `DELETE FROM signing_keys WHERE id = $1`

	selectCAKeys = `SELECT ` + row.CAKeyColumns + ` FROM ca_keys ORDER BY n`
	putCAKey     = `INSERT INTO ca_keys (` + row.CAKeyColumns + `) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET (certificate, chain, sealed, created, retired) = ($2, $3, $4, $5, $6)`
	selectRevocations = `SELECT ` + row.RevocationColumns + ` FROM revocations WHERE expires > $1 ORDER BY n`
	putRevocation     = `INSERT INTO revocations (` + row.RevocationColumns + `) VALUES ($1, $2, $3, $4)
		ON CONFLICT (ca, serial) DO UPDATE SET (revoked, expires) = ($3, $4)`
)

// sealed is never NULL, though an empty one of elsewhere may be.
func sealed(b []byte) []byte { return append([]byte{}, b...) }

// SigningKeys reads the keys that sign tokens.
func (t *tx) SigningKeys() ([]store.SigningKey, error) {
	return list(t, "signing keys", row.SigningKey, selectKeys)
}

// SetSigningKey adds or replaces a key.
func (t *tx) SetSigningKey(k store.SigningKey) error {
	return t.write("signing key "+k.ID, putKey, row.SigningKeyValues(k)...)
}

// RemoveSigningKey removes a key.
func (t *tx) RemoveSigningKey(id string) error { return t.write("signing key "+id, deleteKey, id) }

// CAKeys reads the keys that sign certificates.
func (t *tx) CAKeys() ([]store.CAKey, error) {
	return list(t, "CA keys", row.CAKey, selectCAKeys)
}

// SetCAKey adds or replaces a key.
func (t *tx) SetCAKey(k store.CAKey) error {
	return t.write("CA key "+k.ID, putCAKey, row.CAKeyValues(k)...)
}

// Revocations reads what was revoked and has not ended by itself.
func (t *tx) Revocations(now int64) ([]store.Revocation, error) {
	return list(t, "revocations", row.Revocation, selectRevocations, now)
}

// SetRevocation adds or replaces a revocation.
func (t *tx) SetRevocation(r store.Revocation) error {
	return t.write("revocation of "+r.Serial, putRevocation, row.RevocationValues(r)...)
}
