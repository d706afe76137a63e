package cli_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// The audit names the address that a trusted proxy tells, and nobody else's
// word about it.
func TestTrustedProxy(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flags   []string
		address string
	}{
		{"trusted", []string{"--trusted-proxy", "127.0.0.0/8,::1"}, "203.0.113.5"},
		{"not trusted", nil, "127.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			database := filepath.Join(t.TempDir(), "agents.db")
			c := makeClient(t, database, "gateway", "--scope-set", "introspect")
			s := serve(t, append([]string{"--database", database}, tt.flags...)...)
			form := url.Values{"grant_type": {"client_credentials"}}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/oauth2/token", strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth(c.ID, c.Secret)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-For", "1.1.1.1, 203.0.113.5")
			if status, text, err := exchange(r); err != nil || status != http.StatusOK {
				t.Fatalf("%d %s, %v", status, text, err)
			}
			at := slices.IndexFunc(entries(t, database), func(e audit.Entry) bool {
				return e.Action == audit.TokenIssue && e.Actor == "client:"+c.ID && e.Detail["address"] == tt.address
			})
			if at < 0 {
				t.Errorf("no login from %s in %+v", tt.address, entries(t, database))
			}
		})
	}
}

// The audit tells what becomes of the admin token: made, replaced, turned off.
func TestAdminToken_audit(t *testing.T) {
	database := filepath.Join(t.TempDir(), "agents.db")
	serve(t, "--database", database).kill()
	serve(t, "--database", database).kill() // nothing new
	mine := filepath.Join(t.TempDir(), "mine")
	put(t, mine, []byte("my-own-token_0123456789\n"))
	serve(t, "--database", database, "--admin-token-file", mine).kill()
	serve(t, "--database", database, "--admin-token-file", "none").kill()
	var got []audit.Action
	for _, e := range entries(t, database) {
		if strings.HasPrefix(string(e.Action), "admin.") {
			got = append(got, e.Action)
		}
		if strings.Contains(e.Reason+e.Target, "my-own") {
			t.Errorf("the token is in the audit: %+v", e)
		}
	}
	if want := []audit.Action{audit.AdminCreate, audit.AdminCreate, audit.AdminDelete}; !slices.Equal(got, want) {
		t.Errorf("the audit has %v, want %v", got, want)
	}
}

// entries are all of the audit.
func entries(t *testing.T, database string) (all []audit.Entry) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: database})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.View(t.Context(), func(r store.Reader) (err error) {
		all, err = r.Entries(0, 1_000_000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
