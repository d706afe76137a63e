package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// The scopes that managing agents takes on every server, and those of our
// extension. A WSO2 server drops scopes that it does not know; one that refuses
// them instead is asked again for its own alone.
var (
	scopesAgents = []string{
		"internal_agent_mgt_create", "internal_agent_mgt_list", "internal_agent_mgt_view",
		"internal_agent_mgt_update", "internal_agent_mgt_delete",
	}
	scopesExtension = []string{
		"internal_agent_credential_create", "internal_agent_credential_view",
		"internal_agent_credential_delete", "internal_agent_audit_view",
	}
)

// ClientCredentials signs in as a management client (an M2M application), at
// /oauth2/token below the base URL. Without scopes it asks for what managing
// agents takes.
func ClientCredentials(id string, s secret.Text, scopes ...string) Auth {
	return clientCredentials{id: id, secret: s, scopes: scopes}
}

type clientCredentials struct {
	id     string
	secret secret.Text
	scopes []string
}

func (a clientCredentials) check() error {
	return errors.Join(checkValue("client_id", a.id, nil), checkValue("client_secret", a.secret.Reveal(), nil))
}

// Format: fmt does not ask an unexported field how it wants to be printed.
func (a clientCredentials) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "client %q", a.id) }

func (a clientCredentials) secrets() []secret.Text { return []secret.Text{a.secret, a.basic()} }

// basic encodes id and secret as forms do before it joins them (RFC 6749
// §2.3.1): a WSO2 secret may hold % and &.
func (a clientCredentials) basic() secret.Text {
	return basic(url.QueryEscape(a.id), url.QueryEscape(a.secret.Reveal()))
}

func (a clientCredentials) authorizer(c *Client) authorizer {
	s := &tokenSource{auth: a, c: c, scopes: a.scopes}
	if len(s.scopes) == 0 {
		s.scopes, s.fewer = slices.Concat(scopesAgents, scopesExtension), scopesAgents
	}
	return s
}

// tokenSource keeps an access token until shortly before it ends. Those who
// need one at the same time share one request.
type tokenSource struct {
	auth    clientCredentials
	c       *Client
	flights flights[secret.Text]

	mu     sync.Mutex
	token  secret.Text // with "Bearer " before it
	until  time.Time   // monotonic
	scopes []string
	fewer  []string // asked for when the server refuses scopes; nil: nothing
}

func (s *tokenSource) header(ctx context.Context) (secret.Text, error) {
	if token, ok := s.cached(); ok {
		return token, nil
	}
	return s.flights.do(ctx, "", func(ctx context.Context) (secret.Text, error) {
		if token, ok := s.cached(); ok {
			return token, nil // it came between the look above and now
		}
		return s.fetch(ctx)
	})
}

func (s *tokenSource) cached() (secret.Text, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, !s.token.IsZero() && time.Now().Before(s.until)
}

// refused drops the token, unless there is already a newer one.
func (s *tokenSource) refused(header secret.Text) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.Equal(header) {
		s.token = secret.Text{}
	}
	return true
}

// tokenAnswer is RFC 6749 §5.1. Some servers send expires_in as a string, which
// json.Number takes too.
type tokenAnswer struct {
	AccessToken secret.Text `json:"access_token"`
	TokenType   string      `json:"token_type"`
	ExpiresIn   json.Number `json:"expires_in"`
	Scope       string      `json:"scope"`
}

func (s *tokenSource) fetch(ctx context.Context) (secret.Text, error) {
	s.mu.Lock()
	scopes, fewer := s.scopes, s.fewer
	s.mu.Unlock()
	answer, err := s.request(ctx, scopes)
	if fewer != nil && errors.Is(err, api.ErrInvalidScope) {
		scopes, fewer = fewer, nil
		answer, err = s.request(ctx, scopes)
	}
	if err != nil {
		return secret.Text{}, fmt.Errorf("sign in as the client %q at %s: %w", s.auth.id, s.c.base+api.PathToken, err)
	}
	lives, err := answer.ExpiresIn.Int64()
	if err != nil || lives <= 0 {
		lives = 300 // the server does not say; a 401 ends it earlier
	}
	life := time.Duration(min(lives, 86400)) * time.Second
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes, s.fewer = scopes, fewer
	s.token = secret.New("Bearer " + answer.AccessToken.Reveal())
	s.until = time.Now().Add(life - min(life/5, 30*time.Second))
	return s.token, nil
}

// request may be repeated: a token more hurts nobody.
func (s *tokenSource) request(ctx context.Context, scopes []string) (tokenAnswer, error) {
	return do[tokenAnswer](ctx, s.c, call{
		method: http.MethodPost, path: api.PathToken, effect: reads, credential: s.auth.basic(),
		form: url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scopes, " ")}},
	})
}
