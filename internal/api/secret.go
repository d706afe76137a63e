package api

import "github.com/agentcreds/terraform-provider-agentcreds/internal/secret"

// Status is the state of a credential.
type Status string

// The states. Nothing leads back from Expired or Revoked.
const (
	Active   Status = "ACTIVE"
	Retiring Status = "RETIRING" // superseded; works until its expiry
	Expired  Status = "EXPIRED"
	Revoked  Status = "REVOKED"
)

// Secret is one secret of an agent, in the shape that WSO2 gives the secrets
// of applications.
type Secret struct {
	SecretID    string      `json:"secretId"`
	SecretValue secret.Text `json:"secretValue,omitzero"` // only when the server made it, once
	ExpiresAt   int64       `json:"expiresAt"`            // unix seconds; 0 never
	CreatedAt   int64       `json:"createdAt"`            // unix milliseconds, strictly growing in an agent
	Status      Status      `json:"status"`
	Latest      bool        `json:"latest"` // the newest of its agent, live or not
	Hint        string      `json:"hint,omitempty"`
	CreatedBy   string      `json:"createdBy,omitempty"`
	FirstUsedAt int64       `json:"firstUsedAt,omitempty"` // unix milliseconds
	LastUsedAt  int64       `json:"lastUsedAt,omitempty"`  // unix milliseconds
}

// Live reports whether the secret opens the door, by the server's clock.
func (s Secret) Live() bool { return s.Status == Active || s.Status == Retiring }

// SecretRequest asks for a new secret (POST …/secrets; PUT …/secrets/{id} with
// a value).
type SecretRequest struct {
	SecretValue secret.Text `json:"secretValue,omitzero"` // zero: the server makes one (POST only)
	ExpiresAt   int64       `json:"expiresAt,omitempty"`  // unix seconds; 0 never
	Previous    *Retire     `json:"previous,omitempty"`   // retires that one alone
	Revoke      []string    `json:"revoke,omitempty"`     // revokes these at once
}

// Retire lets a secret live until ExpiresAt, in unix seconds, and never longer
// than it would have; a time that is past ends it at once.
type Retire struct {
	SecretID  string `json:"secretId"`
	ExpiresAt int64  `json:"expiresAt"`
}

// SecretChange is the body of PATCH …/secrets/{id}.
type SecretChange struct {
	ExpiresAt *int64 `json:"expiresAt"` // unix seconds; 0 never
}

// SecretList is the answer to GET …/secrets: newest first, all live ones and
// the latest dead ones.
type SecretList struct {
	Count int      `json:"count"`
	List  []Secret `json:"list"`
}
