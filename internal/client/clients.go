package client

import (
	"context"
	"net/http"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// ManagementClients lists the management clients, oldest first.
func (c *Client) ManagementClients(ctx context.Context) ([]api.ManagementClient, error) {
	list, err := do[api.ClientList](ctx, c, call{method: http.MethodGet, path: api.PathClients, effect: reads})
	return list.List, err
}

// CreateManagementClient makes a management client. Only this answer has its
// secret.
func (c *Client) CreateManagementClient(ctx context.Context, req api.ClientRequest) (api.ManagementClient, error) {
	return do[api.ManagementClient](ctx, c, call{method: http.MethodPost, path: api.PathClients, body: req, shielded: true})
}

// RotateManagementClient gives a management client a new secret, which only
// this answer has. The newest of the old ones works on for the grace, in whole
// seconds; with 0 they end, and every token with them.
func (c *Client) RotateManagementClient(ctx context.Context, id string, grace time.Duration) (api.ManagementClient, error) {
	if err := checkID("a management client", id); err != nil {
		return api.ManagementClient{}, err
	}
	seconds := int64(grace / time.Second)
	return do[api.ManagementClient](ctx, c, call{
		method: http.MethodPost, path: api.PathClientSecrets(id), body: api.ClientRotation{GraceSeconds: &seconds}, shielded: true,
	})
}

// DeleteManagementClient deletes a management client; its tokens end at once.
func (c *Client) DeleteManagementClient(ctx context.Context, id string) error {
	if err := checkID("a management client", id); err != nil {
		return err
	}
	_, err := do[nothing](ctx, c, call{method: http.MethodDelete, path: api.PathClient(id), effect: replays, shielded: true})
	return err
}
