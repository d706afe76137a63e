package client_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// The servers of these tests are fakes, each a few lines of script. The tests
// are about requests that were made or were not, about their bytes, and about
// faults at a chosen moment: a real server can be asked for none of these. What
// client and server mean together is checked against the real one, in apitest.

// request is what a fake saw.
type request struct {
	method, path, query, body string
	header                    http.Header
}

// fake records requests and lets a script answer those that the routes every
// server has do not.
type fake struct {
	mu       sync.Mutex
	seen     []request
	config   any // answer to /scim2/ServiceProviderConfig
	script   func(w http.ResponseWriter, r *http.Request, body string)
	configed int
}

// reference says that it has our extension.
func reference(script http.HandlerFunc) *fake {
	return scripted(serverConfig(&api.Capabilities{StoreID: "store-1", MaxSecrets: 2, Overlap: true}), script)
}

// wso2 says what a WSO2 server says of itself.
func wso2(script http.HandlerFunc) *fake { return scripted(serverConfig(nil), script) }

func scripted(config any, script http.HandlerFunc) *fake {
	return &fake{config: config, script: func(w http.ResponseWriter, r *http.Request, body string) {
		r.Body = io.NopCloser(strings.NewReader(body))
		script(w, r)
	}}
}

func serverConfig(c *api.Capabilities) api.ServerConfig {
	return api.ServerConfig{Schemas: []string{api.SchemaConfig}, Capabilities: c}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	isConfig := strings.HasSuffix(r.URL.Path, api.PathServerConfig)
	if isConfig {
		f.configed++
	} else {
		f.seen = append(f.seen, request{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header.Clone()})
	}
	config := f.config
	f.mu.Unlock()
	if isConfig && config != nil {
		reply(w, 200, config)
		return
	}
	f.script(w, r, string(body))
}

// requests are all but those for the configuration.
func (f *fake) requests() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]request(nil), f.seen...)
}

func (f *fake) configs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.configed
}

// over serves the fake over HTTP and gives a client for it.
func (f *fake) over(t testing.TB, change ...func(*client.Config)) *client.Client {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return newClient(t, append([]func(*client.Config){func(cfg *client.Config) { cfg.BaseURL = s.URL }}, change...)...)
}

// inside serves the fake without a network, which synctest cannot wait for.
func (f *fake) inside(t testing.TB, change ...func(*client.Config)) *client.Client {
	t.Helper()
	return newClient(t, append([]func(*client.Config){func(cfg *client.Config) {
		cfg.BaseURL, cfg.Transport, cfg.RetryWait = "http://localhost", inProcess{f}, 0
	}}, change...)...)
}

func newClient(t testing.TB, change ...func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{RetryWait: time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

// inProcess is a transport that calls a handler, as the embedded server does.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	rec.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

// transport is a round trip that is a func, for faults of the network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", api.MediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func scimError(w http.ResponseWriter, status int, detail string) {
	reply(w, status, api.ScimError{Schemas: []string{api.SchemaError}, Detail: detail, Status: http.StatusText(status)})
}

// agent is what a server answers for an id.
func agent(id string) api.Agent {
	return api.Agent{ID: id, UserName: api.UserNamePrefix + id, ExternalID: "ext-" + id}
}

func replyAgent(w http.ResponseWriter, _ *http.Request) { reply(w, 200, agent("a1")) }

// sequence answers with one script after the other, and then with the last.
func sequence(scripts ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		next := scripts[0]
		if len(scripts) > 1 {
			scripts = scripts[1:]
		}
		mu.Unlock()
		next(w, r)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// cut ends the connection without an answer.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

const value = "Xk7#mQ2&pL9!vR4$" // a secret in the shape of WSO2's

func secretRequest() api.SecretRequest { return api.SecretRequest{SecretValue: secret.New(value)} }

func passwordOps(t testing.TB) []api.Operation {
	t.Helper()
	p, err := api.PasswordPatch(secret.New(value))
	if err != nil {
		t.Fatal(err)
	}
	return p.Operations
}

func renameOps() []api.Operation {
	return []api.Operation{{Op: "replace", Path: api.SchemaWSO2Agent + ":DisplayName", Value: json.RawMessage(`"new"`)}}
}

// calls are the writes and a read, by name.
func calls(t testing.TB) map[string]func(context.Context, *client.Client) error {
	return map[string]func(context.Context, *client.Client) error{
		"read": func(ctx context.Context, c *client.Client) error { _, err := c.Agent(ctx, "a1"); return err },
		"create": func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateAgent(ctx, api.Agent{DisplayName: "bot"})
			return err
		},
		"patch": func(ctx context.Context, c *client.Client) error {
			_, err := c.PatchAgent(ctx, "a1", renameOps())
			return err
		},
		"password": func(ctx context.Context, c *client.Client) error {
			_, err := c.PatchAgent(ctx, "a1", passwordOps(t))
			return err
		},
		"replace": func(ctx context.Context, c *client.Client) error {
			_, err := c.ReplaceAgent(ctx, agent("a1"))
			return err
		},
		"delete": func(ctx context.Context, c *client.Client) error { return c.DeleteAgent(ctx, "a1", "") },
		"put secret": func(ctx context.Context, c *client.Client) error {
			_, err := c.PutSecret(ctx, "a1", "s2", secretRequest(), "s1")
			return err
		},
		"add secret": func(ctx context.Context, c *client.Client) error {
			_, err := c.AddSecret(ctx, "a1", api.SecretRequest{})
			return err
		},
		"expire secret": func(ctx context.Context, c *client.Client) error {
			_, err := c.ExpireSecret(ctx, "a1", "s1", 5)
			return err
		},
		"revoke secret": func(ctx context.Context, c *client.Client) error { return c.RevokeSecret(ctx, "a1", "s1", "") },
		"revoke all":    func(ctx context.Context, c *client.Client) error { return c.RevokeAll(ctx, "a1") },
	}
}

// once are the calls that are not repeated when it is not known what became of
// the first.
var once = map[string]bool{"create": true, "password": true, "add secret": true, "revoke all": true}
