package sqlite

import (
	"database/sql"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	selectCAKeys = `SELECT id, certificate, chain, sealed, created, retired FROM ca_keys ORDER BY n`
	putCAKey     = `INSERT INTO ca_keys (id, certificate, chain, sealed, created, retired) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
		ON CONFLICT (id) DO UPDATE SET (certificate, chain, sealed, created, retired) = (?2, ?3, ?4, ?5, ?6)`
	selectRevocations = `SELECT ca, serial, revoked, expires FROM revocations WHERE expires > ? ORDER BY n`
	putRevocation     = `INSERT INTO revocations (ca, serial, revoked, expires) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (ca, serial) DO UPDATE SET (revoked, expires) = (?3, ?4)`
)

// CAKeys reads the keys that sign certificates.
func (t *tx) CAKeys() (found []store.CAKey, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	err = t.c.rows(selectCAKeys, nil, func(scan scan) error {
		var k store.CAKey
		var created, retired sql.NullInt64
		err := scan(&k.ID, &k.Certificate, &k.Chain, &k.Sealed, &created, &retired)
		k.Created, k.Retired = moment(created), moment(retired)
		found = append(found, k)
		return err
	})
	if err != nil {
		return nil, t.fail("CA keys", err)
	}
	return found, nil
}

// SetCAKey adds or replaces a key.
func (t *tx) SetCAKey(k store.CAKey) error {
	return t.write("CA key "+k.ID, putCAKey, k.ID, k.Certificate, k.Chain, k.Sealed, micros(k.Created), micros(k.Retired))
}

// Revocations reads what was revoked and has not ended by itself.
func (t *tx) Revocations(now int64) (found []store.Revocation, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	err = t.c.rows(selectRevocations, []any{now}, func(scan scan) error {
		var r store.Revocation
		var revoked sql.NullInt64
		err := scan(&r.CA, &r.Serial, &revoked, &r.Expires)
		r.Revoked = moment(revoked)
		found = append(found, r)
		return err
	})
	if err != nil {
		return nil, t.fail("revocations", err)
	}
	return found, nil
}

// SetRevocation adds or replaces a revocation.
func (t *tx) SetRevocation(r store.Revocation) error {
	return t.write("revocation of "+r.Serial, putRevocation, r.CA, r.Serial, micros(r.Revoked), r.Expires)
}
