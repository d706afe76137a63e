package authority

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	// scopeOpenID is the scope by which an application asks for an ID token.
	scopeOpenID = "openid"
	// idTokenType is the typ of ID tokens. It is not that of access tokens:
	// an ID token opens nothing.
	idTokenType = "JWT"
)

// idClaims are those of an ID token (OpenID Connect Core §2).
type idClaims struct {
	Issuer         string `json:"iss"`
	Subject        string `json:"sub"`
	Audience       string `json:"aud"` // the application
	Expires        int64  `json:"exp"`
	IssuedAt       int64  `json:"iat"`
	Nonce          string `json:"nonce,omitempty"`
	AuthorizedUser string `json:"aut"` // as on WSO2
}

// idToken tells an application which agent logged in, if it asked for that.
// Clients for Asgardeo check it before they take the access token beside it.
func (i *Issuer) idToken(ctx context.Context, c code) (secret.Text, error) {
	if !slices.Contains(c.Scopes, scopeOpenID) {
		return secret.Text{}, nil
	}
	now := i.a.Now()
	payload, err := json.Marshal(idClaims{
		Issuer: i.url, Subject: c.Agent, Audience: c.Client, Expires: now.Add(i.life).Unix(), IssuedAt: now.Unix(),
		Nonce: c.Nonce, AuthorizedUser: autAgent,
	})
	if err != nil {
		return secret.Text{}, fmt.Errorf("encode an ID token: %w", err)
	}
	text, err := i.signAs(ctx, idTokenType, payload)
	return secret.New(text), err
}
