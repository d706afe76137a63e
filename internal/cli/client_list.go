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
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// listedClient is a line of client list --json.
type listedClient struct {
	ID      string    `json:"client_id"`
	Name    string    `json:"name"`
	Scopes  []string  `json:"scopes"`
	Created time.Time `json:"created_at"`
	Creator string    `json:"created_by"`
	// Those that are live, newest first.
	Secrets      []listedSecret      `json:"secrets"`
	Keys         []clientKey         `json:"keys"`
	Certificates []clientCertificate `json:"certificates"`
}

type listedSecret struct {
	ID      string    `json:"secret_id"`
	Hint    string    `json:"hint"`
	Created time.Time `json:"created_at"`
	Expires int64     `json:"expires_at"` // unix seconds; 0 never
}

type clientKey struct {
	ID      string    `json:"kid"`
	Alg     string    `json:"alg"`
	Created time.Time `json:"created_at"`
	Expires int64     `json:"expires_at"` // unix seconds; 0 never
}

// clientCertificate is a certificate, or the subject that one must name.
type clientCertificate struct {
	ID      string       `json:"certificate_id"`
	X5T     string       `json:"x5t#S256,omitempty"`
	Subject *api.Subject `json:"subject,omitempty"`
	Created time.Time    `json:"created_at"`
	Expires int64        `json:"expires_at"` // unix seconds; 0 never
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
			rows := [][]string{{"ID", "NAME", "SECRETS", "KEYS", "CERTIFICATES", "CREATED", "SCOPES"}}
			for _, each := range list {
				rows = append(rows, []string{
					each.ID, each.Name, fmt.Sprint(len(each.Secrets)), fmt.Sprint(len(each.Keys)), fmt.Sprint(len(each.Certificates)),
					each.Created.Format(time.DateOnly), strings.Join(each.Scopes, " "),
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
	out := newListed(c.ID, c.Name, c.Scopes)
	out.Created, out.Creator = c.Created.UTC().Truncate(time.Millisecond), c.Creator
	for _, s := range c.Secrets {
		if s.Live(now) {
			out.Secrets = append(out.Secrets, listedSecret{s.ID, s.Hint, time.UnixMilli(s.Created).UTC(), s.Expires})
		}
	}
	for _, k := range c.Keys {
		created := time.UnixMilli(k.Created).UTC()
		switch {
		case !k.Live(now):
		case k.Kind() == store.KeyKind:
			out.Keys = append(out.Keys, clientKey{k.ID, k.Alg, created, k.Expires})
		default:
			out.Certificates = append(out.Certificates, clientCertificate{k.ID, k.Fingerprint, server.SubjectBody(k.Subject), created, k.Expires})
		}
	}
	return out
}

func listServed(c api.ManagementClient) listedClient {
	out := newListed(c.ClientID, c.Name, c.Scopes)
	out.Created, out.Creator = time.UnixMilli(c.CreatedAt).UTC(), c.CreatedBy
	for _, s := range c.Secrets {
		out.Secrets = append(out.Secrets, listedSecret{s.SecretID, s.Hint, time.UnixMilli(s.CreatedAt).UTC(), s.ExpiresAt})
	}
	for _, k := range c.Keys {
		out.Keys = append(out.Keys, clientKey{k.KID, k.Alg, time.UnixMilli(k.CreatedAt).UTC(), k.ExpiresAt})
	}
	for _, cert := range c.Certificates {
		out.Certificates = append(out.Certificates, clientCertificate{cert.ID, cert.ThumbprintS256, cert.Subject, time.UnixMilli(cert.CreatedAt).UTC(), cert.ExpiresAt})
	}
	return out
}

// newListed is one without anything to sign in with.
func newListed(id, name string, scopes []string) listedClient {
	return listedClient{ID: id, Name: name, Scopes: scopes, Secrets: []listedSecret{}, Keys: []clientKey{}, Certificates: []clientCertificate{}}
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
