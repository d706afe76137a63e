// Package embedded is a client whose server is this process: the reference
// server over one SQLite file, reached by swapping the http.RoundTripper. It
// opens no port and starts no goroutine. Whoever holds the client cannot tell.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// baseURL never leaves the process: the name cannot exist (RFC 6761).
const baseURL = "https://embedded.invalid"

// Config says how the embedded server behaves. Path is required.
type Config struct {
	Path       string           // the SQLite file
	Version    string           // what the server says of itself
	Principal  string           // who acts; "" means local:<user>@<host>
	MaxSecrets int              // live secrets of one agent; 0 means 2
	Now        func() time.Time // nil means time.Now
	Logger     client.Logger    // hears of requests; nil of none
}

// New makes the client. It opens and creates nothing: the file is opened by the
// first request that needs it, and made by the first agent, so that a plan
// leaves no trace. An error of opening is the answer to that request, and the
// next one tries again.
func New(cfg Config) (*client.Client, error) {
	if cfg.Path == "" {
		return nil, errors.New("embedded: a path is required")
	}
	if cfg.Principal == "" {
		cfg.Principal = local()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	o := &opener{cfg: cfg}
	principal := authority.Principal{Name: cfg.Principal, Scopes: []string{authority.AllScopes}}
	handler, err := server.New(server.Config{
		Authority: o.authority,
		Authorize: func(*http.Request) (authority.Principal, error) { return principal, nil },
		Explain:   true,
		BaseURL:   baseURL,
		Version:   cfg.Version,
		Now:       cfg.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("make the embedded server: %w", err)
	}
	// The server is in this process: what fails would fail again.
	return client.New(client.Config{BaseURL: baseURL, Transport: transport{handler}, MaxRetries: -1, Logger: cfg.Logger})
}

// local is who may write the file: its administrator.
func local() string {
	name := "uid-" + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return "local:" + name + "@" + host
}

// opener opens the store once, when it is needed. It is not closed: a plugin
// ends by being killed, and the store does not mind.
type opener struct {
	cfg Config

	mu     sync.Mutex
	opened *authority.Authority
}

func (o *opener) authority(ctx context.Context, create bool) (*authority.Authority, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.opened != nil {
		return o.opened, nil
	}
	s, err := sqlite.Open(ctx, sqlite.Config{Path: o.cfg.Path, Create: create, Creator: o.cfg.Principal, Now: o.cfg.Now})
	rules := authority.Config{Store: s, MaxSecrets: o.cfg.MaxSecrets, Now: o.cfg.Now}
	switch {
	case errors.Is(err, store.ErrNoStore):
		return authority.Empty(rules)
	case err != nil:
		return nil, err
	}
	o.opened, err = authority.New(rules)
	return o.opened, err
}
