package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// migrated is what migrate --json prints.
type migrated struct {
	StoreID string          `json:"storeId"`
	Tables  []migratedTable `json:"tables"`
}

type migratedTable struct {
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	Before int64  `json:"copiedBefore,omitempty"` // by an attempt that was broken off
	Hash   string `json:"hash"`                   // the same in both
}

func (p Program) migrate() *cobra.Command {
	var from, to string
	var asJSON bool
	c := &cobra.Command{
		Use:   "migrate --from FILE --to URL",
		Short: "Copy the database of a server from a SQLite file to PostgreSQL",
		Long: `Copy everything from a SQLite file to a PostgreSQL database in which there is no
store yet: agents, credentials, clients, keys, audit and the id of the store, so that
no state of Terraform and no token notices. Then both are compared, row by row, and
the numbers of rows and their hashes are printed. End what uses the file before.

What was broken off, at whatever moment, goes on when it is run again; the new
database cannot be used before all of it is the same. The file is not changed: keep it as a backup, and never
start a server on it again. The seal key is not in the database: give the servers
that start on the new one the same with --seal-key.`,
		Example: `  terraform-provider-agentcreds migrate --from agentcreds.db --to "postgres://agentcreds@db.example.com/agentcreds"
  terraform-provider-agentcreds serve --database "postgres://agentcreds@db.example.com/agentcreds" --seal-key file:agentcreds.db.key`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			done, err := migrate(c.Context(), from, to)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), done)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, t := range done.Tables {
				_, err = fmt.Fprintf(w, "%s\t%d rows\t%s\n", t.Table, t.Rows, t.Hash)
			}
			return errors.Join(err, w.Flush())
		},
	}
	c.Flags().SortFlags = false
	c.Flags().StringVar(&from, "from", "", "`file` of the SQLite database")
	c.Flags().StringVar(&to, "to", "", "postgres:// `url` of the database to copy to")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	fromEnvironment(c, p.Getenv, "to")
	return c
}

func migrate(ctx context.Context, from, to string) (out migrated, err error) {
	switch {
	case from == "" || postgres.IsURL(from):
		return out, badArgument("from", shown(from), errors.New("the name of a sqlite file is needed"))
	case !postgres.IsURL(to):
		return out, badArgument("to", "…", errors.New("a url of a postgresql database is needed, as postgres://user@host/database"))
	}
	if err := postgres.Check(to); err != nil {
		return out, badArgument("to", "postgres://…", err)
	}
	source, err := sqlite.Open(ctx, sqlite.Config{Path: from})
	if err != nil {
		return out, hint(err, "name the database of the server with --from")
	}
	if err := source.View(ctx, func(r store.Reader) error {
		if r.Quarantined() {
			return store.ErrQuarantined
		}
		return nil
	}); err != nil {
		return out, errors.Join(hintQuarantine(err, from), source.Close())
	}
	done, err := postgres.Copy(ctx, postgres.Config{URL: to, Creator: localUser()}, source)
	if err := errors.Join(err, source.Close()); err != nil {
		if errors.Is(err, store.ErrExists) {
			return out, hint(err, "nothing was changed; name another schema with ?search_path=NAME in --to")
		}
		return out, hint(err, "run it again when that is mended: it goes on where it was broken off")
	}
	out.StoreID = source.ID()
	for _, t := range done {
		out.Tables = append(out.Tables, migratedTable(t))
	}
	return out, nil
}
