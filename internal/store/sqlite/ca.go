package sqlite

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectCAKeys = `SELECT ` + row.CAKeyColumns + ` FROM ca_keys ORDER BY n`
	putCAKey     = `INSERT INTO ca_keys (` + row.CAKeyColumns + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
		ON CONFLICT (id) DO UPDATE SET (certificate, chain, sealed, created, retired) = (?2, ?3, ?4, ?5, ?6)`
	selectRevocations = `SELECT ` + row.RevocationColumns + ` FROM revocations WHERE expires > ? ORDER BY n`
	putRevocation     = `INSERT INTO revocations (` + row.RevocationColumns + `) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (ca, serial) DO UPDATE SET (revoked, expires) = (?3, ?4)`
)

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
