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

// AgentLogin is how an agent gets a token: with its own id and what it proves
// itself with, not with what the client signs in with.
type AgentLogin struct {
	AgentID string
	Secret  secret.Text
	Proof   Proof    // instead of Secret; nil for none
	Scopes  []string // none: no scope is asked for
	// Audiences are whom the token is for; none: the server's default.
	Audiences []string
}

// AgentToken is an access token of an agent.
type AgentToken struct {
	Value   secret.Text
	Type    string    // Bearer, mostly
	Expires time.Time // by the server's clock; zero when it does not tell
	// Life is how long it lives from its issue; 0 when the server does not tell.
	Life  time.Duration
	Scope string // what was granted; "" when the server does not tell, or nothing was
}

// AgentToken gets a token for an agent (RFC 6749 §4.4). It may be repeated: a
// token more hurts nobody, and ends in minutes.
func (c *Client) AgentToken(ctx context.Context, l AgentLogin) (AgentToken, error) {
	in, err := l.login(ctx, c)
	if err != nil {
		return AgentToken{}, err
	}
	defer in.done()
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(l.Scopes) > 0 {
		form.Set("scope", strings.Join(l.Scopes, " "))
	}
	for _, audience := range l.Audiences {
		form.Add("resource", audience) // RFC 8707
	}
	answer, err := do[tokenAnswer](ctx, c, in.over(call{
		method: http.MethodPost, path: api.PathToken, effect: reads, form: form, secrets: []secret.Text{l.Secret},
	}))
	if err != nil {
		return AgentToken{}, fmt.Errorf("get a token for agent %s at %s: %w", l.AgentID, c.base+api.PathToken, err)
	}
	t := AgentToken{Value: answer.AccessToken, Type: answer.TokenType, Scope: answer.Scope}
	lives, err := answer.ExpiresIn.Int64()
	if err == nil && lives > 0 {
		t.Life = time.Duration(min(lives, 86400)) * time.Second
	}
	if now, ok := c.clock.now(); ok && t.Life > 0 {
		t.Expires = now.Add(t.Life)
	}
	return t, nil
}

// RevokeAgentToken ends a token of the agent (RFC 7009), signed in as the
// agent. When the answer is lost it is not sent again: the token ends by itself.
func (c *Client) RevokeAgentToken(ctx context.Context, l AgentLogin, token secret.Text) error {
	in, err := l.login(ctx, c)
	if err != nil {
		return err
	}
	defer in.done()
	_, err = do[nothing](ctx, c, in.over(call{
		method: http.MethodPost, path: api.PathRevokeToken, effect: once,
		form:    url.Values{"token": {token.Reveal()}, "token_type_hint": {"access_token"}},
		secrets: []secret.Text{l.Secret, token},
	}))
	if err != nil {
		return fmt.Errorf("revoke a token of agent %s at %s: %w", l.AgentID, c.base+api.PathRevokeToken, err)
	}
	return nil
}

// login is how the agent signs in.
func (l AgentLogin) login(ctx context.Context, c *Client) (login, error) {
	p := l.Proof
	if p == nil {
		p = SecretProof("secret", l.Secret)
	}
	if err := errors.Join(checkID("an agent", l.AgentID), p.check()); err != nil {
		return login{}, err
	}
	in, err := p.login(ctx, c, l.AgentID)
	if err != nil {
		return login{}, fmt.Errorf("sign in as agent %s at %s: %w", l.AgentID, c.root, err)
	}
	return in, nil
}
