package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// AgentLogin is how an agent gets a token: with its own id and secret, not with
// what the client signs in with.
type AgentLogin struct {
	AgentID  string
	Secret   secret.Text
	Scopes   []string // none: no scope is asked for
	Audience string   // "": the server's default
}

// AgentToken is an access token of an agent.
type AgentToken struct {
	Value   secret.Text
	Type    string    // Bearer, mostly
	Expires time.Time // by the server's clock; zero when it does not tell
	Scope   string    // what was granted; "" when the server does not tell, or nothing was
}

// AgentToken gets a token for an agent (RFC 6749 §4.4). It may be repeated: a
// token more hurts nobody, and ends in minutes.
func (c *Client) AgentToken(ctx context.Context, l AgentLogin) (AgentToken, error) {
	credential, err := l.credential()
	if err != nil {
		return AgentToken{}, err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(l.Scopes) > 0 {
		form.Set("scope", strings.Join(l.Scopes, " "))
	}
	if l.Audience != "" {
		form.Set("resource", l.Audience) // RFC 8707
	}
	answer, err := do[tokenAnswer](ctx, c, call{
		method: http.MethodPost, path: api.PathToken, effect: reads, form: form,
		credential: credential, secrets: []secret.Text{l.Secret},
	})
	if err != nil {
		return AgentToken{}, fmt.Errorf("get a token for agent %s at %s: %w", l.AgentID, c.base+api.PathToken, err)
	}
	t := AgentToken{Value: answer.AccessToken, Type: answer.TokenType, Scope: answer.Scope}
	lives, err := answer.ExpiresIn.Int64()
	if now, ok := c.clock.now(); ok && err == nil && lives > 0 {
		t.Expires = now.Add(time.Duration(min(lives, 86400)) * time.Second)
	}
	return t, nil
}

// RevokeAgentToken ends a token of the agent (RFC 7009), signed in as the
// agent. When the answer is lost it is not sent again: the token ends by itself.
func (c *Client) RevokeAgentToken(ctx context.Context, l AgentLogin, token secret.Text) error {
	credential, err := l.credential()
	if err != nil {
		return err
	}
	_, err = do[nothing](ctx, c, call{
		method: http.MethodPost, path: api.PathRevokeToken, effect: once,
		form:       url.Values{"token": {token.Reveal()}, "token_type_hint": {"access_token"}},
		credential: credential, secrets: []secret.Text{l.Secret, token},
	})
	if err != nil {
		return fmt.Errorf("revoke a token of agent %s at %s: %w", l.AgentID, c.base+api.PathRevokeToken, err)
	}
	return nil
}

// credential is client_secret_basic with the agent's own secret.
func (l AgentLogin) credential() (secret.Text, error) {
	err := errors.Join(checkID("an agent", l.AgentID), checkValue("secret", l.Secret.Reveal(), nil))
	return clientCredentials{id: l.AgentID, secret: l.Secret}.basic(), err
}
