package postgres

import (
	"cmp"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// The columns of a secret, in the order of secretValues and scanSecret. n is
// the number by which the other tables know an agent.
const (
	secretColumns = `agents.id, secrets.id, digest, hint, creator, secrets.created, expires, retiring, ends, revoked, first_used, last_used`
	selectSecret  = `SELECT ` + secretColumns + ` FROM agents JOIN secrets ON agent = n WHERE agents.id = $1 AND secrets.id = $2`

	insertSecret = `INSERT INTO secrets (agent, id, digest, hint, creator, created, expires, retiring, ends, revoked,
		first_used, last_used) SELECT n, $2::text, $3::text, $4::text, $5::text, $6::bigint, $7::bigint, $8::boolean,
		$9::bigint, $10::bigint, $11::bigint, $12::bigint FROM agents WHERE id = $1 ON CONFLICT DO NOTHING`
	updateSecret = `UPDATE secrets SET (digest, hint, creator, created, expires, retiring, ends, revoked, first_used,
		last_used) = ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		WHERE agent = (SELECT n FROM agents WHERE id = $1) AND id = $2`

	// However many were rotated out, one index finds the live ones of each agent,
	// and another the newest of the rest.
	someSecrets = `SELECT ` + secretColumns + ` FROM agents, LATERAL (
		SELECT * FROM secrets WHERE agent = n AND revoked IS NULL AND expires = 0
		UNION ALL SELECT * FROM secrets WHERE agent = n AND revoked IS NULL AND expires > greatest(0, $2::bigint)
		UNION ALL (SELECT * FROM secrets WHERE agent = n AND NOT (revoked IS NULL AND (expires = 0 OR expires > $2::bigint))
			ORDER BY created DESC, id DESC LIMIT $3::bigint)) secrets WHERE agents.id = ANY ($1::text[])`
)

func secretValues(s store.Secret) []any {
	return []any{
		s.AgentID, s.ID, s.Digest, s.Hint, s.Creator, s.Created, s.Expires, s.Retiring, s.Ends, micros(s.Revoked),
		micros(s.FirstUsed), micros(s.LastUsed),
	}
}

func scanSecret(scan scan) (s store.Secret, err error) {
	var revoked, firstUsed, lastUsed *int64
	err = scan(&s.AgentID, &s.ID, &s.Digest, &s.Hint, &s.Creator, &s.Created, &s.Expires, &s.Retiring, &s.Ends, &revoked,
		&firstUsed, &lastUsed)
	s.Revoked, s.FirstUsed, s.LastUsed = moment(revoked), moment(firstUsed), moment(lastUsed)
	return s, err
}

// Secret reads a secret.
func (t *tx) Secret(agentID, secretID string) (found store.Secret, err error) {
	if err := t.ready(); err != nil {
		return found, err
	}
	err = pgx.ErrNoRows
	if e := t.rows(selectSecret, []any{agentID, secretID}, func(scan scan) error {
		found, err = scanSecret(scan)
		return err
	}); e != nil {
		err = e
	}
	return found, t.fail("secret "+secretID+" of agent "+agentID, err)
}

// Secrets reads the secrets of several agents.
func (t *tx) Secrets(agentIDs []string, now int64, dead int) (map[string][]store.Secret, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	all := make(map[string][]store.Secret, len(agentIDs))
	if err := t.rows(someSecrets, []any{agentIDs, now, max(0, dead)}, func(scan scan) error {
		s, err := scanSecret(scan)
		all[s.AgentID] = append(all[s.AgentID], s)
		return err
	}); err != nil {
		return nil, t.fail("secrets of agents", err)
	}
	for _, found := range all {
		slices.SortFunc(found, func(a, b store.Secret) int {
			return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
		})
	}
	return all, nil
}

// AddSecret adds a secret.
func (t *tx) AddSecret(s store.Secret) error {
	return t.add("secret "+s.ID+" of agent "+s.AgentID, insertSecret, agentThere, secretValues(s)...)
}

// SetSecret replaces a secret.
func (t *tx) SetSecret(s store.Secret) error {
	return t.write("secret "+s.ID+" of agent "+s.AgentID, updateSecret, secretValues(s)...)
}
