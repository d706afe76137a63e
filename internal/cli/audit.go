package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Variables with what the provider signs in with, and these commands too.
const (
	accessToken  = "AGENTCREDS_ACCESS_TOKEN"
	clientID     = "AGENTCREDS_CLIENT_ID"
	clientSecret = "AGENTCREDS_CLIENT_SECRET"
)

func (p Program) audit() *cobra.Command {
	return group("audit", "Read the audit, export it, and check that nothing in it was altered",
		p.auditTail(), p.auditExport(), p.auditVerify(), p.auditCheckpoint(), p.auditPrune())
}

// trailFlags say where the audit is: in a database, or behind the API of a
// server.
type trailFlags struct {
	directly
	Endpoint string
	CA       string
}

func (t *trailFlags) flags(c *cobra.Command, getenv func(string) string) {
	t.flag(c)
	f := c.Flags()
	f.StringVar(&t.Endpoint, "endpoint", "", "`url` of a server to ask instead, with the token in "+accessToken+",\nor as the client in "+clientID+" and "+clientSecret)
	f.StringVar(&t.CA, "ca-certificate", "", "`file` with CA certificates in PEM to trust instead of the system's")
	fromEnvironment(c, getenv, "database", "endpoint", "ca-certificate")
}

// trail is the audit, wherever it is.
type trail struct {
	events     func(context.Context, api.AuditQuery) ([]audit.Entry, error)
	checkpoint func(context.Context) (api.AuditCheckpoint, error)
	close      func() error
}

// open gives the audit. Of a database that is named on the command line, and a
// server that the environment names for the provider, the database counts.
func (t *trailFlags) open(c *cobra.Command, getenv func(string) string) (*trail, error) {
	database, endpoint := c.Flags().Changed("database"), c.Flags().Changed("endpoint")
	switch {
	case database && endpoint:
		return nil, usage(errors.New("--database and --endpoint exclude each other"))
	case t.Endpoint != "" && !database:
		return t.remote(getenv)
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
			return api.AuditCheckpoint{StoreID: head.StoreID, Seq: head.Seq, Hash: head.Hash, Time: head.Time}, err
		},
		close: done,
	}, nil
}

// remote is the audit behind the API of a server.
func (t *trailFlags) remote(getenv func(string) string) (*trail, error) {
	web, err := tokenFlags{CA: t.CA}.web()
	if err != nil {
		return nil, err
	}
	cfg := client.Config{BaseURL: t.Endpoint, Transport: web.Transport}
	switch {
	case getenv(accessToken) != "":
		cfg.Auth = client.BearerToken(secret.New(getenv(accessToken)))
	case getenv(clientID) != "":
		cfg.Auth = client.ClientCredentials(getenv(clientID), secret.New(getenv(clientSecret)), api.ScopeAuditView)
	default:
		return nil, hint(fmt.Errorf("the server at %s needs a token", t.Endpoint),
			"put one with the scope %s into %s, or name a client by %s and %s", api.ScopeAuditView, accessToken, clientID, clientSecret)
	}
	c, err := client.New(cfg)
	if err != nil {
		return nil, &hinted{error: err, hint: "give another --endpoint, or other variables to sign in with", code: exitUsage}
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
	case errors.Is(err, api.ErrForbidden), errors.Is(err, api.ErrUnauthorized):
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
