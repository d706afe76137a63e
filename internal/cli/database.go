package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/embedded"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// checkDatabaseName refuses what is neither a file name nor the URL of a
// PostgreSQL database.
func checkDatabaseName(database string) error {
	switch {
	case database == "":
		return errors.New("the name of a file, or a url of a postgresql database, is needed")
	case postgres.IsURL(database):
		return postgres.Check(database)
	case strings.Contains(database, "://"):
		return errors.New("give the name of a file, or a url as postgres://user@host/database")
	}
	return nil
}

// shown is a database as people may see it: a URL may hold a password.
func shown(database string) string {
	if postgres.IsURL(database) {
		return postgres.Redact(database)
	}
	return database
}

// beside is what the names begin with of files that belong to a database: its own
// name, where it is a file.
func beside(database string) string {
	if postgres.IsURL(database) {
		return "agentcreds"
	}
	return database
}

func badDatabase(database string, err error) error {
	kind, _, isURL := strings.Cut(database, "://")
	if isURL {
		kind += "://…" // the rest may hold a password
	}
	return badValue("database", kind, err)
}

// opening says how a database is opened.
type opening struct {
	database string
	create   bool   // where there is none, which only serve and client create do
	creator  string // who is in the first audit entry then
	replica  bool   // it is one of several servers on one database
	server   string // what the server is called where others find the database in use; "" for what is none
}

// openStore opens a database.
func openStore(ctx context.Context, o opening) (store.Store, error) {
	if postgres.IsURL(o.database) {
		return openPostgres(ctx, o)
	}
	s, err := sqlite.Open(ctx, sqlite.Config{Path: o.database, Create: o.create, Creator: o.creator, Server: o.server})
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, store.ErrNoStore):
		return nil, hint(err, "name the database of the server with --database")
	case errors.Is(err, store.ErrForeign):
		return nil, hint(err, "nothing was changed; choose another file with --database")
	case errors.Is(err, store.ErrBusy):
		return nil, hint(err, "end the process that holds it, or choose another file with --database")
	default:
		return nil, hint(err, "check the file and its directory, or choose another one with --database")
	}
}

func openPostgres(ctx context.Context, o opening) (store.Store, error) {
	s, err := postgres.Open(ctx, postgres.Config{URL: o.database, Create: o.create, Creator: o.creator, Replica: o.replica, Server: o.server})
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, store.ErrNoStore):
		return nil, hint(err, "name the database of the server with --database; serve and client create make a store in it")
	case errors.Is(err, store.ErrForeign):
		return nil, hint(err, "nothing was changed; name another schema with ?search_path=NAME in --database")
	case errors.Is(err, store.ErrBusy):
		return nil, hint(err, "nothing was changed; end what uses it, or try again when it has ended")
	case errors.Is(err, store.ErrUnavailable):
		return nil, hint(err, "see whether postgresql runs there, and what a firewall between says")
	default:
		return nil, hint(err, "check the url in --database, and what its user may do: it needs CREATE on the database to make the schema agentcreds")
	}
}

// directly is a command that works on a database itself, whether a server runs on
// it or not.
type directly struct {
	Database string
	ca       authority.CAConfig
}

func (d *directly) flag(c *cobra.Command) {
	c.Flags().StringVar(&d.Database, "database", "agentcreds.db", "`file` of the database, or a postgres:// url")
}

// open opens the database for one command; create makes one where there is
// none. The caller is who runs the command: who can write the database is its
// administrator.
func (d *directly) open(ctx context.Context, create bool) (*authority.Authority, authority.Principal, func() error, error) {
	who := authority.Principal{Name: localUser(), Scopes: []string{authority.AllScopes}}
	if err := checkDatabaseName(d.Database); err != nil {
		return nil, who, nil, badDatabase(d.Database, err)
	}
	s, err := openStore(ctx, opening{database: d.Database, create: create, creator: who.Name})
	if err != nil {
		return nil, who, nil, err
	}
	rules, err := authority.New(authority.Config{Store: s, CA: d.ca})
	if err != nil {
		return nil, who, nil, errors.Join(err, s.Close())
	}
	return rules, who, s.Close, nil
}

// localUser is who runs the program, as the audit names it.
func localUser() string { return embedded.LocalUser() }
