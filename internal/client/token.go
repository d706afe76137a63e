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

// The scopes that managing agents takes on every server, those of our
// extension, and those of roles. Each is asked for when a call first needs it,
// so that a WSO2 server is asked for nothing that it does not know. One that
// refuses more is asked again for those of agents alone.
var (
	scopesAgents = []string{
		"internal_agent_mgt_create", "internal_agent_mgt_list", "internal_agent_mgt_view",
		"internal_agent_mgt_update", "internal_agent_mgt_delete",
	}
	scopesExtension = []string{
		"internal_agent_credential_create", "internal_agent_credential_view",
		"internal_agent_credential_delete", "internal_agent_audit_view",
	}
	scopesRoles = []string{api.ScopeRoleView, api.ScopeRoleUsersUpdate}
)

// inOrganization is the form of a scope for an organization below a tenant.
func inOrganization(scope string) string {
	return strings.Replace(scope, "internal_", "internal_org_", 1)
}

// ClientCredentials signs in as a management client (an M2M application), at
// /oauth2/token below the base URL. Without scopes it asks for what the calls
// take that are made.
func ClientCredentials(id string, s secret.Text, scopes ...string) Auth {
	return SignIn(id, SecretProof("client_secret", s), scopes...)
}

// SignIn is ClientCredentials with another proof than a secret.
func SignIn(id string, p Proof, scopes ...string) Auth {
	return clientCredentials{id: id, proof: p, scopes: scopes}
}

type clientCredentials struct {
	id     string
	proof  Proof
	scopes []string
}

func (a clientCredentials) check() error {
	return errors.Join(checkValue("client_id", a.id, nil), a.proof.check())
}

// Format: fmt does not ask an unexported field how it wants to be printed.
func (a clientCredentials) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "client %q", a.id) }

func (a clientCredentials) secrets() []secret.Text { return a.proof.secrets(a.id) }

func (a clientCredentials) authorizer(c *Client) authorizer {
	s := &tokenSource{auth: a, c: c, scopes: a.scopes, fixed: len(a.scopes) > 0}
	if !s.fixed {
		s.scopes = scopesAgents
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
	scopes []string    // what the next token is asked for with
	fixed  bool        // they stay

	granted []string // what the last token was asked for with
}

func (s *tokenSource) header(ctx context.Context, needs []string) (secret.Text, error) {
	for {
		s.want(needs)
		if token, ok := s.cached(); ok {
			return token, nil
		}
		token, err := s.flights.do(ctx, "", func(ctx context.Context) (secret.Text, error) {
			if token, ok := s.cached(); ok {
				return token, nil // it came between the look above and now
			}
			return s.fetch(ctx)
		})
		// A token that was on its way already may be one with fewer scopes.
		if err != nil || s.holds(needs) {
			return token, err
		}
	}
}

// want adds scopes to those that are asked for. A token without them is given
// up.
func (s *tokenSource) want(needs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fixed {
		return
	}
	for _, scope := range needs {
		if !slices.Contains(s.scopes, scope) {
			s.scopes = append(slices.Clone(s.scopes), scope)
		}
		if !slices.Contains(s.granted, scope) {
			s.token = secret.Text{}
		}
	}
}

func (s *tokenSource) holds(needs []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fixed || !slices.ContainsFunc(needs, func(scope string) bool { return !slices.Contains(s.granted, scope) })
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
	scopes, fixed := s.scopes, s.fixed
	s.mu.Unlock()
	answer, err := s.request(ctx, scopes)
	if !fixed && errors.Is(err, api.ErrInvalidScope) {
		if fixed = len(scopes) > len(scopesAgents); fixed {
			scopes = scopesAgents
		} else { // who may read the audit alone has none of those of agents
			scopes = slices.Concat(scopesAgents, scopesExtension)
		}
		answer, err = s.request(ctx, scopes)
	}
	if err == nil && s.c.cfg.Organization != "" {
		answer, err = s.switched(ctx, answer.AccessToken, scopes)
	}
	if err != nil {
		return secret.Text{}, fmt.Errorf("sign in as the client %q at %s: %w", s.auth.id, s.c.root+api.PathToken, err)
	}
	lives, err := answer.ExpiresIn.Int64()
	if err != nil || lives <= 0 {
		lives = 300 // the server does not say; a 401 ends it earlier
	}
	life := time.Duration(min(lives, 86400)) * time.Second
	s.mu.Lock()
	defer s.mu.Unlock()
	s.granted = scopes
	if fixed {
		s.scopes, s.fixed = scopes, true
	} else if len(scopes) > len(s.scopes) {
		s.scopes = scopes
	}
	value := secret.New("Bearer " + answer.AccessToken.Reveal())
	s.token, s.until = value, time.Now().Add(life-min(life/5, 30*time.Second))
	return value, nil
}

// request may be repeated: a token more hurts nobody.
func (s *tokenSource) request(ctx context.Context, scopes []string) (tokenAnswer, error) {
	l, err := s.auth.proof.login(ctx, s.c, s.auth.id)
	if err != nil {
		return tokenAnswer{}, err
	}
	return do[tokenAnswer](ctx, s.c, l.over(call{
		method: http.MethodPost, path: api.PathToken, effect: reads,
		form: url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scopes, " ")}},
	}))
}

// switched changes a token of the tenant for one of the organization below it,
// by WSO2's grant for that.
func (s *tokenSource) switched(ctx context.Context, token secret.Text, scopes []string) (tokenAnswer, error) {
	asked := make([]string, len(scopes))
	for i, scope := range scopes {
		asked[i] = inOrganization(scope)
	}
	l, err := s.auth.proof.login(ctx, s.c, s.auth.id)
	if err != nil {
		return tokenAnswer{}, err
	}
	return do[tokenAnswer](ctx, s.c, l.over(call{
		method: http.MethodPost, path: api.PathToken, effect: reads, secrets: []secret.Text{token},
		form: url.Values{
			"grant_type": {"organization_switch"}, "token": {token.Reveal()},
			"switching_organization": {s.c.cfg.Organization}, "scope": {strings.Join(asked, " ")},
		},
	}))
}
