package postgres

import (
	"cmp"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// The columns of a credential, in the order of credentialValues and
// scanCredential. The queries are those of secrets, with the kind.
const (
	credentialColumns = `agents.id, credentials.id, creator, alg, public, thumbprint, source, certificate, fingerprint, ca,
		subject, not_before, not_after, credentials.created, expires, retiring, ends, revoked, first_used, last_used`
	selectCredential = `SELECT ` + credentialColumns + ` FROM agents JOIN credentials ON agent = n
		WHERE agents.id = $1 AND kind = $2 AND credentials.id = $3`

	insertCredential = `INSERT INTO credentials (agent, kind, id, creator, alg, public, thumbprint, source, certificate,
		fingerprint, ca, subject, not_before, not_after, created, expires, retiring, ends, revoked, first_used, last_used)
		SELECT n, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text, $11::text,
		$12::text, $13::bigint, $14::bigint, $15::bigint, $16::bigint, $17::boolean, $18::bigint, $19::bigint, $20::bigint,
		$21::bigint FROM agents WHERE id = $1 ON CONFLICT DO NOTHING`
	updateCredential = `UPDATE credentials SET (creator, alg, public, thumbprint, source, certificate, fingerprint, ca,
		subject, not_before, not_after, created, expires, retiring, ends, revoked, first_used, last_used) =
		($4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
		WHERE agent = (SELECT n FROM agents WHERE id = $1) AND kind = $2 AND id = $3`

	someCredentials = `SELECT ` + credentialColumns + ` FROM agents, LATERAL (
		SELECT * FROM credentials WHERE agent = n AND kind = $4::text AND revoked IS NULL AND expires = 0
		UNION ALL SELECT * FROM credentials WHERE agent = n AND kind = $4::text AND revoked IS NULL AND expires > greatest(0, $2::bigint)
		UNION ALL (SELECT * FROM credentials WHERE agent = n AND kind = $4::text
			AND NOT (revoked IS NULL AND (expires = 0 OR expires > $2::bigint))
			ORDER BY created DESC, id DESC LIMIT $3::bigint)) credentials WHERE agents.id = ANY ($1::text[])`
)

func credentialValues(c store.Credential) []any {
	return []any{
		c.AgentID, string(c.Kind), c.ID, c.Creator, c.Alg, c.Public, c.Thumbprint, c.Source, c.Certificate, c.Fingerprint,
		c.CA, store.EncodeText(c.Subject), c.NotBefore, c.NotAfter, c.Created, c.Expires, c.Retiring, c.Ends, micros(c.Revoked),
		micros(c.FirstUsed), micros(c.LastUsed),
	}
}

func scanCredential(kind store.Kind, scan scan) (store.Credential, error) {
	c := store.Credential{Kind: kind}
	var revoked, firstUsed, lastUsed *int64
	var subject string
	err := scan(&c.AgentID, &c.ID, &c.Creator, &c.Alg, &c.Public, &c.Thumbprint, &c.Source, &c.Certificate, &c.Fingerprint, &c.CA,
		&subject, &c.NotBefore, &c.NotAfter, &c.Created, &c.Expires, &c.Retiring, &c.Ends, &revoked, &firstUsed, &lastUsed)
	if err == nil {
		err = decode(subject, &c.Subject)
	}
	c.Revoked, c.FirstUsed, c.LastUsed = moment(revoked), moment(firstUsed), moment(lastUsed)
	return c, err
}

// Credential reads a credential.
func (t *tx) Credential(agentID string, kind store.Kind, id string) (found store.Credential, err error) {
	if err := t.ready(); err != nil {
		return found, err
	}
	err = pgx.ErrNoRows
	if e := t.rows(selectCredential, []any{agentID, string(kind), id}, func(scan scan) error {
		found, err = scanCredential(kind, scan)
		return err
	}); e != nil {
		err = e
	}
	return found, t.fail(string(kind)+" "+id+" of agent "+agentID, err)
}

// Credentials reads those of several agents.
func (t *tx) Credentials(agentIDs []string, kind store.Kind, now int64, dead int) (map[string][]store.Credential, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	all := make(map[string][]store.Credential, len(agentIDs))
	if err := t.rows(someCredentials, []any{agentIDs, now, max(0, dead), string(kind)}, func(scan scan) error {
		c, err := scanCredential(kind, scan)
		all[c.AgentID] = append(all[c.AgentID], c)
		return err
	}); err != nil {
		return nil, t.fail(string(kind)+"s of agents", err)
	}
	for _, found := range all {
		slices.SortFunc(found, func(a, b store.Credential) int {
			return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
		})
	}
	return all, nil
}

// AddCredential adds a credential.
func (t *tx) AddCredential(c store.Credential) error {
	return t.add(string(c.Kind)+" "+c.ID+" of agent "+c.AgentID, insertCredential, agentThere, credentialValues(c)...)
}

// SetCredential replaces a credential.
func (t *tx) SetCredential(c store.Credential) error {
	return t.write(string(c.Kind)+" "+c.ID+" of agent "+c.AgentID, updateCredential, credentialValues(c)...)
}
