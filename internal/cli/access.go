package cli

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// access says who may call the management API: who shows the admin token, or a
// token of our own token endpoint that was made for it.
type access struct {
	rules   *authority.Authority
	issuer  *authority.Issuer
	proxies proxies
	// bound is the x5t#S256 of the certificate that a request has come with.
	bound func(*http.Request) string
}

// errNobody is all that is told of a token that does not count.
var errNobody = errors.New("the token is missing, or not one for the management api")

// principal finds out who asks. Nothing is remembered from one request to the
// next: what was revoked is refused at once.
func (a access) principal(r *http.Request) (authority.Principal, error) {
	token, ok := bearer(r)
	if !ok {
		return authority.Principal{}, errNobody
	}
	if strings.Count(token.Reveal(), ".") == 2 {
		p, err := a.client(r, token)
		if _, refused := errors.AsType[*authority.Error](err); !refused && !errors.Is(err, errNobody) {
			return p, err
		}
	}
	p, ok, err := a.rules.Admin(r.Context(), token)
	if err == nil && !ok {
		a.issuer.Stranger(r.Context(), a.proxies.address(r))
		err = errNobody
	}
	return p, err
}

// client is who has a token of ours. An agent's is never one for the management
// API, nor is one for another audience, nor one that is bound to a certificate
// that was not shown with it (RFC 8705 §3).
func (a access) client(r *http.Request, token secret.Text) (authority.Principal, error) {
	c, err := a.issuer.Inspect(r.Context(), token)
	switch {
	case err != nil:
		return authority.Principal{}, err
	case c.Agent() || !c.ShownWith(a.bound(r)) || !slices.Equal(c.Audience, []string{a.issuer.ManagementAudience()}):
		return authority.Principal{}, errNobody
	}
	return authority.Principal{Name: authority.ClientPrincipal(c.Subject), Scopes: c.Scopes(), ClientID: c.Subject, Epoch: c.Epoch}, nil
}

// bearer is the token of a request (RFC 6750 §2.1).
func bearer(r *http.Request) (secret.Text, bool) {
	given := r.Header.Values("Authorization")
	if len(given) != 1 {
		return secret.Text{}, false
	}
	scheme, credentials, _ := strings.Cut(given[0], " ")
	token := secret.New(strings.TrimSpace(credentials))
	return token, strings.EqualFold(scheme, "Bearer") && !token.IsZero()
}
