package client

import (
	"context"
	"net/http"

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

// EquipManagementClient gives a management client something new to sign in with,
// and ends what the request says. Only this answer has a new secret.
func (c *Client) EquipManagementClient(ctx context.Context, id string, req api.ClientCredentials) (api.ManagementClient, error) {
	if err := checkID("a management client", id); err != nil {
		return api.ManagementClient{}, err
	}
	r := call{method: http.MethodPost, path: api.PathClientProofs(id), body: req, shielded: true}
	if req == (api.ClientCredentials{ClientRotation: req.ClientRotation, Secret: true}) {
		r.path, r.body = api.PathClientSecrets(id), req.ClientRotation // as servers of any version take it
	}
	return do[api.ManagementClient](ctx, c, r)
}

// DeleteManagementClient deletes a management client; its tokens end at once.
func (c *Client) DeleteManagementClient(ctx context.Context, id string) error {
	if err := checkID("a management client", id); err != nil {
		return err
	}
	_, err := do[nothing](ctx, c, call{method: http.MethodDelete, path: api.PathClient(id), effect: replays, shielded: true})
	return err
}
