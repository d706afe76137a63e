//go:build unix

package journey_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// stored is what a sink holds under a name.
type stored struct {
	Value   string `json:"secretValue"`
	Version int64  `json:"version"`
}

// sinks are the secret managers of a journey: the server behind the provider of
// testdata/sink, out of Terraform's reach. Each name can be told to fail.
type sinks struct {
	url string

	mu     sync.Mutex
	values map[string]stored
	fails  map[string]stage // before: nothing is stored; committed: it is
}

func newSinks(t testing.TB, values map[string]stored) *sinks {
	t.Helper()
	s := &sinks{values: maps.Clone(values), fails: map[string]stage{}}
	if s.values == nil {
		s.values = map[string]stored{}
	}
	front := httptest.NewServer(s)
	t.Cleanup(front.Close)
	s.url = front.URL
	return s
}

func (s *sinks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/sink/")
	fails := s.fails[name]
	if r.Method == http.MethodGet {
		fails = "" // it is about writing
	}
	if fails == before {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	switch r.Method {
	case http.MethodPut:
		var in stored
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Value == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.values[name] = in
	case http.MethodDelete:
		delete(s.values, name)
	case http.MethodGet:
		if _, ok := s.values[name]; !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
	}
	if fails == committed {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(s.values[name])
}

// fail lets the writing of a name fail from now on; "" mends it.
func (s *sinks) fail(name string, when stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails[name] = when
}

// held is what the sinks hold now.
func (s *sinks) held() map[string]stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.values)
}

// beside is one address for a server and the sinks, so that a proxy in front of
// it sees the requests of both in their order.
func (s *sinks) beside(t testing.TB, server string) string {
	t.Helper()
	mux := http.NewServeMux()
	for path, target := range map[string]string{"/sink/": s.url, "/": server} {
		to, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle(path, httputil.NewSingleHostReverseProxy(to))
	}
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	return front.URL
}

// sinkBuilt builds the provider of the sinks, and a CLI configuration that has
// it beside ours.
var sinkBuilt = sync.OnceValues(func() (ts toolset, err error) {
	if ts, err = builtOnce(); err != nil {
		return ts, err
	}
	own, dir := filepath.Dir(ts.provider), filepath.Join(root, "sink")
	ts.config, ts.provider = filepath.Join(root, "sink.tfrc"), filepath.Join(dir, "terraform-provider-sink")
	if err := buildPackage(ts.provider, "./internal/journey/testdata/sink"); err != nil {
		return ts, err
	}
	text := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"agentcreds/agentcreds\" = %q\n    \"agentcreds/sink\" = %q\n  }\n  direct {}\n}\n", own, dir)
	return ts, os.WriteFile(ts.config, []byte(text), 0o600)
})

// sinkTools are those of a journey with sinks; provider is that of the sinks.
func sinkTools(t testing.TB) toolset {
	t.Helper()
	tools(t) // skips where there is no CLI
	ts, err := sinkBuilt()
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// sinkHeader is header for configurations that have sinks.
const sinkHeader = `
terraform {
  required_providers {
    agentcreds = {
      source = "agentcreds/agentcreds"
    }
    sink = {
      source = "agentcreds/sink"
    }
  }
}
`

// withSinks is the environment of a workspace whose provider and whose sinks
// are at a URL.
func (s *server) withSinks(t testing.TB, url string) []string {
	return append(s.env(url), "SINK_URL="+url, "TF_CLI_CONFIG_FILE="+sinkTools(t).config)
}
