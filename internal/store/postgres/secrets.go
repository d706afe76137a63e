package postgres

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectSecret = `SELECT ` + row.SecretColumns + ` FROM agents JOIN secrets ON agent = n WHERE agents.id = $1 AND secrets.id = $2`

	insertSecret = `INSERT INTO secrets (agent, id, digest, hint, creator, created, expires, retiring, ends, revoked,
		first_used, last_used) SELECT n, $2::text, $3::text, $4::text, $5::text, $6::bigint, $7::bigint, $8::boolean,
		$9::bigint, $10::bigint, $11::bigint, $12::bigint FROM agents WHERE id = $1 ON CONFLICT DO NOTHING`
	updateSecret = `UPDATE secrets SET (digest, hint, creator, created, expires, retiring, ends, revoked, first_used,
		last_used) = ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		WHERE agent = (SELECT n FROM agents WHERE id = $1) AND id = $2`

	// However many were rotated out, one index finds the live ones of each agent,
	// and another the newest of the rest.
	someSecrets = `SELECT agents.id, ` + row.SecretColumns + ` FROM agents, LATERAL (
		SELECT * FROM secrets WHERE agent = n AND revoked IS NULL AND expires = 0
		UNION ALL SELECT * FROM secrets WHERE agent = n AND revoked IS NULL AND expires > greatest(0, $2::bigint)
		UNION ALL (SELECT * FROM secrets WHERE agent = n AND NOT (revoked IS NULL AND (expires = 0 OR expires > $2::bigint))
			ORDER BY created DESC, id DESC LIMIT $3::bigint)) secrets WHERE agents.id = ANY ($1::text[])`
)

// Secret reads a secret.
func (t *tx) Secret(agentID, secretID string) (store.Secret, error) {
	found, err := find(t, "secret "+secretID+" of agent "+agentID, row.Secret, selectSecret, agentID, secretID)
	found.AgentID = agentID
	return found, err
}

// Secrets reads the secrets of several agents.
func (t *tx) Secrets(agentIDs []string, now int64, dead int) (map[string][]store.Secret, error) {
	of, err := byAgent(t, "secrets of agents", row.Secret, someSecrets, agentIDs, now, max(0, dead))
	for id, found := range of {
		row.SecretsOf(id, found)
	}
	return of, err
}

// AddSecret adds a secret.
func (t *tx) AddSecret(s store.Secret) error {
	return t.add("secret "+s.ID+" of agent "+s.AgentID, insertSecret, agentThere, row.SecretValues(s)...)
}

// SetSecret replaces a secret.
func (t *tx) SetSecret(s store.Secret) error {
	return t.write("secret "+s.ID+" of agent "+s.AgentID, updateSecret, row.SecretValues(s)...)
}
