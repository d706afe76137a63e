package cli

import (
	"bufio"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

func (p Program) auditExport() *cobra.Command {
	var from trailFlags
	var filter entryFilter
	var after int64
	c := &cobra.Command{
		Use:   "export",
		Short: "Print the whole audit as JSON, an object in each line",
		Long: `Print the whole audit as JSON, an object in each line, oldest first. Whoever keeps
what was exported goes on from there with --after and the seq of the last line.`,
		Example: `  terraform-provider-agentcreds audit export >audit.ndjson
  terraform-provider-agentcreds audit export --after 1200 >>audit.ndjson`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q, err := filter.query(time.Now())
			if err == nil {
				err = checkAfter(after)
			}
			if err != nil {
				return err
			}
			t, err := from.open(c, p.Getenv)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(c.OutOrStdout())
			whole := q == api.AuditQuery{} // else it has gaps by itself
			q.After = after
			err = t.walk(c.Context(), q, func(e audit.Entry) error {
				if whole && after > 0 && e.Seq != after+1 && audit.ChainOf(e.Seq) == audit.ChainOf(after) {
					return hint(fmt.Errorf("the entries %d to %d were removed from the audit before they were exported", after+1, e.Seq-1),
						"what follows can be had with --after %d", e.Seq-1)
				}
				after = e.Seq
				return printJSON(out, eventOf(e))
			})
			return errors.Join(err, out.Flush(), t.close())
		},
	}
	c.Flags().Int64Var(&after, "after", 0, "only entries after the one with this `number`")
	filter.flags(c)
	from.flags(c, p.Getenv)
	return c
}
