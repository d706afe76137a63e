// Package oauth is the token API as a plain http.Handler: tokens for agents
// and management clients (RFC 6749), introspection (RFC 7662), revocation (RFC
// 7009), the keys that verify tokens, and metadata (RFC 8414). It reads
// requests strictly, one file for each way to authenticate, and leaves every
// decision to authority.
package oauth

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// Config says how a Handler behaves. Its zero value is not usable: Issuer is
// required.
type Config struct {
	Issuer  *authority.Issuer          // required
	Address func(*http.Request) string // where a request comes from; nil means its RemoteAddr
	Logger  *slog.Logger               // nil discards
}

// maxForm bounds the body of a request.
const maxForm = 64 << 10

// Handler serves the token API below the path of the issuer.
type Handler struct {
	issuer  *authority.Issuer
	path    string // of the issuer: "" or "/t/acme"
	address func(*http.Request) string
	log     *slog.Logger
	routes  *http.ServeMux
}

// New makes a Handler.
func New(cfg Config) (*Handler, error) {
	if cfg.Issuer == nil {
		return nil, errors.New("oauth: an issuer is required")
	}
	u, err := url.Parse(cfg.Issuer.URL())
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("oauth: the issuer must be a URL without query and fragment")
	}
	if cfg.Address == nil {
		cfg.Address = remoteAddress
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{
		issuer: cfg.Issuer, path: strings.TrimSuffix(u.EscapedPath(), "/"), address: cfg.Address, log: cfg.Logger,
		routes: http.NewServeMux(),
	}
	for _, r := range h.Routes() {
		h.routes.HandleFunc(r.Method+" "+r.Pattern, r.handle)
	}
	return h, nil
}

// Route is one endpoint.
type Route struct {
	Method  string
	Pattern string
	handle  http.HandlerFunc
}

// Paths of the token API below the issuer.
const (
	pathToken      = "/oauth2/token" //nolint:gosec // a path
	pathIntrospect = "/oauth2/introspect"
	pathRevoke     = "/oauth2/revoke"
	pathKeys       = "/oauth2/jwks"
)

// Routes are all endpoints.
func (h *Handler) Routes() []Route {
	return []Route{
		{http.MethodPost, pathToken, h.token},
		{http.MethodPost, pathIntrospect, h.introspect},
		{http.MethodPost, pathRevoke, h.revoke},
		{http.MethodGet, pathKeys, h.keys},
		// RFC 8414 puts the path of the issuer behind, OpenID before.
		{http.MethodGet, "/.well-known/oauth-authorization-server" + h.path, h.metadata},
		{http.MethodGet, h.path + "/.well-known/openid-configuration", h.metadata},
	}
}

// ServeHTTP answers a request of the token API.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	h.routes.ServeHTTP(w, r)
}

// remoteAddress is the address without the port.
func remoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
