package client

import (
	"context"
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// PutKey adds a public key under a kid that the caller chose: sent twice, it is
// added once. ifMatch is as in PutSecret, with the kid of the newest key.
func (c *Client) PutKey(ctx context.Context, agentID, kid string, req api.KeyRequest, ifMatch string) (api.Key, error) {
	return writeKey[api.Key](ctx, c, agentID, kid, call{method: http.MethodPut, body: req, header: match(ifMatch), effect: replays})
}

// AddKey adds a public key under the kid of its JWK, or its thumbprint.
func (c *Client) AddKey(ctx context.Context, agentID string, req api.KeyRequest) (api.Key, error) {
	return write[api.Key](ctx, c, agentID, call{method: http.MethodPost, path: api.PathKeys(agentID), body: req, shielded: true})
}

// Keys lists what there is of an agent's public keys, newest first.
func (c *Client) Keys(ctx context.Context, agentID string) ([]api.Key, error) {
	if err := checkID("an agent", agentID); err != nil {
		return nil, err
	}
	list, err := do[api.KeyList](ctx, c, call{method: http.MethodGet, path: api.PathKeys(agentID), effect: reads, needs: scopesExtension})
	return list.List, err
}

// Key tells what there is of one public key.
func (c *Client) Key(ctx context.Context, agentID, kid string) (api.Key, error) {
	if err := checkKeyIDs(agentID, kid); err != nil {
		return api.Key{}, err
	}
	return do[api.Key](ctx, c, call{method: http.MethodGet, path: api.PathKey(agentID, kid), effect: reads, needs: scopesExtension})
}

// ExpireKey moves the end of a live key, in unix seconds by the server's clock;
// 0 is never.
func (c *Client) ExpireKey(ctx context.Context, agentID, kid string, expiresAt int64) (api.Key, error) {
	return writeKey[api.Key](ctx, c, agentID, kid, call{
		method: http.MethodPatch, body: api.KeyChange{ExpiresAt: &expiresAt}, effect: replays,
	})
}

// RevokeKey ends a key at once, and every token that was made with it. ifMatch
// is as in PutKey.
func (c *Client) RevokeKey(ctx context.Context, agentID, kid, ifMatch string) error {
	_, err := writeKey[nothing](ctx, c, agentID, kid, call{method: http.MethodDelete, header: match(ifMatch), effect: replays})
	return err
}

// writeKey sends a call that changes one key. Its answer must not be lost: see
// shield.go.
func writeKey[T any](ctx context.Context, c *Client, agentID, kid string, r call) (T, error) {
	if err := checkKeyIDs(agentID, kid); err != nil {
		var none T
		return none, err
	}
	r.path, r.shielded = api.PathKey(agentID, kid), true
	return write[T](ctx, c, agentID, r)
}

func checkKeyIDs(agentID, kid string) error {
	if err := checkID("an agent", agentID); err != nil {
		return err
	}
	return checkID("a key", kid)
}
