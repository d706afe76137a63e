package sqlite

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectSecret = `SELECT ` + row.SecretColumns + ` FROM agents JOIN secrets ON agent = n WHERE agents.id = ?1 AND secrets.id = ?2`

	insertSecret = `INSERT INTO secrets (agent, id, digest, hint, creator, created, expires, retiring, ends, revoked,
		first_used, last_used) SELECT n, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM agents WHERE id = ?1`
	updateSecret = `UPDATE secrets SET (digest, hint, creator, created, expires, retiring, ends, revoked, first_used,
		last_used) = (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
		WHERE agent = (SELECT n FROM agents WHERE id = ?1) AND id = ?2`

	// However many were rotated out, one index finds the live ones, and
	// another the newest of the rest. SQLite, which knows nothing of that,
	// would look at all.
	unrevoked = `SELECT ` + row.SecretColumns + ` FROM agents JOIN secrets INDEXED BY secrets_unrevoked ON agent = n
		WHERE agents.id = ?1 AND revoked IS NULL AND expires `
	liveSecrets = unrevoked + `= 0 UNION ALL ` + unrevoked + `> max(0, ?2)`
	deadSecrets = `SELECT ` + row.SecretColumns + ` FROM agents JOIN secrets INDEXED BY secrets_newest ON agent = n
		WHERE agents.id = ?1 AND NOT (revoked IS NULL AND (expires = 0 OR expires > CAST(?2 AS INTEGER)))
		ORDER BY secrets.created DESC, secrets.id DESC LIMIT ?3`
)

// Secret reads a secret.
func (t *tx) Secret(agentID, secretID string) (store.Secret, error) {
	found, err := find(t, "secret "+secretID+" of agent "+agentID, row.Secret, selectSecret, agentID, secretID)
	found.AgentID = agentID
	return found, err
}

// Secrets reads the secrets of several agents.
func (t *tx) Secrets(agentIDs []string, now int64, dead int) (map[string][]store.Secret, error) {
	of := make(map[string][]store.Secret, len(agentIDs))
	for _, id := range agentIDs {
		found, err := list(t, "secrets of agent "+id, row.Secret, liveSecrets, id, now)
		if err == nil && dead > 0 {
			var gone []store.Secret
			gone, err = list(t, "secrets of agent "+id, row.Secret, deadSecrets, id, now, dead)
			found = append(found, gone...)
		}
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			row.SecretsOf(id, found)
			of[id] = found
		}
	}
	return of, nil
}

// AddSecret adds a secret.
func (t *tx) AddSecret(s store.Secret) error {
	return t.writeOf(s.AgentID, "secret "+s.ID+" of agent "+s.AgentID, insertSecret, row.SecretValues(s)...)
}

// SetSecret replaces a secret.
func (t *tx) SetSecret(s store.Secret) error {
	return t.writeOf(s.AgentID, "secret "+s.ID+" of agent "+s.AgentID, updateSecret, row.SecretValues(s)...)
}
