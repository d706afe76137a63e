package cli_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
)

// Of several servers that need the first key at once, one makes the seal key
// and one the signing key; a token of any is in force at all.
func TestSealKey_together(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	c := makeClient(t, database, "gateway", "--scope-set", "introspect")
	var servers [4]*house
	for i := range servers {
		s := serve(t, "--database", database, "--issuer", "http://127.0.0.1:8484")
		servers[i] = &house{serving: s, database: database, inspector: c}
	}
	var tokens [len(servers)]string
	var done sync.WaitGroup
	for i, s := range servers {
		done.Go(func() {
			status, text := s.post(t, "/oauth2/token", c, url.Values{"grant_type": {"client_credentials"}})
			var got struct {
				Token string `json:"access_token"`
			}
			if err := json.Unmarshal([]byte(text), &got); status != http.StatusOK || err != nil {
				t.Errorf("server %d: %d %s, %v", i, status, text, err)
			}
			tokens[i] = got.Token
		})
	}
	done.Wait()
	for _, s := range servers {
		for _, token := range tokens {
			if !s.active(t, token) {
				t.Error("a server does not know the token of another")
			}
		}
	}
	left, err := filepath.Glob(database + "*new-*")
	if err != nil || len(left) > 0 {
		t.Errorf("they left %v, %v", left, err)
	}
}
