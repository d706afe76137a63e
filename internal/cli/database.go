package cli

import (
	"context"
	"errors"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// databaseFile refuses what is not a file name.
func databaseFile(database string) error {
	kind, _, isURL := strings.Cut(database, "://")
	switch {
	case database == "":
		return errors.New("a file name is needed")
	case isURL && (kind == "postgres" || kind == "postgresql"):
		return errors.New("postgresql is not supported by this version: give the name of a sqlite file")
	case isURL:
		return errors.New("give the name of a file, not a url")
	}
	return nil
}

func badDatabase(database string, err error) error {
	kind, _, isURL := strings.Cut(database, "://")
	if isURL {
		kind += "://…" // the rest may hold a password
	}
	return badValue("database", kind, err)
}

// openStore opens a database. Only serve and client create make one where there
// is none; creator is then in its first audit entry.
func openStore(ctx context.Context, cfg sqlite.Config) (store.Store, error) {
	s, err := sqlite.Open(ctx, cfg)
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

// directly is a command that works on a database itself, whether a server runs on
// it or not.
type directly struct {
	Database string
	ca       authority.CAConfig
}

func (d *directly) flag(c *cobra.Command) {
	c.Flags().StringVar(&d.Database, "database", "agentcreds.db", "`file` of the database")
}

// open opens the database for one command; create makes one where there is
// none. The caller is who runs the command: who can write the file is its
// administrator.
func (d *directly) open(ctx context.Context, create bool) (*authority.Authority, authority.Principal, func() error, error) {
	who := authority.Principal{Name: localUser(), Scopes: []string{authority.AllScopes}}
	if err := databaseFile(d.Database); err != nil {
		return nil, who, nil, badDatabase(d.Database, err)
	}
	s, err := openStore(ctx, sqlite.Config{Path: d.Database, Create: create, Creator: who.Name})
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
func localUser() string {
	name := "uid-" + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return "local:" + name + "@" + host
}
