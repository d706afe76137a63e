// Package oauth is the token API as a plain http.Handler: tokens for agents
// and management clients (RFC 6749), introspection (RFC 7662), revocation (RFC
// 7009), the keys that verify tokens, and metadata (RFC 8414). It reads
// requests strictly, one file for each way to authenticate, and leaves every
// decision to authority.
package oauth

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// Config says how a Handler behaves. Its zero value is not usable: Issuer is
// required.
type Config struct {
	Issuer  *authority.Issuer          // required
	Base    string                     // URL that the endpoints are below; "" means the issuer
	Address func(*http.Request) string // where a request comes from; nil means its RemoteAddr
	App     *Application               // that may log agents in; nil: none
	Count   func(Outcome)              // is told how each authentication ended; nil: nobody is
	// SecretsOnly: there are secrets alone, no keys and no certificates.
	SecretsOnly bool
	// Certificates are those that a caller has connected with, its own
	// first, in DER. nil: there is no mutual TLS.
	Certificates func(*http.Request) [][]byte
	Logger       *slog.Logger // nil discards
}

// maxForm bounds the body of a request.
const maxForm = 64 << 10

// Handler serves the token API below the path of the issuer.
type Handler struct {
	issuer       *authority.Issuer
	base         string // URL that the endpoints are below
	path         string // of it: "" or "/t/acme"
	own          string // path of the issuer
	app          *Application
	address      func(*http.Request) string
	secretsOnly  bool // nobody logs in by a key or a certificate
	mutual       bool // there is mutual TLS
	certificates func(*http.Request) [][]byte
	log          *slog.Logger
	routes       map[string][]Route // by path
	count        func(Outcome)
}

// New makes a Handler.
func New(cfg Config) (*Handler, error) {
	if cfg.Issuer == nil {
		return nil, errors.New("oauth: an issuer is required")
	}
	own, err := url.Parse(cfg.Issuer.URL())
	if err != nil {
		return nil, fmt.Errorf("oauth: the issuer: %w", err)
	}
	if cfg.Base == "" {
		cfg.Base = cfg.Issuer.URL()
	}
	u, err := url.Parse(cfg.Base)
	if err != nil {
		return nil, fmt.Errorf("oauth: the base URL: %w", err)
	}
	if cfg.App != nil {
		if err := cfg.App.Check(); err != nil {
			return nil, fmt.Errorf("oauth: the application: %w", err)
		}
	}
	if cfg.Address == nil {
		cfg.Address = remoteAddress
	}
	if cfg.Count == nil {
		cfg.Count = func(Outcome) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	mutual := cfg.Certificates != nil && !cfg.SecretsOnly
	if !mutual {
		cfg.Certificates = func(*http.Request) [][]byte { return nil }
	}
	h := &Handler{
		issuer: cfg.Issuer, base: cfg.Base, path: u.Path, own: own.Path, app: cfg.App, address: cfg.Address, secretsOnly: cfg.SecretsOnly,
		mutual: mutual, certificates: cfg.Certificates, count: cfg.Count, log: cfg.Logger, routes: map[string][]Route{},
	}
	for _, r := range h.Routes() {
		h.routes[r.Pattern] = append(h.routes[r.Pattern], r)
	}
	return h, nil
}

// Route is one endpoint.
type Route struct {
	Method  string
	Pattern string // the path, exactly
	handle  func(http.ResponseWriter, *http.Request) *failure
}

// Paths of the token API below the issuer.
const (
	pathToken      = "/oauth2/token" //nolint:gosec // a path
	pathIntrospect = "/oauth2/introspect"
	pathRevoke     = "/oauth2/revoke"
	pathKeys       = "/oauth2/jwks"
	pathAuthorize  = "/oauth2/authorize"
	pathAuthn      = "/oauth2/authn"
)

// Routes are all endpoints.
func (h *Handler) Routes() []Route {
	routes := []Route{
		{http.MethodPost, h.path + pathToken, h.token},
		{http.MethodPost, h.path + pathIntrospect, h.introspect},
		{http.MethodPost, h.path + pathRevoke, h.revoke},
		{http.MethodGet, h.path + pathKeys, h.keys},
		// RFC 8414 puts the path of the issuer behind, OpenID before.
		{http.MethodGet, "/.well-known/oauth-authorization-server" + h.own, h.metadata},
		{http.MethodGet, h.own + "/.well-known/openid-configuration", h.metadata},
	}
	if h.app != nil {
		routes = append(routes, Route{http.MethodPost, h.path + pathAuthorize, h.authorize}, Route{http.MethodPost, h.path + pathAuthn, h.authn})
	}
	return routes
}

// ServeHTTP answers a request of the token API. Paths are taken as they are:
// nothing is redirected, because a redirected POST would lose its body, or show
// it to somebody else.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	fail := notFound()
	if there := h.routes[r.URL.Path]; len(there) > 0 {
		fail = wrongMethod(there)
		for _, route := range there {
			if r.Method == route.Method || r.Method == http.MethodHead && route.Method == http.MethodGet {
				fail = route.handle(w, r)
			}
		}
	}
	if fail != nil {
		h.refuse(w, r, fail)
	}
}

// remoteAddress is the address without the port.
func remoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
