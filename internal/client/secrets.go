package client

import (
	"context"
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// NoSecretYet as ifMatch says that the agent must not have had a secret before.
const NoSecretYet = "*"

// PutSecret adds a secret under an id and with a value that the caller chose:
// sent twice, it is added once. ifMatch is the id of the newest secret that the
// caller knows of, NoSecretYet, or "" for whatever there is.
func (c *Client) PutSecret(ctx context.Context, agentID, secretID string, req api.SecretRequest, ifMatch string) (api.Secret, error) {
	return writeSecret[api.Secret](ctx, c, agentID, secretID, call{
		method: http.MethodPut, body: req, header: match(ifMatch), effect: replays,
	})
}

// AddSecret adds a secret. Without a value the server makes one; only this
// answer has it.
func (c *Client) AddSecret(ctx context.Context, agentID string, req api.SecretRequest) (api.Secret, error) {
	return write[api.Secret](ctx, c, agentID, call{
		method: http.MethodPost, path: api.PathSecrets(agentID), body: req, shielded: true, needs: scopesExtension,
	})
}

// Secrets lists what there is of an agent's secrets, newest first; no values.
func (c *Client) Secrets(ctx context.Context, agentID string) ([]api.Secret, error) {
	if err := checkID("an agent", agentID); err != nil {
		return nil, err
	}
	list, err := do[api.SecretList](ctx, c, call{method: http.MethodGet, path: api.PathSecrets(agentID), effect: reads, needs: scopesExtension})
	return list.List, err
}

// Secret tells what there is of one secret; not its value.
func (c *Client) Secret(ctx context.Context, agentID, secretID string) (api.Secret, error) {
	if err := checkIDs(agentID, secretID); err != nil {
		return api.Secret{}, err
	}
	return do[api.Secret](ctx, c, call{method: http.MethodGet, path: api.PathSecret(agentID, secretID), effect: reads, needs: scopesExtension})
}

// ExpireSecret moves the end of a live secret, in unix seconds by the server's
// clock; 0 is never.
func (c *Client) ExpireSecret(ctx context.Context, agentID, secretID string, expiresAt int64) (api.Secret, error) {
	return writeSecret[api.Secret](ctx, c, agentID, secretID, call{
		method: http.MethodPatch, body: api.SecretChange{ExpiresAt: &expiresAt}, effect: replays,
	})
}

// RevokeSecret ends a secret at once, the last one too. ifMatch is as in
// PutSecret.
func (c *Client) RevokeSecret(ctx context.Context, agentID, secretID, ifMatch string) error {
	_, err := writeSecret[nothing](ctx, c, agentID, secretID, call{
		method: http.MethodDelete, header: match(ifMatch), effect: replays,
	})
	return err
}

// RevokeAll ends every credential and every token of an agent, and blocks it.
// Twice would be as once, but no POST is sent again when it is not known what
// became of it: the caller decides.
func (c *Client) RevokeAll(ctx context.Context, agentID string) error {
	_, err := write[nothing](ctx, c, agentID, call{
		method: http.MethodPost, path: api.PathRevoke(agentID), shielded: true, needs: scopesExtension,
	})
	return err
}

// writeSecret sends a call that changes one secret. Its answer must not be
// lost: see shield.go.
func writeSecret[T any](ctx context.Context, c *Client, agentID, secretID string, r call) (T, error) {
	if err := checkIDs(agentID, secretID); err != nil {
		var none T
		return none, err
	}
	r.path, r.shielded, r.needs = api.PathSecret(agentID, secretID), true, scopesExtension
	return write[T](ctx, c, agentID, r)
}

func checkIDs(agentID, secretID string) error {
	if err := checkID("an agent", agentID); err != nil {
		return err
	}
	return checkID("a secret", secretID)
}

func match(latest string) map[string]string {
	switch latest {
	case "":
		return nil
	case NoSecretYet:
		return map[string]string{"If-None-Match": "*"}
	default:
		return map[string]string{"If-Match": `"` + latest + `"`}
	}
}
