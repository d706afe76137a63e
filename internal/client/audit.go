package client

import (
	"context"
	"net/http"

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
	if q == (api.AuditQuery{}) {
		head, err := c.AuditCheckpoint(ctx)
		if err != nil {
			return nil, err
		}
		q.After = max(0, head.Seq-int64(n))
	}
	var found []api.AuditEvent
	for q.Limit = api.MaxAuditLimit; ; {
		page, err := c.AuditEvents(ctx, q)
		if err != nil {
			return nil, err
		}
		found = append(found, page...)
		found = found[max(0, len(found)-n):]
		if len(page) < q.Limit || page[len(page)-1].Seq <= q.After {
			return found, nil
		}
		q.After = page[len(page)-1].Seq
	}
}
