package sqlite

import (
	"database/sql"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	selectKeys = `SELECT id, alg, public, sealed, created, signs, revoked FROM signing_keys ORDER BY n`
	putKey     = `INSERT INTO signing_keys (id, alg, public, sealed, created, signs, revoked) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT (id) DO UPDATE SET (alg, public, sealed, created, signs, revoked) = (?2, ?3, ?4, ?5, ?6, ?7)`
	deleteKey = `DELETE FROM signing_keys WHERE id = ?`
)

// SigningKeys reads the keys that sign tokens.
func (t *tx) SigningKeys() (found []store.SigningKey, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	err = t.c.rows(selectKeys, nil, func(scan scan) error {
		var k store.SigningKey
		var created, signs, revoked sql.NullInt64
		err := scan(&k.ID, &k.Alg, &k.Public, &k.Sealed, &created, &signs, &revoked)
		k.Created, k.Signs, k.Revoked = moment(created), moment(signs), moment(revoked)
		found = append(found, k)
		return err
	})
	if err != nil {
		return nil, t.fail("signing keys", err)
	}
	return found, nil
}

// SetSigningKey adds or replaces a key.
func (t *tx) SetSigningKey(k store.SigningKey) error {
	return t.write("signing key "+k.ID, putKey, k.ID, k.Alg, k.Public, k.Sealed, micros(k.Created), micros(k.Signs), micros(k.Revoked))
}

// RemoveSigningKey removes a key.
func (t *tx) RemoveSigningKey(id string) error { return t.write("signing key "+id, deleteKey, id) }
