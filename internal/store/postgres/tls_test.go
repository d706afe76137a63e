//go:build unix

package postgres_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// with is a database's URL with other parameters, and perhaps another user and host.
func with(t *testing.T, database string, change func(*url.URL, url.Values)) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	change(u, q)
	u.RawQuery = q.Encode()
	return u.String()
}

// A database that takes nobody without TLS is one like any other; who it is is
// checked as the URL says, and a certificate may stand for a password.
func TestTLS(t *testing.T) {
	server := pgtest.Start(t)
	run(t, server.URL(""), "CREATE ROLE keeper LOGIN; GRANT CREATE ON DATABASE postgres TO keeper")
	ca, cert, key := server.Secure(t, "keeper")
	other := filepath.Join(t.TempDir(), "other.crt")
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, text, 0o600); err != nil {
		t.Fatal(err)
	}
	full := with(t, server.URL(""), func(_ *url.URL, q url.Values) { q.Set("sslmode", "verify-full"); q.Set("sslrootcert", ca) })
	keeper := with(t, full, func(u *url.URL, q url.Values) {
		u.User = url.User("keeper")
		q.Set("sslcert", cert)
		q.Set("sslkey", key)
		q.Set("search_path", "kept")
	})
	for name, database := range map[string]string{"password": full, "certificate": keeper} {
		t.Run(name, func(t *testing.T) {
			s := open(t, postgres.Config{URL: database, Replica: true})
			addAgent(t, s, "a")
			if err := s.View(t.Context(), func(r store.Reader) error {
				_, err := r.Agent("a")
				return err
			}); err != nil {
				t.Error(err)
			}
			c, err := pgx.Connect(t.Context(), full)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close(context.Background()) }()
			var open, secured int
			if err := c.QueryRow(t.Context(), "SELECT count(*), count(*) FILTER (WHERE ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'agentcreds'").
				Scan(&open, &secured); err != nil || open < 2 || secured != open {
				t.Errorf("of %d connections %d have TLS, %v", open, secured, err)
			}
		})
	}
	for name, tt := range map[string]struct{ url, says string }{
		"no TLS":       {with(t, full, func(_ *url.URL, q url.Values) { q.Set("sslmode", "disable") }), "no encryption"},
		"another CA":   {with(t, full, func(_ *url.URL, q url.Values) { q.Set("sslrootcert", other) }), "certificate signed by unknown authority"},
		"another host": {with(t, full, func(u *url.URL, _ url.Values) { u.Host = "localhost:" + u.Port() }), "localhost"},
		"no such CA":   {with(t, full, func(_ *url.URL, q url.Values) { q.Set("sslrootcert", other+"x") }), "sslrootcert in the url of the database: open "},
		"no CA":        {with(t, full, func(_ *url.URL, q url.Values) { q.Set("sslrootcert", key) }), "or what sslrootcert"},
		"nobody": {with(t, keeper, func(u *url.URL, q url.Values) {
			q.Del("sslcert")
			q.Del("sslkey")
		}), "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := postgres.Open(t.Context(), postgres.Config{URL: tt.url, Create: true})
			if err == nil {
				_ = s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), pgtest.Password) {
				t.Errorf("%v; want it to say %s", err, tt.says)
			}
		})
	}
}
