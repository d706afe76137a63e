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
	// Keys and Certificates are the live ones, newest first.
	Keys         []ClientKey         `json:"keys,omitempty"`
	Certificates []ClientCertificate `json:"certificates,omitempty"`
}

// ClientSecret is what is told of a secret of a management client.
type ClientSecret struct {
	SecretID  string `json:"secretId"`
	Hint      string `json:"hint"`
	CreatedAt int64  `json:"createdAt"` // unix milliseconds
	ExpiresAt int64  `json:"expiresAt"` // unix seconds; 0 never
}

// ClientKey is what is told of a public key of a management client.
type ClientKey struct {
	KID       string `json:"kid"`
	Alg       string `json:"alg"`
	CreatedAt int64  `json:"createdAt"` // unix milliseconds
	ExpiresAt int64  `json:"expiresAt"` // unix seconds; 0 never
}

// ClientCertificate is what is told of a certificate of a management client, or
// of the subject that one must name.
type ClientCertificate struct {
	ID             string   `json:"id"`
	ThumbprintS256 string   `json:"thumbprintSha256,omitempty"` // x5t#S256 (RFC 8705 §3.1)
	Subject        *Subject `json:"subject,omitempty"`
	CreatedAt      int64    `json:"createdAt"` // unix milliseconds
	ExpiresAt      int64    `json:"expiresAt"` // unix seconds; 0 never
}

// ClientProof is what a management client signs in with beside a secret, or
// instead of one. Each member may be left out; of a certificate and a subject
// there is one.
type ClientProof struct {
	PublicKeyPEM   string   `json:"publicKeyPem,omitempty"`   // as of KeyRequest
	Alg            string   `json:"alg,omitempty"`            // of that key
	CertificatePEM string   `json:"certificatePem,omitempty"` // trusted as it is
	Subject        *Subject `json:"subject,omitempty"`        // trusted under the server's CA bundle
}

// ClientRequest asks for a management client (POST …/clients).
type ClientRequest struct {
	Name     string   `json:"name"`
	Scopes   []string `json:"scopes"` // of those in Scopes
	NoSecret bool     `json:"noSecret,omitempty"`
	ClientProof
}

// ClientRotation asks for a new secret of a management client (POST
// …/clients/{id}/secrets).
type ClientRotation struct {
	// GraceSeconds is how long the newest of the old secrets works on, at
	// most MaxClientGrace; 0 ends all of them at once, and every token of the
	// client. nil means ClientGrace.
	GraceSeconds *int64 `json:"graceSeconds,omitempty"`
}

// ClientCredentials asks for something else to sign in with (POST
// …/clients/{id}/credentials). What the client has of the kinds that come
// ends, after the grace of ClientRotation, and so does what is named.
type ClientCredentials struct {
	ClientRotation
	Secret bool `json:"secret,omitempty"` // a new one too
	ClientProof
	EndSecrets      bool `json:"endSecrets,omitempty"`
	EndKeys         bool `json:"endKeys,omitempty"`
	EndCertificates bool `json:"endCertificates,omitempty"`
}

// ClientList is the answer to GET …/clients, oldest first.
type ClientList struct {
	Count int                `json:"count"`
	List  []ManagementClient `json:"list"`
}
