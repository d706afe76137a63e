package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// pruned is what audit prune --json prints.
type pruned struct {
	Removed int64  `json:"removed"`
	First   int64  `json:"first,omitempty"` // the number of the first entry that stayed; when some were removed
	Hash    string `json:"hash,omitempty"`  // of the last one that was removed
}

func (p Program) auditPrune() *cobra.Command {
	var d directly
	var before string
	var asJSON bool
	c := &cobra.Command{
		Use:   "prune --before TIME",
		Short: "Remove the oldest entries of the audit, for good",
		Long: `Remove the entries of the audit that are older than a time, for good: export them
before. The cut is an entry of the audit itself, which says who made it, and with
which hash what was removed ended: so audit verify accepts the chain from there on,
and finds a removal that was not made in this way.

What the server did not copy to its --audit-log yet stays. The file does not become
smaller; its space is used again.`,
		Example: `  terraform-provider-agentcreds audit export --until 2026-01-01T00:00:00Z >audit-2025.ndjson
  terraform-provider-agentcreds audit prune --before 2026-01-01T00:00:00Z
  terraform-provider-agentcreds audit prune --before 2160h`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if before == "" {
				return usage(errors.New("--before is needed: what is older is removed"))
			}
			at, err := pointInTime(before, time.Now())
			if err != nil {
				return badArgument("before", before, err)
			}
			rules, who, done, err := d.open(c.Context(), false)
			if err != nil {
				return err
			}
			copied, err := shippedPlace(d.Database, rules.StoreID())
			if err != nil {
				return errors.Join(err, done())
			}
			did, err := rules.PruneAudit(c.Context(), who, authority.Prune{Before: at, Through: copied.through()})
			if err := errors.Join(err, done()); err != nil {
				if did.Removed > 0 {
					err = hint(err, "%d entries were removed before; the audit begins with entry %d", did.Removed, did.Kept)
				}
				return err
			}
			if err := printPruned(c, did, asJSON); err != nil {
				return err
			}
			if did.Held {
				return copied.held()
			}
			return nil
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&before, "before", "", "remove what is older than this `time`: 2026-01-01T00:00:00Z, or 2160h for 90 days ago")
	f.BoolVar(&asJSON, "json", false, "print what was removed as JSON")
	d.flag(c)
	fromEnvironment(c, p.Getenv, "database")
	return c
}

func printPruned(c *cobra.Command, did authority.Pruned, asJSON bool) (err error) {
	switch {
	case asJSON:
		err = printJSON(c.OutOrStdout(), pruned{did.Removed, did.Kept, did.Hash})
	case did.Removed == 0:
		_, err = fmt.Fprintln(c.OutOrStdout(), "no entry was removed")
	default:
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d entries were removed, the audit begins with entry %d\n", did.Removed, did.Kept)
	}
	return err
}
