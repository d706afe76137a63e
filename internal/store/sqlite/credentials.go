package sqlite

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// The queries are those of secrets, with the kind.
const (
	selectCredential = `SELECT ` + row.CredentialColumns + ` FROM agents JOIN credentials ON agent = n
		WHERE agents.id = ?1 AND kind = ?2 AND credentials.id = ?3`

	insertCredential = `INSERT INTO credentials (agent, kind, id, creator, alg, public, thumbprint, source, certificate,
		fingerprint, ca, subject, not_before, not_after, created, expires, retiring, ends, revoked, first_used, last_used)
		SELECT n, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21
		FROM agents WHERE id = ?1`
	updateCredential = `UPDATE credentials SET (creator, alg, public, thumbprint, source, certificate, fingerprint, ca,
		subject, not_before, not_after, created, expires, retiring, ends, revoked, first_used, last_used) =
		(?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
		WHERE agent = (SELECT n FROM agents WHERE id = ?1) AND kind = ?2 AND id = ?3`

	unrevokedCredentials = `SELECT ` + row.CredentialColumns + ` FROM agents JOIN credentials INDEXED BY credentials_unrevoked
		ON agent = n WHERE agents.id = ?1 AND kind = ?2 AND revoked IS NULL AND expires `
	liveCredentials = unrevokedCredentials + `= 0 UNION ALL ` + unrevokedCredentials + `> max(0, ?3)`
	deadCredentials = `SELECT ` + row.CredentialColumns + ` FROM agents JOIN credentials INDEXED BY credentials_newest
		ON agent = n WHERE agents.id = ?1 AND kind = ?2 AND NOT (revoked IS NULL AND (expires = 0 OR expires > CAST(?3 AS INTEGER)))
		ORDER BY credentials.created DESC, credentials.id DESC LIMIT ?4`

	touchCredential = `UPDATE credentials SET first_used = coalesce(first_used, ?4), last_used = max(coalesce(last_used, 0), ?4)
		WHERE agent = (SELECT n FROM agents WHERE id = ?1) AND kind = ?2 AND id = ?3`
)

// Credential reads a credential.
func (t *tx) Credential(agentID string, kind store.Kind, id string) (store.Credential, error) {
	found, err := find(t, string(kind)+" "+id+" of agent "+agentID, row.Credential, selectCredential, agentID, string(kind), id)
	found.AgentID, found.Kind = agentID, kind
	return found, err
}

// Credentials reads those of several agents.
func (t *tx) Credentials(agentIDs []string, kind store.Kind, now int64, dead int) (map[string][]store.Credential, error) {
	of := make(map[string][]store.Credential, len(agentIDs))
	for _, id := range agentIDs {
		what := string(kind) + "s of agent " + id
		found, err := list(t, what, row.Credential, liveCredentials, id, string(kind), now)
		if err == nil && dead > 0 {
			var gone []store.Credential
			gone, err = list(t, what, row.Credential, deadCredentials, id, string(kind), now, dead)
			found = append(found, gone...)
		}
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			row.CredentialsOf(id, kind, found)
			of[id] = found
		}
	}
	return of, nil
}

// AddCredential adds a credential.
func (t *tx) AddCredential(c store.Credential) error {
	return t.writeOf(c.AgentID, string(c.Kind)+" "+c.ID+" of agent "+c.AgentID, insertCredential, row.CredentialValues(c)...)
}

// SetCredential replaces a credential.
func (t *tx) SetCredential(c store.Credential) error {
	return t.writeOf(c.AgentID, string(c.Kind)+" "+c.ID+" of agent "+c.AgentID, updateCredential, row.CredentialValues(c)...)
}
