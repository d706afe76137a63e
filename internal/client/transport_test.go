package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// TestNetworkFaults: what goes wrong before a request is on its way names the
// URL and the setting that helps, and leaves no doubt that nothing was done.
func TestNetworkFaults(t *testing.T) {
	secure := httptest.NewUnstartedServer(reference(replyAgent))
	secure.Config.ErrorLog = log.New(t.Output(), "", 0) // it tells of every handshake that is refused
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(reference(replyAgent))
	t.Cleanup(plain.Close)
	trusting := &tls.Config{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs} //nolint:forcetypeassert // httptest says so
	closed := httptest.NewServer(nil)
	closed.Close()

	for _, tt := range []struct {
		name   string
		change func(*client.Config)
		want   string
		is     error
	}{
		{"nothing listens", func(cfg *client.Config) { cfg.BaseURL = closed.URL }, "nothing listens there: check endpoint", syscall.ECONNREFUSED},
		{"unknown authority", func(cfg *client.Config) { cfg.BaseURL = secure.URL }, "set ca_certificate to the certificate of the authority", nil},
		{"another name", func(cfg *client.Config) {
			cfg.BaseURL, cfg.TLS = strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), trusting
		}, "use a host name in endpoint that the server's certificate is for", nil},
		{"https to http", func(cfg *client.Config) { cfg.BaseURL = strings.Replace(plain.URL, "http:", "https:", 1) }, "the server speaks plain HTTP", http.ErrSchemeMismatch},
		// No test may ask a real resolver, so the failed look-up is made up.
		{"unknown host", func(cfg *client.Config) {
			cfg.BaseURL = "https://nowhere.example"
			cfg.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.DNSError{Err: "no such host", Name: "nowhere.example", IsNotFound: true}
			}}
		}, "check the host name in endpoint", nil},
	} {
		for _, name := range []string{"read", "create", "put secret"} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				c := newClient(t, tt.change)
				err := calls(t)[name](t.Context(), c)
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), c.BaseURL()+"/scim2/") {
					t.Fatalf("error = %v, want one with %q and the URL", err, tt.want)
				}
				if tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("error = %v does not wrap %v", err, tt.is)
				}
				if errors.Is(err, client.ErrAmbiguous) || strings.Contains(err.Error(), "?") {
					t.Errorf("error = %v is ambiguous, or has a query in it", err)
				}
			})
		}
	}
	c := newClient(t, func(cfg *client.Config) { cfg.BaseURL, cfg.TLS = secure.URL, trusting })
	if _, err := c.Agent(t.Context(), "a1"); err != nil {
		t.Errorf("with the authority trusted: %v", err)
	}
}

// TestHopeless: an error that will be the same the next time is not tried again.
func TestHopeless(t *testing.T) {
	for name, fault := range map[string]error{
		"certificate": &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		"host":        &net.DNSError{IsNotFound: true},
	} {
		tries := 0
		c := newClient(t, func(cfg *client.Config) {
			cfg.BaseURL = "https://example.org"
			cfg.Transport = transport(func(*http.Request) (*http.Response, error) { tries++; return nil, fault })
		})
		if _, err := c.Server(t.Context()); err == nil || tries != 1 {
			t.Errorf("%s: %v after %d tries", name, err, tries)
		}
	}
}

// TestCutAnswer: the status came, the body did not. The server has done it.
func TestCutAnswer(t *testing.T) {
	half := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(201)
		_, _ = w.Write([]byte(`{"id":"a1"`))
		_ = http.NewResponseController(w).Flush()
		cut(w, r)
	}
	for name, call := range calls(t) {
		f := reference(sequence(half, success(name)))
		err := call(t.Context(), f.over(t))
		switch got := len(f.requests()); {
		case once[name] && (got != 1 || !errors.Is(err, client.ErrAmbiguous) || !strings.Contains(err.Error(), "in the middle of the answer")):
			t.Errorf("%s = %v after %d requests, want to be ambiguous after 1", name, err, got)
		case !once[name] && (got != 2 || err != nil):
			t.Errorf("%s = %v after %d requests, want success after 2", name, err, got)
		}
	}
}

// TestSilentTransport: one that reports nothing of its connections must be
// taken to have sent what it was given.
func TestSilentTransport(t *testing.T) {
	c := newClient(t, func(cfg *client.Config) {
		cfg.BaseURL = "http://localhost"
		cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return inProcess{reference(nil)}.RoundTrip(r)
			}
			return nil, errors.New("broken")
		})
	})
	if _, err := c.CreateAgent(t.Context(), api.Agent{}); !errors.Is(err, client.ErrAmbiguous) {
		t.Errorf("CreateAgent = %v, want to be ambiguous", err)
	}
}

// TestKeepAlive: connections are used again, after failures too.
func TestKeepAlive(t *testing.T) {
	var mu sync.Mutex
	var conns int
	f := reference(sequence(status(502), status(404), body(400, strings.Repeat("x", 1<<20)), replyAgent))
	s := httptest.NewUnstartedServer(f)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			mu.Lock()
			defer mu.Unlock()
			conns++
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := newClient(t, func(cfg *client.Config) { cfg.BaseURL = s.URL })
	for range 10 {
		_, _ = c.Agent(t.Context(), "a1")
	}
	mu.Lock()
	defer mu.Unlock()
	if conns != 1 {
		t.Errorf("%d connections for %d requests, want 1", conns, len(f.requests()))
	}
}

// debugLog keeps the client's lines.
type debugLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *debugLog) Debug(_ context.Context, msg string, fields map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprint(msg, " ", fields))
}

func (l *debugLog) Info(ctx context.Context, msg string, fields map[string]any) {
	l.Debug(ctx, msg, fields)
}

// TestLog: each attempt is a line, without header, query or body.
func TestLog(t *testing.T) {
	var l debugLog
	f := reference(sequence(cut, status(502), success("put secret")))
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	c := newClient(t, func(cfg *client.Config) { cfg.BaseURL, cfg.Logger = s.URL+"/t/acme", &l })
	if err := calls(t)["put secret"](t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.AgentByExternalID(t.Context(), "who"); err == nil {
		t.Fatal("a secret passes for a list")
	}
	all := strings.Join(l.lines, "\n")
	for _, want := range []string{
		"path:/t/acme/api/server/v1/agents/a1/secrets/s2", "attempt:3", "attempt:1", "status:502", "status:200", "error:the connection ended before the answer: EOF", "method:PUT",
		"path:/t/acme/scim2/Agents ", "duration_ms:",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in the log:\n%s", want, all)
		}
	}
	for _, bad := range []string{value, "secretValue", "externalId", "?", "filter"} {
		if strings.Contains(all, bad) {
			t.Errorf("%q is in the log:\n%s", bad, all)
		}
	}
}

// TestClockSlowAnswers: a Date that was long on its way, or lacks almost a
// second, does not let the clock go back; one of a clock that was set does.
func TestClockSlowAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var way, set time.Duration
		f := reference(nil)
		c := newClient(t, func(cfg *client.Config) {
			cfg.BaseURL = "http://localhost"
			cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
				date := time.Now().Add(set).UTC().Format(http.TimeFormat)
				time.Sleep(way)
				resp, err := inProcess{f}.RoundTrip(r)
				resp.Header.Set("Date", date)
				return resp, err
			})
		})
		f.script = func(w http.ResponseWriter, _ *http.Request, _ string) { replyAgent(w, nil) }
		var last time.Time
		for _, way = range []time.Duration{0, 999 * time.Millisecond, 5 * time.Second, time.Millisecond, 20 * time.Second, 0} {
			if _, err := c.Agent(t.Context(), "a1"); err != nil {
				t.Fatal(err)
			}
			now, err := c.Now(t.Context())
			if off := time.Until(now); err != nil || now.Before(last) || off > 0 || off < -time.Second {
				t.Errorf("Now = %v, %v after %v and an answer of %s; it is %v", now, err, last, way, time.Now())
			}
			last = now
			time.Sleep(700 * time.Millisecond)
		}
		for _, set = range []time.Duration{time.Hour, -time.Hour} {
			if _, err := c.Agent(t.Context(), "a1"); err != nil {
				t.Fatal(err)
			}
			if now, err := c.Now(t.Context()); err != nil || now.Sub(time.Now().Add(set)).Abs() > time.Second {
				t.Errorf("Now = %v, %v after the clock was set by %s", now, err, set)
			}
		}
	})
}

// TestClock: the server's clock goes on between answers, and never back by the
// fractions that a Date lacks.
func TestClock(t *testing.T) {
	ahead := 48 * time.Hour
	f := reference(nil)
	f.script = func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		reply(w, 200, agent("a1"))
	}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	c := newClient(t, func(cfg *client.Config) { cfg.BaseURL = s.URL })
	if _, err := c.Agent(t.Context(), "a1"); err != nil {
		t.Fatal(err)
	}
	var last time.Time
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); {
		now, err := c.Now(t.Context())
		if err != nil || now.Before(last) {
			t.Fatalf("Now = %v, %v after %v", now, err, last)
		}
		if off := now.Sub(time.Now().Add(ahead)); off > 50*time.Millisecond || off < -1100*time.Millisecond {
			t.Fatalf("Now is off by %s", off)
		}
		last = now
		if _, err := c.Agent(t.Context(), "a1"); err != nil {
			t.Fatal(err)
		}
	}
	ahead = 0 // the server's clock was set
	if _, err := c.Agent(t.Context(), "a1"); err != nil {
		t.Fatal(err)
	}
	if now, err := c.Now(t.Context()); err != nil || now.After(time.Now().Add(time.Second)) {
		t.Errorf("Now = %v, %v after the clock was set back", now, err)
	}
}

// TestClockAsks: without an answer yet the server is asked what it is; one that
// tells no time is an error, and our own clock no way out.
func TestClockAsks(t *testing.T) {
	f := reference(replyAgent)
	if now, err := f.over(t).Now(t.Context()); err != nil || time.Since(now) > 2*time.Second || f.configs() != 1 {
		t.Errorf("Now = %v, %v after %d requests", now, err, f.configs())
	}
	mute := scripted(nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		reply(w, 200, serverConfig(nil))
	})
	if _, err := mute.over(t).Now(t.Context()); err == nil || !strings.Contains(err.Error(), "no Date") {
		t.Errorf("Now = %v, want an error", err)
	}
	if _, err := scripted(nil, status(403)).over(t).Now(t.Context()); !errors.Is(err, api.ErrForbidden) {
		t.Errorf("Now = %v, want the server's refusal", err)
	}
}
