package postgres

import "github.com/agentcreds/terraform-provider-agentcreds/internal/store"

const (
	selectKeys = `SELECT id, alg, public, sealed, created, signs, revoked FROM signing_keys ORDER BY n`
	putKey     = `INSERT INTO signing_keys (id, alg, public, sealed, created, signs, revoked) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET (alg, public, sealed, created, signs, revoked) = ($2, $3, $4, $5, $6, $7)`
	deleteKey = `DELETE FROM signing_keys WHERE id = $1`

	selectCAKeys = `SELECT id, certificate, chain, sealed, created, retired FROM ca_keys ORDER BY n`
	putCAKey     = `INSERT INTO ca_keys (id, certificate, chain, sealed, created, retired) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET (certificate, chain, sealed, created, retired) = ($2, $3, $4, $5, $6)`
	selectRevocations = `SELECT ca, serial, revoked, expires FROM revocations WHERE expires > $1 ORDER BY n`
	putRevocation     = `INSERT INTO revocations (ca, serial, revoked, expires) VALUES ($1, $2, $3, $4)
		ON CONFLICT (ca, serial) DO UPDATE SET (revoked, expires) = ($3, $4)`
)

// SigningKeys reads the keys that sign tokens.
func (t *tx) SigningKeys() (found []store.SigningKey, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	err = t.rows(selectKeys, nil, func(scan scan) error {
		var k store.SigningKey
		var created, signs, revoked *int64
		err := scan(&k.ID, &k.Alg, &k.Public, &k.Sealed, &created, &signs, &revoked)
		k.Sealed = some(k.Sealed)
		k.Created, k.Signs, k.Revoked = moment(created), moment(signs), moment(revoked)
		found = append(found, k)
		return err
	})
	if err != nil {
		return nil, t.fail("signing keys", err)
	}
	return found, nil
}

// sealed is never NULL.
func sealed(b []byte) []byte { return append([]byte{}, b...) }

// some is the way back: nothing is nil.
func some(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// SetSigningKey adds or replaces a key.
func (t *tx) SetSigningKey(k store.SigningKey) error {
	return t.write("signing key "+k.ID, putKey, k.ID, k.Alg, k.Public, sealed(k.Sealed), micros(k.Created), micros(k.Signs), micros(k.Revoked))
}

// RemoveSigningKey removes a key.
func (t *tx) RemoveSigningKey(id string) error { return t.write("signing key "+id, deleteKey, id) }

// CAKeys reads the keys that sign certificates.
func (t *tx) CAKeys() (found []store.CAKey, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	err = t.rows(selectCAKeys, nil, func(scan scan) error {
		var k store.CAKey
		var created, retired *int64
		err := scan(&k.ID, &k.Certificate, &k.Chain, &k.Sealed, &created, &retired)
		k.Sealed = some(k.Sealed)
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
	return t.write("CA key "+k.ID, putCAKey, k.ID, k.Certificate, k.Chain, sealed(k.Sealed), micros(k.Created), micros(k.Retired))
}

// Revocations reads what was revoked and has not ended by itself.
func (t *tx) Revocations(now int64) (found []store.Revocation, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	err = t.rows(selectRevocations, []any{now}, func(scan scan) error {
		var r store.Revocation
		var revoked *int64
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
