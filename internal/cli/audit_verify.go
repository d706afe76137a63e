package cli

import (
	"context"
	"errors"
	"fmt"

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

// verified is what audit verify --json prints.
type verified struct {
	StoreID    string `json:"storeId"`
	Entries    int64  `json:"entries"`
	Hash       string `json:"hash"`                 // of the last one
	Checkpoint int64  `json:"checkpoint,omitempty"` // up to which entry one that was kept agrees
}

func (p Program) auditVerify() *cobra.Command {
	var from trailFlags
	var kept keptCheckpoint
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that no entry of the audit was altered, removed or moved",
		Long: `Check every entry of the audit: that none was altered, removed, added or moved. The
first one that is not as it was written is named, and the exit code is 1.

Whoever can write the database can also write a whole new audit, or cut off its
end. A checkpoint that was kept elsewhere finds that.`,
		Example: `  terraform-provider-agentcreds audit verify
  terraform-provider-agentcreds audit verify --checkpoint checkpoint.json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			known, err := kept.read()
			if err != nil {
				return err
			}
			t, err := from.open(c, p.Getenv)
			if err != nil {
				return err
			}
			found, err := t.verify(c.Context(), known)
			if errors.Is(err, audit.ErrBroken) {
				err = hint(err, "leave the database as it is, and compare it with what was exported or backed up before")
			}
			if err := errors.Join(err, t.close()); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), found)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d entries are as they were written, the last one has the hash %s\n", found.Entries, found.Hash)
			return err
		},
	}
	c.Flags().SortFlags = false
	kept.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print what was found as JSON")
	from.flags(c, p.Getenv)
	return c
}

// verify walks through the chain, from its first entry to its head. known is a
// checkpoint that was kept; the zero one is none.
func (t *trail) verify(ctx context.Context, known api.AuditCheckpoint) (verified, error) {
	head, err := t.checkpoint(ctx)
	if err != nil {
		return verified{}, err
	}
	if known.StoreID != "" && known.StoreID != head.StoreID {
		return verified{}, hint(fmt.Errorf("the checkpoint is of the store %s, and this is the store %s", known.StoreID, head.StoreID),
			"name the database that the checkpoint is of, or find out who replaced it")
	}
	var last audit.Entry
	err = t.walk(ctx, api.AuditQuery{}, func(e audit.Entry) error {
		if err := e.Verify(last); err != nil {
			return err
		}
		if last = e; e.Seq == known.Seq && e.Hash != known.Hash {
			return fmt.Errorf("%w: entry %d is not the one that the checkpoint knows: it, or one before it, was written anew", audit.ErrBroken, e.Seq)
		}
		return nil
	})
	switch {
	case err != nil:
		return verified{}, err
	case last.Seq < known.Seq:
		return verified{}, fmt.Errorf("%w: it ends with entry %d, and the checkpoint knows entry %d: what came after was cut off", audit.ErrBroken, last.Seq, known.Seq)
	case last.Seq < head.Seq:
		return verified{}, fmt.Errorf("%w: it ends with entry %d, and had entry %d a moment ago", audit.ErrBroken, last.Seq, head.Seq)
	case last.Seq == 0:
		return verified{}, fmt.Errorf("%w: it has no entry, and a store begins with one", audit.ErrBroken)
	}
	return verified{StoreID: head.StoreID, Entries: last.Seq, Hash: last.Hash, Checkpoint: known.Seq}, nil
}
