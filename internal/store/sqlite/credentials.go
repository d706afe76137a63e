package sqlite

import (
	"cmp"
	"database/sql"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// The columns of a credential, in the order of credentialValues and
// scanCredential. The queries are those of secrets, with the kind.
const (
	credentialColumns = `credentials.id, creator, alg, public, thumbprint, source, certificate, fingerprint, ca, subject,
		not_before, not_after, credentials.created, expires, retiring, ends, revoked, first_used, last_used`
	selectCredential = `SELECT ` + credentialColumns + ` FROM agents JOIN credentials ON agent = n
		WHERE agents.id = ?1 AND kind = ?2 AND credentials.id = ?3`

	insertCredential = `INSERT INTO credentials (agent, kind, id, creator, alg, public, thumbprint, source, certificate,
		fingerprint, ca, subject, not_before, not_after, created, expires, retiring, ends, revoked, first_used, last_used)
		SELECT n, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21
		FROM agents WHERE id = ?1`
	updateCredential = `UPDATE credentials SET (creator, alg, public, thumbprint, source, certificate, fingerprint, ca,
		subject, not_before, not_after, created, expires, retiring, ends, revoked, first_used, last_used) =
		(?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
		WHERE agent = (SELECT n FROM agents WHERE id = ?1) AND kind = ?2 AND id = ?3`

	unrevokedCredentials = `SELECT ` + credentialColumns + ` FROM agents JOIN credentials INDEXED BY credentials_unrevoked
		ON agent = n WHERE agents.id = ?1 AND kind = ?2 AND revoked IS NULL AND expires `
	liveCredentials = unrevokedCredentials + `= 0 UNION ALL ` + unrevokedCredentials + `> max(0, ?3)`
	deadCredentials = `SELECT ` + credentialColumns + ` FROM agents JOIN credentials INDEXED BY credentials_newest
		ON agent = n WHERE agents.id = ?1 AND kind = ?2 AND NOT (revoked IS NULL AND (expires = 0 OR expires > CAST(?3 AS INTEGER)))
		ORDER BY credentials.created DESC, credentials.id DESC LIMIT ?4`

	touchCredential = `UPDATE credentials SET first_used = coalesce(first_used, ?4), last_used = max(coalesce(last_used, 0), ?4)
		WHERE agent = (SELECT n FROM agents WHERE id = ?1) AND kind = ?2 AND id = ?3`
)

func credentialValues(c store.Credential) []any {
	return []any{
		c.AgentID, string(c.Kind), c.ID, c.Creator, c.Alg, c.Public, c.Thumbprint, c.Source, c.Certificate, c.Fingerprint,
		c.CA, store.EncodeText(c.Subject), c.NotBefore, c.NotAfter, c.Created, c.Expires, c.Retiring, c.Ends, micros(c.Revoked),
		micros(c.FirstUsed), micros(c.LastUsed),
	}
}

func scanCredential(agentID string, kind store.Kind, scan scan) (store.Credential, error) {
	c := store.Credential{AgentID: agentID, Kind: kind}
	var revoked, firstUsed, lastUsed sql.NullInt64
	var subject string
	err := scan(&c.ID, &c.Creator, &c.Alg, &c.Public, &c.Thumbprint, &c.Source, &c.Certificate, &c.Fingerprint, &c.CA,
		&subject, &c.NotBefore, &c.NotAfter, &c.Created, &c.Expires, &c.Retiring, &c.Ends, &revoked, &firstUsed, &lastUsed)
	if err == nil {
		err = decode(subject, &c.Subject)
	}
	c.Revoked, c.FirstUsed, c.LastUsed = moment(revoked), moment(firstUsed), moment(lastUsed)
	return c, err
}

// credentials reads those of one agent that a query finds.
func (t *tx) credentials(query, agentID string, kind store.Kind, args ...any) (found []store.Credential, err error) {
	err = t.c.rows(query, append([]any{agentID, string(kind)}, args...), func(scan scan) error {
		c, err := scanCredential(agentID, kind, scan)
		found = append(found, c)
		return err
	})
	return found, err
}

// Credential reads a credential.
func (t *tx) Credential(agentID string, kind store.Kind, id string) (store.Credential, error) {
	if err := t.ready(); err != nil {
		return store.Credential{}, err
	}
	found, err := t.credentials(selectCredential, agentID, kind, id)
	if err == nil && len(found) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return store.Credential{}, t.fail(string(kind)+" "+id+" of agent "+agentID, err)
	}
	return found[0], nil
}

// Credentials reads those of several agents.
func (t *tx) Credentials(agentIDs []string, kind store.Kind, now int64, dead int) (map[string][]store.Credential, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	all := make(map[string][]store.Credential, len(agentIDs))
	for _, id := range agentIDs {
		found, err := t.credentials(liveCredentials, id, kind, now)
		if err == nil && dead > 0 {
			var gone []store.Credential
			gone, err = t.credentials(deadCredentials, id, kind, now, dead)
			found = append(found, gone...)
		}
		if err != nil {
			return nil, t.fail(string(kind)+"s of agent "+id, err)
		}
		if len(found) > 0 {
			slices.SortFunc(found, func(a, b store.Credential) int {
				return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
			})
			all[id] = found
		}
	}
	return all, nil
}

// AddCredential adds a credential.
func (t *tx) AddCredential(c store.Credential) error {
	return t.writeOf(c.AgentID, string(c.Kind)+" "+c.ID+" of agent "+c.AgentID, insertCredential, credentialValues(c)...)
}

// SetCredential replaces a credential.
func (t *tx) SetCredential(c store.Credential) error {
	return t.writeOf(c.AgentID, string(c.Kind)+" "+c.ID+" of agent "+c.AgentID, updateCredential, credentialValues(c)...)
}
