package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

func (p Program) audit() *cobra.Command {
	return group("audit", "Read the audit, export it, and check that nothing in it was altered",
		p.auditTail(), p.auditExport(), p.auditVerify(), p.auditCheckpoint(), p.auditPrune())
}

// trailFlags say where the audit is.
type trailFlags struct{ target }

// trail is the audit, wherever it is.
type trail struct {
	events     func(context.Context, api.AuditQuery) ([]audit.Entry, error)
	checkpoint func(context.Context) (api.AuditCheckpoint, error)
	close      func() error
}

// open gives the audit.
func (t *trailFlags) open(c *cobra.Command, getenv func(string) string) (*trail, error) {
	remote, err := t.remote(c)
	if err != nil {
		return nil, err
	}
	if remote {
		return t.served(getenv)
	}
	rules, _, done, err := t.directly.open(c.Context(), false)
	if err != nil {
		return nil, err
	}
	return &trail{
		events: func(ctx context.Context, q api.AuditQuery) ([]audit.Entry, error) {
			return rules.AuditEvents(ctx, authority.AuditQuery(q))
		},
		checkpoint: func(ctx context.Context) (api.AuditCheckpoint, error) {
			head, err := rules.Checkpoint(ctx)
			return server.CheckpointBody(head), err
		},
		close: done,
	}, nil
}

// served is the audit behind the API of a server.
func (t *trailFlags) served(getenv func(string) string) (*trail, error) {
	c, err := t.dial(getenv, api.ScopeAuditView)
	if err != nil {
		return nil, err
	}
	return &trail{
		events: func(ctx context.Context, q api.AuditQuery) ([]audit.Entry, error) {
			found, err := c.AuditEvents(ctx, q)
			entries := make([]audit.Entry, len(found))
			for i, e := range found {
				entries[i] = entryOf(e)
			}
			return entries, hintTrail(err)
		},
		checkpoint: func(ctx context.Context) (api.AuditCheckpoint, error) {
			head, err := c.AuditCheckpoint(ctx)
			return head, hintTrail(err)
		},
		close: func() error { return nil },
	}, nil
}

func hintTrail(err error) error {
	switch {
	case errors.Is(err, api.ErrForbidden), errors.Is(err, api.ErrUnauthorized), errors.Is(err, api.ErrInvalidScope):
		return hint(err, "client create --scope-set audit makes a client that may read the audit")
	case errors.Is(err, api.ErrNotFound):
		return hint(err, "is --endpoint the url of a server of this program?")
	}
	return err
}

// walk calls fn with every entry that the query asks for, page by page. After 0
// is the beginning, wherever a cut has put it.
func (t *trail) walk(ctx context.Context, q api.AuditQuery, fn func(audit.Entry) error) error {
	q.Limit = api.MaxAuditLimit
	for {
		page, err := t.events(ctx, q)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if err := fn(e); err != nil {
				return err
			}
		}
		last := page[len(page)-1].Seq
		if last <= q.After {
			return fmt.Errorf("the server was asked for what comes after entry %d, and sent entry %d", q.After, last)
		}
		q.After = last
	}
}

// entryOf is an event of the wire as an entry of a chain.
func entryOf(e api.AuditEvent) audit.Entry {
	return audit.Entry{Seq: e.Seq, Time: e.Time, Prev: e.Prev, Hash: e.Hash, Event: audit.Event{
		Actor: e.Actor, Action: audit.Action(e.Action), AgentID: e.AgentID, Target: e.Target,
		Outcome: audit.Outcome(e.Outcome), Reason: e.Reason, Detail: e.Detail,
	}}
}

// eventOf is an entry of a chain as it is printed and sent.
func eventOf(e audit.Entry) api.AuditEvent {
	return api.AuditEvent{
		Seq: e.Seq, Time: e.Time, Actor: e.Actor, Action: string(e.Action), AgentID: e.AgentID, Target: e.Target,
		Outcome: string(e.Outcome), Reason: e.Reason, Detail: e.Detail, Prev: e.Prev, Hash: e.Hash,
	}
}
