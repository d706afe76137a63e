package cli

import (
	"bufio"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

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
			if err == nil && after < 0 {
				err = badValue("after", strconv.FormatInt(after, 10), errors.New("0 or more is possible"))
			}
			if err != nil {
				return err
			}
			t, err := from.open(c, p.Getenv)
			if err != nil {
				return err
			}
			q.After = after
			out := bufio.NewWriter(c.OutOrStdout())
			err = t.walk(c.Context(), q, func(e audit.Entry) error { return printJSON(out, eventOf(e)) })
			return errors.Join(err, out.Flush(), t.close())
		},
	}
	c.Flags().Int64Var(&after, "after", 0, "only entries after the one with this `number`")
	filter.flags(c)
	from.flags(c, p.Getenv)
	return c
}
