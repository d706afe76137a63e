package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// accepted is what restore --accept --json prints.
type accepted struct {
	Through []int64        `json:"through"` // the last entry of the audit of the lost server, of each chain; none without
	Done    []acceptedItem `json:"done"`
	Open    []acceptedItem `json:"open"`
}

// acceptedItem is about one entry of the audit of the lost server.
type acceptedItem struct {
	Seq     int64  `json:"seq"`
	Action  string `json:"action"`
	AgentID string `json:"agentId,omitempty"`
	Target  string `json:"target,omitempty"`
	Open    string `json:"open,omitempty"` // what is left to do
}

func (r *restoring) accept(c *cobra.Command) error {
	rules, who, done, err := r.open(c.Context(), false)
	if err != nil {
		return err
	}
	found, trail, err := r.replay(c, rules, who)
	err = errors.Join(err, done())
	if _, refused := errors.AsType[*authority.Error](err); refused {
		return sentence(err)
	}
	if err != nil {
		return err
	}
	out := accepted{Through: []int64{}, Done: []acceptedItem{}, Open: []acceptedItem{}}
	for _, end := range trail.Ends {
		out.Through = append(out.Through, end.Seq)
	}
	for _, f := range found {
		item := acceptedItem{f.Entry.Seq, string(f.Entry.Action), f.Entry.AgentID, f.Entry.Target, f.Open}
		if f.Done {
			out.Done = append(out.Done, item)
		}
		if f.Open != "" {
			out.Open = append(out.Open, item)
		}
	}
	if r.asJSON {
		return printJSON(c.OutOrStdout(), out)
	}
	return out.print(c.OutOrStdout(), trail)
}

func (r *restoring) replay(c *cobra.Command, rules *authority.Authority, who authority.Principal) ([]authority.Replayed, authority.Trail, error) {
	var trail authority.Trail
	q, _, err := rules.Quarantined(c.Context()) // Accept refuses what is not quarantined
	if err == nil && len(r.AuditLogs) > 0 && len(q.Heads) > 0 {
		trail, err = r.trail(rules.StoreID(), q)
	}
	if err != nil {
		return nil, trail, err
	}
	found, err := rules.Accept(c.Context(), who, trail)
	return found, trail, err
}

// trail reads the audit of the lost server, which must have the last entry that
// the backup has, or begin right after it.
func (r *restoring) trail(storeID string, q authority.Quarantine) (t authority.Trail, err error) {
	var files []io.Reader
	for _, file := range r.AuditLogs {
		f, err := os.Open(file)
		if err != nil {
			return t, hint(err, "name a file that serve --audit-log or audit export has written")
		}
		defer func() { _ = f.Close() }()
		files = append(files, f)
	}
	known := api.AuditCheckpoint{StoreID: storeID, Seq: q.Heads[0].Seq, Hash: q.Heads[0].Hash, Time: q.Heads[0].Time}
	for _, h := range q.Heads {
		known.Heads = append(known.Heads, api.AuditHead(h))
	}
	l := &lines{proof: proof{known: known}, kept: &keptCheckpoint{}}
	l.each = func(e audit.Entry) {
		if !q.Knows(e) && authority.Replays(e) {
			t.Entries = append(t.Entries, e)
		}
	}
	err = l.read(io.MultiReader(files...))
	if err == nil {
		err = l.end()
	}
	if err != nil {
		return t, hint(fmt.Errorf("%s: %w", r.AuditLogs[0], err),
			"it must be the audit of the lost server, whole, with what follows entry %s; nothing was accepted", entries(q.Heads))
	}
	for _, c := range l.chains.Each() {
		t.Ends = append(t.Ends, authority.Head{Seq: c.Last.Seq, Hash: c.Last.Hash, Time: c.Last.Time})
	}
	return t, nil
}

// latest is when the audit ends.
func latest(ends []authority.Head) (at time.Time) {
	for _, end := range ends {
		if end.Time.After(at) {
			at = end.Time
		}
	}
	return at
}

// print says it for people. What is open goes to the same place: it is what the
// command is asked for.
func (a accepted) print(w io.Writer, t authority.Trail) error {
	if len(a.Through) == 0 {
		_, err := fmt.Fprintln(w, "accepted; nothing was replayed: whatever was revoked after the backup counts again. Rotate what may be known to others")
		return err
	}
	_, err := fmt.Fprintf(w, "accepted; the audit of the lost server was replayed up to entry %s (%s). What it did after that is not known\n", entries(t.Ends), latest(t.Ends).Format("2006-01-02T15:04:05Z"))
	for _, list := range []struct {
		head  string
		items []acceptedItem
	}{{"taken away here, too", a.Done}, {"left to you", a.Open}} {
		if len(list.items) > 0 {
			_, e := fmt.Fprintf(w, "%s:\n", list.head)
			err = errors.Join(err, e)
		}
		for _, i := range list.items {
			line := fmt.Sprintf("  %d  %s", i.Seq, plain(i.Action))
			if i.AgentID != "" {
				line += "  agent=" + plain(i.AgentID)
			}
			if i.Target != "" {
				line += "  target=" + plain(i.Target)
			}
			if list.head == "left to you" {
				line += "  " + i.Open
			}
			_, e := fmt.Fprintln(w, line)
			err = errors.Join(err, e)
		}
	}
	return err
}
