// Package client calls the management API of any of three servers: our
// reference server over HTTP, the same one inside this process (by another
// http.RoundTripper), and WSO2 Asgardeo or Identity Server. It knows how to
// sign in, when a request may be sent twice, how to wait, and how to read a
// thousand agents in a dozen requests. It knows no Terraform and no server
// code, takes no time from the clock of this machine, and puts no secret into
// an error or a log line.
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	// maxShield bounds the wait for an answer that must not be lost: after
	// about that time people cancel a second time, which kills the process.
	maxShield = 30 * time.Second
	// maxRetryAfter is the longest wait that a server may ask for.
	maxRetryAfter = time.Minute
	// maxWaited bounds all the waiting between the attempts of one call.
	maxWaited = 3 * time.Minute
	// maxBackoff bounds a wait that we choose ourselves.
	maxBackoff = 30 * time.Second
	// maxAnswer bounds the body of an answer: a page of 100 agents is far less.
	maxAnswer = 8 << 20
)

// Config says how a Client behaves. Its zero value is not usable: BaseURL is
// required.
type Config struct {
	// BaseURL is https, or http to this machine. /scim2 and /scim2/Agents at
	// its end are dropped: people copy them from the documentation.
	BaseURL string
	// Auth signs requests in; nil sends no credential.
	Auth Auth
	// Transport sends the requests; nil means a pool of connections.
	Transport http.RoundTripper
	// TLS is for the pool of connections, and without meaning beside Transport.
	TLS *tls.Config
	// UserAgent names us to the server.
	UserAgent string
	// RequestsPerMinute bounds all requests of the client together; 0 means
	// 200 for a plain WSO2 server and no bound for ours, less than 0 none.
	RequestsPerMinute int
	// Organization is the id of the organization below the tenant that a base
	// URL with /o at its end means: a token is switched to it.
	Organization string
	// Timeout of one attempt; 0 means 30 s. What changes credentials never
	// waits longer than 30 s.
	Timeout time.Duration
	// MaxRetries after failures; 0 means 4, less than 0 sends every request
	// once. Refusals for now (429, 503 with Retry-After) are bounded by time.
	MaxRetries int
	// RetryWait is the first wait before a retry; it doubles. 0 means 500 ms.
	RetryWait time.Duration
	// Logger hears of every attempt; nil of none.
	Logger Logger
}

// Logger takes lines about each attempt, and how it goes when requests have to
// wait. Their fields are numbers, and the method and the path of a request:
// never a header, a query or a body.
type Logger interface {
	Debug(ctx context.Context, msg string, fields map[string]any)
	Info(ctx context.Context, msg string, fields map[string]any)
}

func (cfg Config) withDefaults() Config {
	if cfg.Transport == nil {
		cfg.Transport = pool(cfg.TLS)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.MaxRetries == 0 {
		cfg.MaxRetries = 4
	}
	if cfg.RetryWait == 0 {
		cfg.RetryWait = 500 * time.Millisecond
	}
	if cfg.Logger == nil {
		cfg.Logger = silent{}
	}
	return cfg
}

type silent struct{}

func (silent) Debug(context.Context, string, map[string]any) {}
func (silent) Info(context.Context, string, map[string]any)  {}

// pool keeps as many idle connections as Terraform has resources in flight;
// the two of net/http would make it dial anew all the time.
func pool(cfg *tls.Config) *http.Transport {
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       cfg.Clone(),
		TLSHandshakeTimeout:   10 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       60 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// Client calls one server. It is safe for use by many goroutines, who share
// its budget of requests, its token and what was read.
type Client struct {
	cfg   Config
	base  string // without a slash at its end
	path  string // of base
	root  string // base of the tenant: without the /o of an organization below it
	auth  authorizer
	masks []secret.Text // what no error may show

	limiter *limiter
	clock   clock
	server  serverCache
	// shows is the certificate that the transport shows; nil for none.
	shows    *x509.Certificate
	metadata metadataCache
	snap     *snapshot
	marks    marks
	// oldRoles: the server has no path for the members of a role alone.
	oldRoles atomic.Bool
	// unreached: some call has tried all the times that it may without getting a
	// connection, and nothing has been heard since. Until something is, each read
	// tries once: a plan of a thousand agents would wait minutes for all of them.
	unreached atomic.Bool
}

// New makes a client. It makes no request.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if err := checkOrganization(base, cfg); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg.withDefaults(), base: base.String(), path: base.EscapedPath()}
	c.root = c.base
	if _, below := belowTenant(c.path); below {
		c.root = strings.TrimSuffix(c.base, organizations)
	}
	c.limiter = newLimiter(c.cfg.RequestsPerMinute, c.cfg.Logger)
	c.snap = newSnapshot(c)
	if cfg.Auth != nil {
		if err := cfg.Auth.check(); err != nil {
			return nil, err
		}
		c.auth, c.masks = cfg.Auth.authorizer(c), cfg.Auth.secrets()
		if err := c.show(cfg.Auth); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// show lets the client connect with the certificate that it signs in with: the
// tokens that it gets are bound to that (RFC 8705 §3).
func (c *Client) show(auth Auth) (err error) {
	credentials, ok := auth.(clientCredentials)
	if !ok {
		return nil
	}
	if p, ok := credentials.proof.(certificateProof); ok {
		c.shows = p.pair.Leaf
		c.cfg.Transport, err = p.over(c.cfg.Transport)
	}
	return err
}

// BaseURL is where the client sends its requests, for messages.
func (c *Client) BaseURL() string { return c.base }

// Format prints where the client sends its requests, and none of its secrets.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "client of %s", c.base) }

// target is a URL of the server, and the same without its query for messages.
func (c *Client) target(path string, query url.Values) (full, shown string) {
	full = c.base + path
	if path == api.PathToken || path == api.PathRevokeToken {
		full = c.root + path
	}
	if len(query) == 0 {
		return full, full
	}
	return full + "?" + query.Encode(), full
}
