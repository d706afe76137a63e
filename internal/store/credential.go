package store

import "time"

// Kind says what a Credential is. Each kind has ids of its own.
type Kind string

// The kinds.
const (
	KeyKind         Kind = "key"         // for private_key_jwt; the id is its kid
	CertificateKind Kind = "certificate" // for mutual TLS; the id is its serial number, or one of our making
)

// Credential is what an agent proves itself with by the private half that only
// it has: the record holds what is public. It lives and dies as a Secret does,
// and records of dead ones stay as well.
type Credential struct {
	AgentID string
	Kind    Kind
	ID      string // unique in its agent and kind
	Creator string // the principal that made it

	Alg        string // JOSE name that the key is bound to; "" of what is not one key
	Public     string // the key as a JWK (RFC 7517); "" where it is found at Source
	Thumbprint string // of the key, RFC 7638
	Source     string // jwks_uri: where the keys are
	// Certificate is one in PEM; "" where a key or a subject is trusted.
	Certificate string
	Fingerprint string            // of the certificate: x5t#S256 (RFC 8705 §3.1)
	CA          string            // CAKey.ID of ours that signed the certificate; "" where none did
	Subject     map[string]string // what a certificate must name, by the five names of RFC 8705 §2.1.2
	NotBefore   int64             // of the certificate, unix seconds
	NotAfter    int64             // of the certificate, unix seconds

	Created  int64 // unix milliseconds; strictly growing in an agent, secrets included
	Expires  int64 // unix seconds; 0 never
	Retiring bool  // superseded by a newer one; lives until Expires
	Ends     int64 // as of a Secret
	Revoked  time.Time

	FirstUsed time.Time
	LastUsed  time.Time
}

// Live reports whether the credential can be used to authenticate at now.
func (c Credential) Live(now time.Time) bool {
	return c.Revoked.IsZero() && (c.Expires == 0 || now.Unix() < c.Expires)
}

// CAKey is a key that signs certificates of agents, with its certificate. Its
// private half is sealed, as that of a SigningKey.
type CAKey struct {
	ID          string // lower-case UUID
	Certificate string // PEM
	Chain       string // PEM: those above it, without the root; often ""
	Sealed      []byte
	Created     time.Time
	Retired     time.Time // zero: it signs certificates; one that is retired signs revocation lists only
}

// Revocation says that a certificate of our CA ends before it says so itself. It
// outlives the agent.
type Revocation struct {
	CA      string    // CAKey.ID
	Serial  string    // lower-case hexadecimal
	Revoked time.Time // when; one that is retiring ends later than now
	Expires int64     // when the certificate ends, unix seconds
}
