package client

import (
	"context"
	"net/http"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// AuditEvents reads one page of the audit, oldest event first.
func (c *Client) AuditEvents(ctx context.Context, q api.AuditQuery) ([]api.AuditEvent, error) {
	page, err := do[api.AuditPage](ctx, c, call{method: http.MethodGet, path: api.PathAuditEvents, query: q.Values(), effect: reads, needs: scopesExtension})
	return page.Events, err
}

// AuditCheckpoint tells the head of the audit's chain.
func (c *Client) AuditCheckpoint(ctx context.Context) (api.AuditCheckpoint, error) {
	return do[api.AuditCheckpoint](ctx, c, call{method: http.MethodGet, path: api.PathCheckpoint, effect: reads, needs: scopesExtension})
}

// LatestAuditEvents reads the last n events that a query finds, oldest first.
func (c *Client) LatestAuditEvents(ctx context.Context, q api.AuditQuery, n int) ([]api.AuditEvent, error) {
	if q != (api.AuditQuery{}) {
		return c.latestEvents(ctx, q, n)
	}
	head, err := c.AuditCheckpoint(ctx)
	if err != nil {
		return nil, err
	}
	if len(head.Heads) == 0 {
		q.After = max(0, head.Seq-int64(n))
		return c.latestEvents(ctx, q, n)
	}
	var found []api.AuditEvent
	for _, h := range head.Heads {
		chain := api.AuditChain(h.Seq)
		some, err := c.latestEvents(ctx, api.AuditQuery{
			After: max(api.AuditChainEnd(chain-1), h.Seq-int64(n)), Through: api.AuditChainEnd(chain),
		}, n)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return latest(found, n), nil
}

// latest are the last n events. Those of one chain are in order; of several, the
// clocks of their servers decide.
func latest(found []api.AuditEvent, n int) []api.AuditEvent {
	if slices.ContainsFunc(found, func(e api.AuditEvent) bool { return api.AuditChain(e.Seq) > 0 }) {
		slices.SortStableFunc(found, func(a, b api.AuditEvent) int { return a.Time.Compare(b.Time) })
	}
	return found[max(0, len(found)-n):]
}

// latestEvents reads page by page.
func (c *Client) latestEvents(ctx context.Context, q api.AuditQuery, n int) ([]api.AuditEvent, error) {
	var found []api.AuditEvent
	for q.Limit = api.MaxAuditLimit; ; {
		page, err := c.AuditEvents(ctx, q)
		if err != nil {
			return nil, err
		}
		found = latest(append(found, page...), n)
		if len(page) < q.Limit || page[len(page)-1].Seq <= q.After {
			return found, nil
		}
		q.After = page[len(page)-1].Seq
	}
}
