package api

import "encoding/json"

// Key is a public key of an agent, for private_key_jwt.
type Key struct {
	KID         string          `json:"kid"`
	Alg         string          `json:"alg,omitempty"`        // the one algorithm that it is good for; "" with a jwksUri
	JWK         json.RawMessage `json:"jwk,omitempty"`        // the required members (RFC 7638 §3.2)
	Thumbprint  string          `json:"thumbprint,omitempty"` // RFC 7638, SHA-256
	JWKSURI     string          `json:"jwksUri,omitempty"`    // where the keys are instead
	ExpiresAt   int64           `json:"expiresAt"`            // unix seconds; 0 never
	CreatedAt   int64           `json:"createdAt"`            // unix milliseconds, strictly growing in an agent
	Status      Status          `json:"status"`
	Latest      bool            `json:"latest"` // the newest key of its agent, live or not
	CreatedBy   string          `json:"createdBy,omitempty"`
	FirstUsedAt int64           `json:"firstUsedAt,omitempty"` // unix milliseconds
	LastUsedAt  int64           `json:"lastUsedAt,omitempty"`  // unix milliseconds
}

// Live reports whether the key opens the door, by the server's clock.
func (k Key) Live() bool { return k.Status == Active || k.Status == Retiring }

// KeyRequest asks for a new key (POST …/keys; PUT …/keys/{kid}). Exactly one of
// the first four members is set.
type KeyRequest struct {
	PublicKeyPEM   string          `json:"publicKeyPem,omitempty"`   // PUBLIC KEY or RSA PUBLIC KEY
	JWK            json.RawMessage `json:"jwk,omitempty"`            // public; its kid and alg count
	CertificatePEM string          `json:"certificatePem,omitempty"` // only its key is taken
	JWKSURI        string          `json:"jwksUri,omitempty"`        // https

	Alg       string     `json:"alg,omitempty"`       // "": the default of the kind of key
	ExpiresAt int64      `json:"expiresAt,omitempty"` // unix seconds; 0 never
	Previous  *RetireKey `json:"previous,omitempty"`  // retires that one alone
	Revoke    []string   `json:"revoke,omitempty"`    // revokes these at once
	// Claim makes one that is there already, and active, the newest of its
	// agent, with a createdAt of now: who had it before sees that it is another's.
	Claim bool `json:"claim,omitempty"`
}

// RetireKey lets a key live until ExpiresAt, as Retire does with a secret.
type RetireKey struct {
	KID       string `json:"kid"`
	ExpiresAt int64  `json:"expiresAt"`
}

// KeyChange is the body of PATCH …/keys/{kid}.
type KeyChange struct {
	ExpiresAt *int64 `json:"expiresAt"` // unix seconds; 0 never
}

// KeyList is the answer to GET …/keys: newest first, all live ones and the
// latest dead ones.
type KeyList struct {
	Count int   `json:"count"`
	List  []Key `json:"list"`
}
