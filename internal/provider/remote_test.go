package provider_test

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// adminToken signs in to the remote server of a test.
const adminToken = "agca_0123456789abcdefghijklmnopqrstuvwxyz"

// remote is the real management server behind a real listener. It keeps a
// journal of requests, and between the network and the handler it can be told
// to break: that is the only thing about it that is made for tests.
type remote struct {
	url       string // of the provider
	calm      string // of hands: what they do is not what is tried
	authority *authority.Authority
	handler   http.Handler
	store     store.Store
	skew      *skew

	mu      sync.Mutex
	journal []request
	faults  []*fault
}

// request is a line of the journal.
type request struct {
	Method, Path string
	Status       int // what the handler answered; 0 when it was not asked
}

// skew is a clock that can be put forward.
type skew struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (s *skew) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.ahead)
}

func (s *skew) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

// dated lets every answer have the time of the server, also one that something
// before it gives: the provider goes by the last it saw.
func (s *skew) dated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
		next.ServeHTTP(w, r)
	})
}

// newRemote starts a server over a store, which it makes if there is none.
func newRemote(t *testing.T, path string) *remote {
	t.Helper()
	return newRemoteAs(t, path, server.Reference(), authority.Config{CA: ownCA()})
}

// ownCA lets a server make its CA by itself.
func ownCA() authority.CAConfig {
	return authority.CAConfig{
		Own: true, TrustDomain: "agents.example", Seal: func() (secret.SealKey, error) { return secret.NewSealKey(make([]byte, secret.SealKeyLen)) },
	}
}

// newRemoteAs is newRemote for a product with rules of its own.
func newRemoteAs(t *testing.T, path string, profile server.Profile, rules authority.Config) *remote {
	t.Helper()
	r := &remote{skew: &skew{}}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Create: true, Creator: "test", Now: r.skew.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	r.store = st
	rules.Store, rules.Now = st, r.skew.Now
	if r.authority, err = authority.New(rules); err != nil {
		t.Fatal(err)
	}
	r.handler, err = server.New(server.Config{
		Authority: server.Always(r.authority), Profile: profile, Authorize: byToken, Version: "test", Now: r.skew.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(r)
	t.Cleanup(ts.Close)
	r.url, r.calm = ts.URL, ts.URL
	if stormy() {
		front := httptest.NewServer(r.skew.dated(newChaos(t, r, 1, chaosRules...)))
		t.Cleanup(front.Close)
		r.url = front.URL
	}
	return r
}

// byToken knows the tokens of these tests, and one user with a password.
func byToken(r *http.Request) (authority.Principal, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if user, password, ok := r.BasicAuth(); ok && user == "admin" && password == adminToken {
		token = adminToken
	}
	switch token {
	case adminToken:
		return authority.Principal{Name: "admin", Scopes: []string{authority.AllScopes}}, nil
	case otherToken:
		return authority.Principal{Name: "other", Scopes: []string{authority.AllScopes}}, nil
	default:
		return authority.Principal{}, errors.New("who is that?")
	}
}

// otherToken signs in as another principal than adminToken.
const otherToken = "agca_zyxwvutsrqponmlkjihgfedcba9876543210"

// fault breaks the requests that it is about.
type fault struct {
	method string         // "" for every one
	path   *regexp.Regexp // nil for every one
	after  int            // this many of them pass first
	times  int            // then this many are broken; 0: all of them

	// first lets the server carry the request out, so that only its answer
	// is lost.
	first bool
	// answer is what the client gets instead; nil: the connection breaks.
	answer http.HandlerFunc
	// hold, when not nil, is called before the server is asked, and then
	// nothing is broken.
	hold func()
}

// fail adds a fault.
func (r *remote) fail(f fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, &f)
}

// mend takes all faults away.
func (r *remote) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = nil
}

// broken gives the fault that a request meets; nil for none.
func (r *remote) broken(req *http.Request) *fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range r.faults {
		if (f.method != "" && f.method != req.Method) || (f.path != nil && !f.path.MatchString(req.URL.Path)) {
			continue
		}
		if f.after > 0 {
			f.after--
			continue
		}
		if f.times == 1 {
			r.faults = slices.Delete(r.faults, i, i+1)
		}
		f.times--
		return f
	}
	return nil
}

func (r *remote) note(req *http.Request, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.journal = append(r.journal, request{req.Method, req.URL.Path, status})
}

func (r *remote) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	f := r.broken(req)
	if f != nil && f.hold != nil {
		f.hold()
		f = nil
	}
	if f != nil && !f.first {
		r.note(req, 0)
		f.breaks(w, req)
		return
	}
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, req)
	r.note(req, rec.Code)
	if f != nil {
		f.breaks(w, req)
		return
	}
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

func (f *fault) breaks(w http.ResponseWriter, req *http.Request) {
	if f.answer == nil {
		panic(http.ErrAbortHandler)
	}
	f.answer(w, req)
}

// says answers with a status, a media type and a body.
func says(status int, media, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// html is what a proxy says.
func html(status int) http.HandlerFunc {
	return says(status, "text/html", "<html><head><title>Oops</title></head><body><h1>It works!</h1></body></html>")
}

// scim is an error in the server's own words.
func scim(status int, detail string, header ...string) http.HandlerFunc {
	body := `{"schemas":["` + api.SchemaError + `"],"detail":"` + detail + `","status":"` + strconv.Itoa(status) + `"}`
	return says(status, api.MediaType, body, header...)
}

// requests are those of the journal with the method and a path that matches.
func (r *remote) requests(method, path string) []request {
	re := regexp.MustCompile(path)
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []request
	for _, q := range r.journal {
		if (method == "" || q.Method == method) && re.MatchString(q.Path) {
			out = append(out, q)
		}
	}
	return out
}

// count is how many requests there were.
func (r *remote) count(method, path string) int { return len(r.requests(method, path)) }

// forget empties the journal.
func (r *remote) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.journal = nil
}

// Paths for faults and for the journal.
const (
	anyAgent    = `^/scim2/Agents/[^/]+$`
	allAgents   = `^/scim2/Agents$`
	anySecret   = `^/api/server/v1/agents/[^/]+/secrets/[^/]+$`
	aboutItself = `^/scim2/ServiceProviderConfig$`
	anyPath     = `.`
)
