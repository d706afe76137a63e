package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

func (p Program) auditCheckpoint() *cobra.Command {
	var from trailFlags
	c := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the head of the audit, to keep it elsewhere",
		Long: `Print the head of the audit: the number and the hash of its last entry. Kept where
who can write the database cannot, it shows with audit verify --checkpoint that the
audit was not written anew or cut off since. From a server it comes signed.`,
		Example: `  terraform-provider-agentcreds audit checkpoint >checkpoint.json`,
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := from.open(c, p.Getenv)
			if err != nil {
				return err
			}
			head, err := t.checkpoint(c.Context())
			if err := errors.Join(err, t.close()); err != nil {
				return err
			}
			return printJSON(c.OutOrStdout(), head)
		},
	}
	from.flags(c, p.Getenv)
	return c
}

func (p Program) auditVerify() *cobra.Command {
	var from trailFlags
	var file exportFile
	var kept keptCheckpoint
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that no entry of the audit was altered, removed or moved",
		Long: `Check every entry of the audit: that none was altered, removed, added or moved. The
first one that is not as it was written is named, and the exit code is 1. With
--file it checks what audit export or --audit-log wrote, and needs no database.

Whoever can write the database can also write a whole new audit, or cut off its
end. A checkpoint that was kept elsewhere finds that. One from before a cut (see
audit prune) says nothing about the database any more: check the export with it.`,
		Example: `  terraform-provider-agentcreds audit verify
  terraform-provider-agentcreds audit verify --checkpoint checkpoint.json
  terraform-provider-agentcreds audit verify --file audit-2025.ndjson --checkpoint checkpoint.json
  cat audit-*.ndjson | terraform-provider-agentcreds audit verify --file -`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			found, err := p.verify(c, &from, &file, &kept)
			_, told := errors.AsType[*hinted](err)
			switch {
			case told:
			case errors.Is(err, audit.ErrBroken):
				err = hint(err, "leave it as it is, and compare it with what was exported or backed up before")
			case errors.Is(err, errGone):
				err = hint(err, "what is there is as it was written; check what was exported before the cut: audit verify --file EXPORT --checkpoint %s", kept.file)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), found)
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), found)
			return err
		},
	}
	c.Flags().SortFlags = false
	kept.flags(c)
	file.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print what was found as JSON")
	from.flags(c, p.Getenv)
	return c
}

// verify checks what the flags name.
func (p Program) verify(c *cobra.Command, from *trailFlags, file *exportFile, kept *keptCheckpoint) (found verified, err error) {
	if err := file.check(c); err != nil {
		return found, err
	}
	known, err := kept.read(file.name != "")
	if err != nil {
		return found, err
	}
	if file.name != "" {
		return file.verify(c, known, kept)
	}
	t, err := from.open(c, p.Getenv)
	if err != nil {
		return found, err
	}
	found, err = t.verify(c.Context(), known)
	return found, errors.Join(err, t.close())
}

// verify walks through the chains, from their first entries to their heads. known is a
// checkpoint that was kept; the zero one is none. When it breaks because it was
// cut meanwhile, it is looked at anew.
func (t *trail) verify(ctx context.Context, known api.AuditCheckpoint) (verified, error) {
	head, err := t.checkpoint(ctx)
	if err != nil {
		return verified{}, err
	}
	if known.StoreID != "" && known.StoreID != head.StoreID {
		return verified{}, hint(fmt.Errorf("the checkpoint is of the store %s, and this is the store %s", known.StoreID, head.StoreID),
			"name the database that the checkpoint is of, or find out who replaced it")
	}
	for again := 0; ; again++ {
		p := proof{known: known}
		err := t.walk(ctx, api.AuditQuery{}, p.add)
		if err == nil {
			err = p.end()
		}
		for _, seen := range head.All() {
			if c := p.chains.Of(audit.ChainOf(seen.Seq)); err == nil && (c == nil || c.Last.Seq < seen.Seq) {
				err = fmt.Errorf("%w: it does not go up to entry %d, which it had a moment ago", audit.ErrBroken, seen.Seq)
			}
		}
		if errors.Is(err, audit.ErrBroken) && len(head.Heads) > 0 && again < 2 {
			continue // a chain was born while others were read, or one was cut
		}
		if errors.Is(err, audit.ErrBroken) {
			now, firstErr := t.events(ctx, api.AuditQuery{Limit: 1})
			if firstErr == nil && len(now) == 1 && now[0].Seq > p.first().First.Seq && p.first().First.Seq > 0 {
				continue
			}
		}
		found := p.found()
		found.StoreID = head.StoreID
		return found, err
	}
}

// checkAfter refuses what is not the number of an entry, or 0.
func checkAfter(after int64) error {
	if after < 0 {
		return badArgument("after", strconv.FormatInt(after, 10), errors.New("0 or more is possible"))
	}
	return nil
}
