package apitest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/apitest"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/embedded"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// TestEmbedded: a new file for each test.
func TestEmbedded(t *testing.T) {
	apitest.Run(t, func(t *testing.T) *client.Client {
		c, done, err := embedded.Open(embedded.Config{Path: filepath.Join(t.TempDir(), "agents.db"), Version: "1.2.3"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = done() })
		return c
	})
}

// TestOverHTTP: one server for all tests, reached through a port, with a
// further live secret.
func TestOverHTTP(t *testing.T) {
	const token = "a-token-of-the-test"
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "agents.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	rules, err := authority.New(authority.Config{Store: st, MaxSecrets: 3})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := server.New(server.Config{
		Authority: server.Always(rules),
		Authorize: func(r *http.Request) (authority.Principal, error) {
			if r.Header.Get("Authorization") != "Bearer "+token {
				return authority.Principal{}, errors.New("not the token")
			}
			return authority.Principal{Name: "admin", Scopes: []string{authority.AllScopes}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	apitest.Run(t, func(t *testing.T) *client.Client {
		c, err := client.New(client.Config{BaseURL: web.URL, Auth: client.BearerToken(secret.New(token))})
		if err != nil {
			t.Fatal(err)
		}
		return c
	})
}
