package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// followEvery is how often tail --follow looks for new entries.
const followEvery = time.Second

// entryFilter are the flags that choose entries.
type entryFilter struct {
	q            api.AuditQuery
	since, until string
}

func (f *entryFilter) flags(c *cobra.Command) {
	fs := c.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.q.AgentID, "agent", "", "only what was done to the agent with this `id`")
	fs.StringVar(&f.q.Actor, "actor", "", "only what this `principal` did, as the entries name it")
	fs.StringVar(&f.q.Action, "action", "", "only this `action`: secret.create, or secret for all that begin so")
	fs.StringVar(&f.q.Outcome, "outcome", "", "only done, or only refused")
	fs.StringVar(&f.since, "since", "", "only from this `time` on: 2026-03-01T12:00:00Z, or 24h for a day ago")
	fs.StringVar(&f.until, "until", "", "only before this `time`")
}

// query is what the flags ask for.
func (f *entryFilter) query(now time.Time) (api.AuditQuery, error) {
	q := f.q
	if o := audit.Outcome(q.Outcome); o != "" && o != audit.Done && o != audit.Refused {
		return q, badArgument("outcome", q.Outcome, errors.New("done and refused are possible"))
	}
	var err error
	if q.Since, err = pointInTime(f.since, now); err != nil {
		return q, badArgument("since", f.since, err)
	}
	if q.Until, err = pointInTime(f.until, now); err != nil {
		return q, badArgument("until", f.until, err)
	}
	return q, nil
}

// pointInTime reads a time, or how long ago it was.
func pointInTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return at, errors.New("give a time as 2026-03-01T12:00:00Z, or how long ago it was, as 24h")
	}
	return at, nil
}

func (p Program) auditTail() *cobra.Command {
	var from trailFlags
	var filter entryFilter
	var lines int
	var follow, asJSON bool
	c := &cobra.Command{
		Use:   "tail",
		Short: "Print the latest entries of the audit",
		Long: `Print the latest entries of the audit, a line for each: its number, when it was, how
it ended, what was done, and the facts.`,
		Example: `  terraform-provider-agentcreds audit tail --follow --outcome refused
  terraform-provider-agentcreds audit tail --agent 940642a5-… --since 24h --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q, err := filter.query(time.Now())
			if err == nil && lines < 0 {
				err = badArgument("lines", strconv.Itoa(lines), errors.New("0 or more are possible"))
			}
			if err != nil {
				return err
			}
			print := printEntry
			if asJSON {
				print = func(w io.Writer, e audit.Entry) error { return printJSON(w, eventOf(e)) }
			}
			t, err := from.open(c, p.Getenv)
			if err != nil {
				return err
			}
			show := func(e audit.Entry) error { return print(c.OutOrStdout(), e) }
			seen, err := t.latest(c.Context(), q, lines, show)
			if err == nil && follow {
				err = t.follow(c.Context(), q, seen, show)
			}
			if follow && c.Context().Err() != nil { // whoever follows ends it so, at any moment
				err = nil
			}
			return errors.Join(err, t.close())
		},
	}
	c.Flags().IntVarP(&lines, "lines", "n", 20, "how `many` entries, of those that are chosen")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes, until interrupted")
	filter.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, an object in each line")
	from.flags(c, p.Getenv)
	return c
}

// cursors are up to which entry each chain was looked at.
type cursors map[int64]int64

func (c cursors) saw(seq int64) {
	chain := audit.ChainOf(seq)
	c[chain] = max(c[chain], seq)
}

// latest shows the last n entries that the query finds, and tells up to which
// entries it looked. Those of several chains are put in order by their time.
func (t *trail) latest(ctx context.Context, q api.AuditQuery, n int, show func(audit.Entry) error) (cursors, error) {
	head, err := t.checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	all, seen := q == (api.AuditQuery{}), cursors{}
	var found []audit.Entry
	for _, h := range head.All() {
		seen.saw(h.Seq)
		chain := audit.ChainOf(h.Seq)
		if q.After = audit.ChainEnd(chain - 1); len(head.Heads) > 0 {
			q.Through = audit.ChainEnd(chain)
		}
		if all {
			q.After = max(q.After, h.Seq-int64(n))
		}
		var own []audit.Entry
		err = errors.Join(err, t.walk(ctx, q, func(e audit.Entry) error {
			if own = append(own, e); len(own) > n {
				own = own[1:]
			}
			seen.saw(e.Seq)
			return nil
		}))
		found = append(found, own...)
	}
	if len(seen) > 1 {
		slices.SortStableFunc(found, func(a, b audit.Entry) int { return a.Time.Compare(b.Time) })
	}
	for _, e := range found[max(0, len(found)-n):] {
		err = errors.Join(err, show(e))
	}
	return seen, err
}

// follow shows what comes after, until ctx ends.
func (t *trail) follow(ctx context.Context, q api.AuditQuery, seen cursors, show func(audit.Entry) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(followEvery):
		}
		head, err := t.checkpoint(ctx)
		if err != nil {
			return err
		}
		for _, h := range head.All() {
			chain := audit.ChainOf(h.Seq)
			if h.Seq <= seen[chain] {
				continue
			}
			if q.After = max(seen[chain], audit.ChainEnd(chain-1)); len(head.Heads) > 0 {
				q.Through = audit.ChainEnd(chain)
			}
			seen.saw(h.Seq)
			if err := t.walk(ctx, q, func(e audit.Entry) error {
				seen.saw(e.Seq)
				return show(e)
			}); err != nil {
				return err
			}
		}
	}
}

// printEntry prints an entry for people. What others chose cannot steer their
// terminal.
func printEntry(w io.Writer, e audit.Entry) error {
	facts := []string{strconv.FormatInt(e.Seq, 10), e.Time.UTC().Format("2006-01-02T15:04:05.000Z"), plain(string(e.Outcome)), plain(string(e.Action))}
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, plain(name)+"="+plain(value))
		}
	}
	add("agent", e.AgentID)
	add("target", e.Target)
	add("actor", e.Actor)
	add("reason", e.Reason)
	for _, name := range slices.Sorted(maps.Keys(e.Detail)) {
		add(name, e.Detail[name])
	}
	_, err := fmt.Fprintln(w, strings.Join(facts, "  "))
	return err
}

// plain is a text as it is, or quoted when it would not be one word, or could do
// something to a terminal or to the order of what is read.
func plain(text string) string {
	if text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r == '"' || unicode.IsSpace(r) || !strconv.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
