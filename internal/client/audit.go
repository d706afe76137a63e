package client

import (
	"context"
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// AuditEvents reads one page of the audit, oldest event first.
func (c *Client) AuditEvents(ctx context.Context, q api.AuditQuery) ([]api.AuditEvent, error) {
	page, err := do[api.AuditPage](ctx, c, call{method: http.MethodGet, path: api.PathAuditEvents, query: q.Values(), effect: reads})
	return page.Events, err
}

// AuditCheckpoint tells the head of the audit's chain.
func (c *Client) AuditCheckpoint(ctx context.Context) (api.AuditCheckpoint, error) {
	return do[api.AuditCheckpoint](ctx, c, call{method: http.MethodGet, path: api.PathCheckpoint, effect: reads})
}
