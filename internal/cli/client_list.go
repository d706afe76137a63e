package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// listedClient is a line of client list --json.
type listedClient struct {
	ID      string         `json:"client_id"`
	Name    string         `json:"name"`
	Scopes  []string       `json:"scopes"`
	Created time.Time      `json:"created_at"`
	Creator string         `json:"created_by"`
	Secrets []listedSecret `json:"secrets"` // the live ones, newest first
}

type listedSecret struct {
	ID      string    `json:"secret_id"`
	Hint    string    `json:"hint"`
	Created time.Time `json:"created_at"`
	Expires int64     `json:"expires_at"` // unix seconds; 0 never
}

func (p Program) clientList() *cobra.Command {
	var at bookFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the management clients",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := at.open(c, p.Getenv, bookNeed{scope: api.ScopeClientView})
			if err != nil {
				return err
			}
			list, err := b.list(c.Context())
			if err := errors.Join(err, b.close()); err != nil {
				return hintClient(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			rows := [][]string{{"ID", "NAME", "SECRETS", "CREATED", "SCOPES"}}
			for _, each := range list {
				rows = append(rows, []string{
					each.ID, each.Name, fmt.Sprint(len(each.Secrets)), each.Created.Format(time.DateOnly), strings.Join(each.Scopes, " "),
				})
			}
			return printTable(c.OutOrStdout(), rows)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print them as JSON")
	at.flags(c, p.Getenv)
	return c
}

func listClient(c authority.Client, now time.Time) listedClient {
	out := listedClient{ID: c.ID, Name: c.Name, Scopes: c.Scopes, Created: c.Created.UTC().Truncate(time.Millisecond), Creator: c.Creator, Secrets: []listedSecret{}}
	for _, s := range c.Secrets {
		if s.Live(now) {
			out.Secrets = append(out.Secrets, listedSecret{s.ID, s.Hint, time.UnixMilli(s.Created).UTC(), s.Expires})
		}
	}
	return out
}

func listServed(c api.ManagementClient) listedClient {
	out := listedClient{ID: c.ClientID, Name: c.Name, Scopes: c.Scopes, Created: time.UnixMilli(c.CreatedAt).UTC(), Creator: c.CreatedBy, Secrets: []listedSecret{}}
	for _, s := range c.Secrets {
		out.Secrets = append(out.Secrets, listedSecret{s.SecretID, s.Hint, time.UnixMilli(s.CreatedAt).UTC(), s.ExpiresAt})
	}
	return out
}

// printJSON prints what a program reads.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printTable prints what people read; the first row is its head.
func printTable(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(table, strings.Join(row, "\t")) // Flush tells
	}
	return table.Flush()
}
