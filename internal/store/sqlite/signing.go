package sqlite

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectKeys = `SELECT ` + row.SigningKeyColumns + ` FROM signing_keys ORDER BY n`
	putKey     = `INSERT INTO signing_keys (` + row.SigningKeyColumns + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT (id) DO UPDATE SET (alg, public, sealed, created, signs, revoked) = (?2, ?3, ?4, ?5, ?6, ?7)`
	deleteKey = `DELETE FROM signing_keys WHERE id = ?`
)

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
