package sqlite

import (
	"cmp"
	"database/sql"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// The columns of a secret, in the order of secretValues and scanSecret. n is
// the number by which the other tables know an agent.
const (
	secretColumns = `secrets.id, digest, hint, creator, secrets.created, expires, retiring, ends, revoked, first_used, last_used`
	selectSecret  = `SELECT ` + secretColumns + ` FROM agents JOIN secrets ON agent = n WHERE agents.id = ?1 AND secrets.id = ?2`

	insertSecret = `INSERT INTO secrets (agent, id, digest, hint, creator, created, expires, retiring, ends, revoked,
		first_used, last_used) SELECT n, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM agents WHERE id = ?1`
	updateSecret = `UPDATE secrets SET (digest, hint, creator, created, expires, retiring, ends, revoked, first_used,
		last_used) = (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
		WHERE agent = (SELECT n FROM agents WHERE id = ?1) AND id = ?2`

	// However many were rotated out, one index finds the live ones, and
	// another the newest of the rest. SQLite, which knows nothing of that,
	// would look at all.
	unrevoked = `SELECT ` + secretColumns + ` FROM agents JOIN secrets INDEXED BY secrets_unrevoked ON agent = n
		WHERE agents.id = ?1 AND revoked IS NULL AND expires `
	liveSecrets = unrevoked + `= 0 UNION ALL ` + unrevoked + `> max(0, ?2)`
	deadSecrets = `SELECT ` + secretColumns + ` FROM agents JOIN secrets INDEXED BY secrets_newest ON agent = n
		WHERE agents.id = ?1 AND NOT (revoked IS NULL AND (expires = 0 OR expires > CAST(?2 AS INTEGER)))
		ORDER BY secrets.created DESC, secrets.id DESC LIMIT ?3`
)

func secretValues(s store.Secret) []any {
	return []any{
		s.AgentID, s.ID, s.Digest, s.Hint, s.Creator, s.Created, s.Expires, s.Retiring, s.Ends, micros(s.Revoked),
		micros(s.FirstUsed), micros(s.LastUsed),
	}
}

func scanSecret(agentID string, scan scan) (store.Secret, error) {
	s := store.Secret{AgentID: agentID}
	var revoked, firstUsed, lastUsed sql.NullInt64
	err := scan(&s.ID, &s.Digest, &s.Hint, &s.Creator, &s.Created, &s.Expires, &s.Retiring, &s.Ends, &revoked,
		&firstUsed, &lastUsed)
	s.Revoked, s.FirstUsed, s.LastUsed = moment(revoked), moment(firstUsed), moment(lastUsed)
	return s, err
}

// secrets reads the secrets of one agent that a query finds.
func (t *tx) secrets(query, agentID string, args ...any) (found []store.Secret, err error) {
	err = t.c.rows(query, append([]any{agentID}, args...), func(scan scan) error {
		s, err := scanSecret(agentID, scan)
		found = append(found, s)
		return err
	})
	return found, err
}

// Secret reads a secret.
func (t *tx) Secret(agentID, secretID string) (store.Secret, error) {
	if err := t.ready(); err != nil {
		return store.Secret{}, err
	}
	found, err := t.secrets(selectSecret, agentID, secretID)
	if err == nil && len(found) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return store.Secret{}, t.fail("secret "+secretID+" of agent "+agentID, err)
	}
	return found[0], nil
}

// Secrets reads the secrets of several agents.
func (t *tx) Secrets(agentIDs []string, now int64, dead int) (map[string][]store.Secret, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	all := make(map[string][]store.Secret, len(agentIDs))
	for _, id := range agentIDs {
		found, err := t.secrets(liveSecrets, id, now)
		if err == nil && dead > 0 {
			var gone []store.Secret
			gone, err = t.secrets(deadSecrets, id, now, dead)
			found = append(found, gone...)
		}
		if err != nil {
			return nil, t.fail("secrets of agent "+id, err)
		}
		if len(found) > 0 {
			slices.SortFunc(found, newestFirst)
			all[id] = found
		}
	}
	return all, nil
}

func newestFirst(a, b store.Secret) int {
	return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
}

// AddSecret adds a secret.
func (t *tx) AddSecret(s store.Secret) error {
	return t.writeOf(s.AgentID, "secret "+s.ID+" of agent "+s.AgentID, insertSecret, secretValues(s)...)
}

// SetSecret replaces a secret.
func (t *tx) SetSecret(s store.Secret) error {
	return t.writeOf(s.AgentID, "secret "+s.ID+" of agent "+s.AgentID, updateSecret, secretValues(s)...)
}
