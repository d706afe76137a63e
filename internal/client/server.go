package client

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// Kind is what sort of server answers.
type Kind string

// The kinds.
const (
	KindReference Kind = "agentcreds" // has our extension
	KindWSO2      Kind = "wso2"       // Asgardeo, or an Identity Server
)

// Server is what the server is and can do. Of a WSO2 server StoreID is made up
// of the kind and the base path, which names the tenant.
type Server struct {
	Kind Kind
	api.Capabilities
}

// Extended reports whether the server has our extension: several secrets for an
// agent, an overlap, scopes.
func (s Server) Extended() bool { return s.Kind == KindReference }

// serverCache keeps what the server said.
type serverCache struct {
	flights flights[Server]
	mu      sync.Mutex
	seen    Server // Kind is "" before the first answer
}

func (s *serverCache) load() Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// store keeps an answer. One that was asked for before there was a store may
// come after one that names it.
func (s *serverCache) store(srv Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen.StoreID == "" {
		s.seen = srv
	}
}

// Server tells what the server is. It is asked once; while it has no store yet,
// and so no StoreID, every time.
func (c *Client) Server(ctx context.Context) (Server, error) {
	if s := c.server.load(); s.StoreID != "" {
		return s, nil
	}
	return c.server.flights.do(ctx, "", c.readServer)
}

// extended is enough for most: what a server is does not change with its
// first agent.
func (c *Client) extended(ctx context.Context) (bool, error) {
	if s := c.server.load(); s.Kind != "" {
		return s.Extended(), nil
	}
	s, err := c.Server(ctx)
	return s.Extended(), err
}

func (c *Client) readServer(ctx context.Context) (Server, error) {
	if s := c.server.load(); s.StoreID != "" {
		return s, nil // it came between the caller's look and now
	}
	cfg, err := do[api.ServerConfig](ctx, c, call{method: http.MethodGet, path: api.PathServerConfig, effect: reads})
	if e, ok := errors.AsType[*api.Error](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusNotImplemented) {
		err = nil // an old server says nothing about itself
	}
	if err != nil {
		return Server{}, err
	}
	s := Server{Kind: KindWSO2, Capabilities: api.Capabilities{StoreID: string(KindWSO2) + ":" + c.tenant(), MaxSecrets: 1}}
	if cfg.Capabilities != nil {
		s = Server{Kind: KindReference, Capabilities: *cfg.Capabilities}
	} else if c.cfg.RequestsPerMinute == 0 {
		c.limiter.budget(wso2PerMinute)
	}
	c.server.store(s)
	return s, nil
}

// tenant is the base path. The super tenant of an Identity Server has two.
func (c *Client) tenant() string {
	path, below := belowTenant(c.path)
	if path == "" {
		path = "/t/carbon.super"
	}
	if below {
		return path + organizations + "/" + c.cfg.Organization
	}
	return path
}
