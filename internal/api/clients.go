package api

import (
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// How long the old secret of a management client works on beside a new one.
const (
	ClientGrace    = 24 * time.Hour // when nobody says
	MaxClientGrace = 720 * time.Hour
)

// ManagementClient is a program that may call the management API.
type ManagementClient struct {
	ClientID     string         `json:"clientId"`
	ClientSecret secret.Text    `json:"clientSecret,omitzero"` // only in the answer to the request that made it
	Name         string         `json:"name"`                  // for people; unique
	Scopes       []string       `json:"scopes"`
	CreatedAt    int64          `json:"createdAt"` // unix milliseconds
	CreatedBy    string         `json:"createdBy"`
	Secrets      []ClientSecret `json:"secrets"` // the live ones, newest first
}

// ClientSecret is what is told of a secret of a management client.
type ClientSecret struct {
	SecretID  string `json:"secretId"`
	Hint      string `json:"hint"`
	CreatedAt int64  `json:"createdAt"` // unix milliseconds
	ExpiresAt int64  `json:"expiresAt"` // unix seconds; 0 never
}

// ClientRequest asks for a management client (POST …/clients).
type ClientRequest struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"` // of those in Scopes
}

// ClientRotation asks for a new secret of a management client (POST
// …/clients/{id}/secrets).
type ClientRotation struct {
	// GraceSeconds is how long the newest of the old secrets works on, at
	// most MaxClientGrace; 0 ends all of them at once, and every token of the
	// client. nil means ClientGrace.
	GraceSeconds *int64 `json:"graceSeconds,omitempty"`
}

// ClientList is the answer to GET …/clients, oldest first.
type ClientList struct {
	Count int                `json:"count"`
	List  []ManagementClient `json:"list"`
}
