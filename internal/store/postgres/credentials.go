package postgres

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// The queries are those of secrets, with the kind.
const (
	selectCredential = `SELECT ` + row.CredentialColumns + ` FROM agents JOIN credentials ON agent = n
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

	someCredentials = `SELECT agents.id, ` + row.CredentialColumns + ` FROM agents, LATERAL (
		SELECT * FROM credentials WHERE agent = n AND kind = $4::text AND revoked IS NULL AND expires = 0
		UNION ALL SELECT * FROM credentials WHERE agent = n AND kind = $4::text AND revoked IS NULL AND expires > greatest(0, $2::bigint)
		UNION ALL (SELECT * FROM credentials WHERE agent = n AND kind = $4::text
			AND NOT (revoked IS NULL AND (expires = 0 OR expires > $2::bigint))
			ORDER BY created DESC, id DESC LIMIT $3::bigint)) credentials WHERE agents.id = ANY ($1::text[])`
)

// Credential reads a credential.
func (t *tx) Credential(agentID string, kind store.Kind, id string) (store.Credential, error) {
	found, err := find(t, string(kind)+" "+id+" of agent "+agentID, row.Credential, selectCredential, agentID, string(kind), id)
	found.AgentID, found.Kind = agentID, kind
	return found, err
}

// Credentials reads those of several agents.
func (t *tx) Credentials(agentIDs []string, kind store.Kind, now int64, dead int) (map[string][]store.Credential, error) {
	of, err := byAgent(t, string(kind)+"s of agents", row.Credential, someCredentials, agentIDs, now, max(0, dead), string(kind))
	for id, found := range of {
		row.CredentialsOf(id, kind, found)
	}
	return of, err
}

// AddCredential adds a credential.
func (t *tx) AddCredential(c store.Credential) error {
	return t.add(string(c.Kind)+" "+c.ID+" of agent "+c.AgentID, insertCredential, agentThere, row.CredentialValues(c)...)
}

// SetCredential replaces a credential.
func (t *tx) SetCredential(c store.Credential) error {
	return t.write(string(c.Kind)+" "+c.ID+" of agent "+c.AgentID, updateCredential, row.CredentialValues(c)...)
}
