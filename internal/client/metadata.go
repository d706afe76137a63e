package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// ErrNoMetadata: the server does not tell where its token endpoint is.
var ErrNoMetadata = errors.New("it does not tell where its token endpoint is (RFC 8414)")

// ElsewhereError says that a server names something of its own on another host:
// who can write the metadata of one server must not get what is for another.
type ElsewhereError struct{ What, Here, There string }

// Error says where it is.
func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("%s says that its %s is at %s", e.Here, e.What, e.There)
}

// Metadata is what a server tells about its token API (RFC 8414 §2).
type Metadata struct {
	Issuer             string
	TokenEndpoint      string
	RevocationEndpoint string // "": it does not tell
	// MutualToken and MutualRevocation are where clients connect with a
	// certificate (RFC 8705 §5).
	MutualToken      string
	MutualRevocation string
}

// at is where a path of the token API is; "" where the server does not tell.
func (m Metadata) at(path string) string {
	if path == api.PathRevokeToken {
		return m.RevocationEndpoint
	}
	return m.TokenEndpoint
}

// metadataAnswer is Metadata on the wire.
type metadataAnswer struct {
	Issuer   string `json:"issuer"`
	Endpoint string `json:"token_endpoint"`
	Revoke   string `json:"revocation_endpoint"`
	Aliases  struct {
		Token  string `json:"token_endpoint"`
		Revoke string `json:"revocation_endpoint"`
	} `json:"mtls_endpoint_aliases"`
}

// metadataCache keeps what the server told.
type metadataCache struct {
	flights flights[Metadata]
	mu      sync.Mutex
	seen    *Metadata
}

// load is nil before the server told.
func (m *metadataCache) load() *Metadata {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen
}

// Metadata finds out about the token API: where RFC 8414 puts it, where OpenID
// does, and where WSO2 does. It asks once, however many want to know.
func (c *Client) Metadata(ctx context.Context) (Metadata, error) {
	if seen := c.metadata.load(); seen != nil {
		return *seen, nil
	}
	return c.metadata.flights.do(ctx, "", func(ctx context.Context) (Metadata, error) {
		m, err := c.readMetadata(ctx)
		if err == nil {
			c.metadata.mu.Lock()
			c.metadata.seen = &m
			c.metadata.mu.Unlock()
		}
		return m, err
	})
}

func (c *Client) readMetadata(ctx context.Context) (Metadata, error) {
	u, err := url.Parse(c.root)
	if err != nil {
		return Metadata{}, err
	}
	origin := u.Scheme + "://" + u.Host
	for _, place := range []string{
		origin + "/.well-known/oauth-authorization-server" + u.EscapedPath(),
		c.root + "/.well-known/openid-configuration",
		c.root + api.PathToken + "/.well-known/openid-configuration",
	} {
		told, err := do[metadataAnswer](ctx, c, call{method: http.MethodGet, at: place, path: place[len(origin):], own: true, effect: reads})
		_, refused := errors.AsType[*api.Error](err)
		switch {
		case refused || errors.Is(err, errForeign), err == nil && told.Endpoint == "":
			continue
		case err != nil:
			return Metadata{}, err
		}
		if err := sameOrigin("token endpoint", told.Endpoint, origin); err != nil {
			return Metadata{}, err
		}
		if sameOrigin("revocation endpoint", told.Revoke, origin) != nil {
			told.Revoke = ""
		}
		m := Metadata{told.Issuer, told.Endpoint, told.Revoke, told.Aliases.Token, told.Aliases.Revoke}
		return m, nil
	}
	return Metadata{}, fmt.Errorf("ask %s about its token endpoint: %w", c.root, ErrNoMetadata)
}

// audience is whom an assertion names for the server: its issuer, alone. One for
// another server must not be had by this one.
func (c *Client) audience(m Metadata) (string, error) {
	u, err := url.Parse(c.root)
	if err != nil {
		return "", err
	}
	return m.Issuer, sameOrigin("issuer", m.Issuer, u.Scheme+"://"+u.Host)
}

func sameOrigin(what, told, origin string) error {
	u, err := url.Parse(told)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%s tells a %s that is not a URL", origin, what)
	}
	if there := u.Scheme + "://" + u.Host; there != origin {
		return &ElsewhereError{what, origin, there}
	}
	return nil
}

// mutual is at for who shows a certificate.
func (m Metadata) mutual(path string) string {
	if path == api.PathRevokeToken {
		return cmp.Or(m.MutualRevocation, m.RevocationEndpoint)
	}
	return cmp.Or(m.MutualToken, m.TokenEndpoint)
}
