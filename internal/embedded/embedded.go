// Package embedded is a client whose server is this process: the reference
// server over one SQLite file, reached by swapping the http.RoundTripper. It
// opens no port and starts no goroutine. Whoever holds the client cannot tell.
package embedded

import (
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
// next one tries again. The file is let go of when the process ends.
func New(cfg Config) (*client.Client, error) {
	c, _, err := Open(cfg)
	return c, err
}

// Open is New for a process that outlives the client: the function lets go of
// the file, after the requests under way. Requests after that are errors.
func Open(cfg Config) (*client.Client, func() error, error) {
	if cfg.Path == "" {
		return nil, nil, errors.New("embedded: a path is required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	who := sync.OnceValue(LocalUser) // not before a request: names can come from the network
	if cfg.Principal != "" {
		who = func() string { return cfg.Principal }
	}
	o, err := newOpener(cfg, who)
	if err != nil {
		return nil, nil, fmt.Errorf("make the embedded server: %w", err)
	}
	handler, err := server.New(server.Config{
		Authority: o.authority,
		Authorize: func(*http.Request) (authority.Principal, error) {
			return authority.Principal{Name: who(), Scopes: []string{authority.AllScopes}}, nil
		},
		Explain: true,
		BaseURL: baseURL,
		Version: cfg.Version,
		Now:     cfg.Now,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("make the embedded server: %w", err)
	}
	c, err := client.New(client.Config{
		BaseURL:    baseURL,
		Transport:  transport{handler},
		MaxRetries: -1, // the server is in this process: what fails would fail again
		Logger:     cfg.Logger,
	})
	return c, o.close, err
}

// LocalUser is who runs this process, as the audit names it. Who may write a file
// is its administrator.
func LocalUser() string {
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
