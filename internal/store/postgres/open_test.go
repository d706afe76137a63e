//go:build unix

package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// run runs statements that are not the store's.
func run(t *testing.T, url, statements string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	if _, err := c.PgConn().Exec(t.Context(), statements).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

// What is not a store of this version is left alone, and said why.
func TestOpen_refused(t *testing.T) {
	server := pgtest.Start(t)
	run(t, server.URL(""), `CREATE SCHEMA foreign_tables; CREATE TABLE foreign_tables.agents (id int);
		CREATE SCHEMA other_program; CREATE TABLE other_program.meta (name text, value text); INSERT INTO other_program.meta VALUES ('application', 'x')`)
	run(t, server.URL(""), "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
	for _, schema := range []string{"newer", "without_format"} {
		if err := open(t, postgres.Config{URL: server.URL(schema)}).Close(); err != nil {
			t.Fatal(err)
		}
	}
	run(t, server.URL(""), `UPDATE newer.meta SET value = '99' WHERE name = 'format'; DELETE FROM without_format.meta WHERE name = 'format'`)
	for name, tt := range map[string]struct {
		url  string
		is   error
		says string
	}{
		"tables of others":   {server.URL("foreign_tables"), store.ErrForeign, "its schema foreign_tables holds something else"},
		"another program":    {server.URL("other_program"), store.ErrForeign, "holds something else"},
		"newer":              {server.URL("newer"), store.ErrForeign, "format 99, this program knows 2): upgrade the provider"},
		"no format":          {server.URL("without_format"), nil, "it has no format"},
		"no utf-8":           {strings.TrimSuffix(server.URL(""), "postgres") + "latin", nil, "its encoding is LATIN1"},
		"no such database":   {strings.TrimSuffix(server.URL(""), "postgres") + "none", nil, `database "none" does not exist`},
		"wrong password":     {strings.Replace(server.URL(""), "pg-Pa55word", "pg-Pa55word-wrong", 1), nil, "password authentication failed"},
		"nobody listens":     {"postgres://u:pg-Pa55word@127.0.0.1:1/db", store.ErrUnavailable, "the database does not answer"},
		"unencrypted server": {server.URL("") + "?sslmode=require", nil, "refused TLS"},
		"no port":            {"postgres://u:pg-Pa55word@127.0.0.1:x/db", nil, "it is not the url"},
		"no such setting":    {"postgres://u:pg-Pa55word@127.0.0.1/db?sslmode=maybe", nil, "it is not the url"},
		"two schemas":        {server.URL("a,b"), nil, "the name of one schema"},
		"another kind":       {"mysql://u:pg-Pa55word@127.0.0.1/db", nil, "it is not the url"},
		"a percent":          {"postgres://u:pg-Pa55word%zz@127.0.0.1/db", nil, "it is not the url"},
		"service":            {"postgres://u:pg-Pa55word@127.0.0.1/db?service=x", nil, "service is not possible"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := postgres.Open(t.Context(), postgres.Config{URL: tt.url, Create: true})
			if err == nil {
				_ = s.Close()
				t.Fatal("it was opened")
			}
			if tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v; want %v: %s", err, tt.is, tt.says)
			}
			if strings.Contains(err.Error(), "Pa55word") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
	_, err := postgres.Open(t.Context(), postgres.Config{URL: server.URL("nowhere")})
	if !errors.Is(err, store.ErrNoStore) {
		t.Errorf("Open of none = %v, want ErrNoStore", err)
	}
}

// A newer program that migrates the store ends the work of an older one.
func TestNewerMeanwhile(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, postgres.Config{URL: server.URL("")})
	run(t, server.URL(""), `UPDATE agentcreds.meta SET value = '99' WHERE name = 'format'`)
	err := s.View(t.Context(), func(store.Reader) error { t.Error("it reads"); return nil })
	if !errors.Is(err, store.ErrForeign) {
		t.Errorf("View = %v, want ErrForeign", err)
	}
	if err := increment(s, t, "a"); !errors.Is(err, store.ErrForeign) {
		t.Errorf("Update = %v, want ErrForeign", err)
	}
}

func TestRedact(t *testing.T) {
	for database, want := range map[string]string{
		"postgres://ann:pw@db.example.com:5432/agents?password=pw2&sslmode=require": "postgres://ann@db.example.com:5432/agents",
		"postgresql://db/agents":                   "postgres://db/agents",
		"postgres:///agents?host=/run&password=pw": "postgres:///agents?host=/run",
		"postgres://ann:p%zz@db/agents":            "postgres://…",
		"agents.db":                                "postgres://…",
	} {
		if got := postgres.Redact(database); got != want {
			t.Errorf("Redact(%q) = %q, want %q", database, got, want)
		}
	}
}

// hold keeps the agents from being written from the first word on the channel to
// the second, and ends with the third.
func hold(t *testing.T, url string, words chan struct{}) {
	c, err := pgx.Connect(t.Context(), url)
	if err == nil {
		_, err = c.Exec(t.Context(), "BEGIN; LOCK TABLE agentcreds.agents IN EXCLUSIVE MODE", pgx.QueryExecModeSimpleProtocol)
	}
	words <- struct{}{}
	<-words
	if err == nil {
		err = c.Close(t.Context())
	}
	if err != nil {
		t.Error(err)
	}
	words <- struct{}{}
}
