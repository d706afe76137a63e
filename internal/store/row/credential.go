package row

import (
	"cmp"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// SecretColumns are those of a secret, in the order of Secret. Whose it is the
// table of agents says: a secret has the number by which the other tables know an
// agent, and a record has its id.
const SecretColumns = `secrets.id, digest, hint, creator, secrets.created, expires, retiring, ends, revoked, first_used, last_used`

// SecretValues is how a secret is kept: the id of the agent, and the columns.
func SecretValues(s store.Secret) []any {
	return []any{
		s.AgentID, s.ID, s.Digest, s.Hint, s.Creator, s.Created, s.Expires, s.Retiring, s.Ends, micros(s.Revoked),
		micros(s.FirstUsed), micros(s.LastUsed),
	}
}

// Secret reads a secret but for whose it is.
func Secret(scan Scan) (s store.Secret, err error) {
	err = scan(
		&s.ID, &s.Digest, &s.Hint, &s.Creator, &s.Created, &s.Expires, &s.Retiring, &s.Ends, moment{&s.Revoked},
		moment{&s.FirstUsed}, moment{&s.LastUsed},
	)
	return s, err
}

// SecretsOf says whose secrets those are, and sorts them: the newest first.
func SecretsOf(agentID string, found []store.Secret) {
	for i := range found {
		found[i].AgentID = agentID
	}
	slices.SortFunc(found, func(a, b store.Secret) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
	})
}

// CredentialColumns are those of a credential, in the order of Credential. Whose
// it is they say as little as those of a secret; who asks knows of which kind.
const CredentialColumns = `credentials.id, creator, alg, public, thumbprint, source, certificate, fingerprint, ca, subject,
	not_before, not_after, credentials.created, expires, retiring, ends, revoked, first_used, last_used`

// CredentialValues is how a credential is kept: the id of the agent, the kind, and
// the columns.
func CredentialValues(c store.Credential) []any {
	return []any{
		c.AgentID, string(c.Kind), c.ID, c.Creator, c.Alg, c.Public, c.Thumbprint, c.Source, c.Certificate, c.Fingerprint,
		c.CA, store.EncodeText(c.Subject), c.NotBefore, c.NotAfter, c.Created, c.Expires, c.Retiring, c.Ends, micros(c.Revoked),
		micros(c.FirstUsed), micros(c.LastUsed),
	}
}

// Credential reads a credential but for whose it is, and its kind.
func Credential(scan Scan) (c store.Credential, err error) {
	err = scan(
		&c.ID, &c.Creator, &c.Alg, &c.Public, &c.Thumbprint, &c.Source, &c.Certificate, &c.Fingerprint,
		&c.CA, coded[map[string]string]{&c.Subject}, &c.NotBefore, &c.NotAfter, &c.Created, &c.Expires, &c.Retiring, &c.Ends,
		moment{&c.Revoked}, moment{&c.FirstUsed}, moment{&c.LastUsed},
	)
	return c, err
}

// CredentialsOf says whose credentials those are, and of which kind, and sorts
// them: the newest first.
func CredentialsOf(agentID string, kind store.Kind, found []store.Credential) {
	for i := range found {
		found[i].AgentID, found[i].Kind = agentID, kind
	}
	slices.SortFunc(found, func(a, b store.Credential) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
	})
}
