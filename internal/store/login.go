package store

import "time"

// Client is a management client: a program that may call the management API.
// Its ids are a space of their own, apart from those of agents.
type Client struct {
	ID      string // lower-case UUID
	Name    string // for people; unique
	Scopes  []string
	Epoch   int64 // as an agent's
	Secrets []ClientSecret
	Keys    []ClientKey
	Created time.Time
	Creator string
}

// ClientSecret is one secret of a management client.
type ClientSecret struct {
	ID      string `json:"id"`
	Digest  string `json:"digest"`
	Hint    string `json:"hint"`
	Created int64  `json:"created"` // unix milliseconds
	Expires int64  `json:"expires"` // unix seconds; 0 never
}

// Live reports whether the secret can be used at now.
func (s ClientSecret) Live(now time.Time) bool { return s.Expires == 0 || now.Unix() < s.Expires }

// ClientKey is one public key of a management client, or a certificate or a
// subject by which it is known. A program that knows no subjects finds nothing
// in such a record to sign in with.
type ClientKey struct {
	ID          string            `json:"id"`                    // as of a Credential
	Alg         string            `json:"alg,omitempty"`         // as of a Credential
	Public      string            `json:"public,omitempty"`      // as of a Credential; of a key only
	Fingerprint string            `json:"fingerprint,omitempty"` // as of a Credential
	Subject     map[string]string `json:"subject,omitempty"`     // as of a Credential
	Created     int64             `json:"created"`               // unix milliseconds
	Expires     int64             `json:"expires"`               // unix seconds; 0 never
	Retiring    bool              `json:"retiring,omitempty"`    // as of a Credential
}

// Kind says what it is.
func (k ClientKey) Kind() Kind {
	if k.Fingerprint != "" && k.Public == "" || len(k.Subject) > 0 {
		return CertificateKind
	}
	return KeyKind
}

// Live reports whether the key can be used at now.
func (k ClientKey) Live(now time.Time) bool { return k.Expires == 0 || now.Unix() < k.Expires }

// SigningKey is a key that signs tokens. Its private half is sealed: only who
// has the seal key can sign.
type SigningKey struct {
	ID      string // kid, RFC 7638
	Alg     string // JOSE name: ES256, EdDSA, RS256
	Public  string // JWK, JSON
	Sealed  []byte
	Created time.Time // published since
	Signs   time.Time // signs since, and until a newer one does
	Revoked time.Time // zero: not; a revoked key is not published and verifies nothing
}

// Use is that a credential was used.
type Use struct {
	AgentID  string
	Kind     Kind // of the credential; "" for a secret
	SecretID string
	At       time.Time
}

// EntryQuery asks for audit entries. The zero value of a field does not
// restrict.
type EntryQuery struct {
	After   int64 // Seq greater than this
	Through int64 // Seq not greater than this
	Limit   int   // at most this many; 0 or less: none
	AgentID string
	Actor   string
	Action  string // exact, or the part before the dot: "secret"
	Outcome string
	Since   time.Time
	Until   time.Time // exclusive
}
