package cli

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// parts are what a running server consists of.
type parts struct {
	rules   *authority.Authority
	issuer  *authority.Issuer
	handler http.Handler
}

// assemble puts the management API, the token API and the metrics into one
// handler. It makes no key; a seal key that is not the store's is refused here.
func assemble(ctx context.Context, cfg serveConfig, rules *authority.Authority, own string, log *slog.Logger) (*parts, error) {
	cfg.seal.rules = rules
	if err := cfg.seal.check(ctx); err != nil {
		return nil, err
	}
	url := cfg.issuer
	if url == "" {
		url = own
	}
	var names []string
	if cfg.legacy {
		names = []string{url + api.PathToken}
	}
	issuer, err := authority.NewIssuer(authority.IssuerConfig{
		Authority: rules, URL: url + cfg.profile.issuer, Alg: cfg.alg, Life: cfg.tokenLife, Audiences: names,
		Fetch: oauth.NewFetch(oauth.FetchConfig{Allow: cfg.jwksAllow}),
		Seal:  func() (secret.SealKey, error) { return cfg.seal.open(context.WithoutCancel(ctx)) },
	})
	if err != nil {
		return nil, err
	}
	who := access{rules: rules, issuer: issuer, proxies: cfg.proxies, bound: cfg.bound()}
	management, err := server.New(server.Config{
		Authority: server.Always(rules),
		Authorize: who.principal,
		Profile:   cfg.profile.wire,
		BaseURL:   cfg.issuer,
		Ready:     ready(cfg),

		SignCheckpoint: issuer.SignCheckpoint,
		Version:        cfg.version,
		Logger:         log,
	})
	if err != nil {
		return nil, err
	}
	m := newMetrics(cfg.version, &ages{rules: rules, issuer: issuer, overdue: cfg.due, log: log})
	tokens, err := oauth.New(oauth.Config{
		Issuer: issuer, Base: url, App: cfg.app, Count: m.login, Address: cfg.proxies.address,
		SecretsOnly: !cfg.profile.keys, Certificates: cfg.certificates(), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	local, _ := loopback(cfg.listen)
	mux := http.NewServeMux()
	for _, r := range tokens.Routes() {
		mux.Handle(r.Pattern, tokens) // which answers other methods itself
	}
	mux.Handle(api.PathMetrics, m.handler(who, local && !cfg.behindProxy && len(cfg.proxies) == 0))
	mux.Handle("/", management)
	handler := limited(unredirected(mux, management), &rateLimit{most: cfg.rateLimit, prefix: pathOf(url), address: cfg.proxies.address, now: rules.Now})
	return &parts{rules: rules, issuer: issuer, handler: anyPath(url, tokens, faulty(cfg, observed(handler, m, log), log))}, nil
}

// pathOf is the path of a URL: "" or "/t/acme".
func pathOf(base string) string {
	_, rest, _ := strings.Cut(base, "://")
	_, path, found := strings.Cut(rest, "/")
	if !found || path == "" {
		return ""
	}
	return "/" + path
}

// anyPath serves everything with the path of the base URL before it, and without:
// some proxies take it away, and some do not. The routes of the token API have
// it, those of the management API do not.
func anyPath(base string, tokens *oauth.Handler, next http.Handler) http.Handler {
	prefix := pathOf(base)
	if prefix == "" {
		return next
	}
	known := map[string]bool{}
	for _, r := range tokens.Routes() {
		known[r.Pattern] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, has := r.URL.Path, strings.HasPrefix(r.URL.Path, prefix+"/")
		switch {
		case known[path]:
		case has:
			r = at(r, path[len(prefix):])
		case known[prefix+path]:
			r = at(r, prefix+path)
		}
		next.ServeHTTP(w, r)
	})
}

// at is the request with another path. RawPath is made from it: an id that
// needs one is none of ours.
func at(r *http.Request, path string) *http.Request {
	other, u := *r, *r.URL
	u.Path, u.RawPath = path, ""
	other.URL = &u
	return &other
}

// unredirected keeps ServeMux from redirecting a path that it can make shorter:
// a client would send its credentials to wherever that points. The management
// API refuses such paths.
func unredirected(mux *http.ServeMux, management http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.EscapedPath(); p != path.Clean(p) {
			management.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
