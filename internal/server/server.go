// Package server is the management API as a plain http.Handler: /scim2 in
// WSO2's dialect, and /api/server/v1 for credentials. It checks the shape of
// requests and who may send them, and turns them into calls of authority; it
// decides nothing and knows no store.
//
// The store behind it need not exist yet. For each request that needs one the
// server calls Config.Authority, after the request was authorized and read. Of
// all requests only the create of an agent sets create; every other one must
// leave no trace of a store that is not there. Whoever assembles the server
// answers those with authority.Empty: it lists nothing and finds nothing, so a
// change or a delete is a 404 and the store id in /scim2/ServiceProviderConfig
// is "". An error of Config.Authority is answered like one of the store; with
// Config.Explain its full text is in the answer.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// Config says how a Server behaves. Its zero value is not usable: Authority is
// required.
type Config struct {
	// Authority gives who decides. With create it opens the store and makes
	// one where there is none; without, it makes none (authority.Empty). It
	// is called once in a request, by many requests at once, and should
	// keep what it opened.
	Authority func(ctx context.Context, create bool) (*authority.Authority, error)

	// Authorize says who asks. Its error is answered by 401, unless it is
	// an *api.Error or one of the store. nil refuses every request.
	Authorize func(*http.Request) (authority.Principal, error)

	// SignCheckpoint signs the JSON of an audit checkpoint and gives a JWS;
	// nil leaves checkpoints unsigned.
	SignCheckpoint func(ctx context.Context, text []byte) (string, error)
	// Explain tells the whole text of errors to whoever asks. It is for a
	// server whose only users are its administrators; others learn no file
	// names from an answer, only a trace id that leads to the log.
	Explain bool

	// Ready is what /readyz says when the server is ready; "" means "ok".
	Ready string

	Profile Profile          // what product it is; the zero value is Reference
	BaseURL string           // of locations: "https://agents.example.com"; "" takes scheme and host of the request
	Version string           // what /scim2/ServiceProviderConfig tells
	MaxBody int64            // bytes of a request body; 0 means 1 MiB
	Now     func() time.Time // the authority's clock, for Date; nil means time.Now
	Logger  *slog.Logger     // nil discards
}

const defaultMaxBody = 1 << 20

// Always is a Config.Authority for a store that is open already.
func Always(a *authority.Authority) func(context.Context, bool) (*authority.Authority, error) {
	return func(context.Context, bool) (*authority.Authority, error) { return a, nil }
}

// Server serves the management API.
type Server struct {
	cfg    Config
	routes *http.ServeMux
}

// New makes a Server.
func New(cfg Config) (*Server, error) {
	if cfg.Authority == nil {
		return nil, errors.New("server: an authority is required")
	}
	if cfg.Authorize == nil {
		cfg.Authorize = func(*http.Request) (authority.Principal, error) {
			return authority.Principal{}, errors.New("nobody is authorized")
		}
	}
	if cfg.Ready == "" {
		cfg.Ready = "ok"
	}
	if cfg.Profile.name == "" {
		cfg.Profile = Reference()
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultMaxBody
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg}
	s.routes = s.mux()
	return s, nil
}
