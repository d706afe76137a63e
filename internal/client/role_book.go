package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// What it takes to read roles, to make them and to delete them, by version 2 of
// the role API, which every server has.
var (
	scopesReadRoles   = []string{api.ScopeRoleView}
	scopesCreateRoles = []string{api.ScopeRoleView, api.ScopeRoleCreate}
	scopesDeleteRoles = []string{api.ScopeRoleView, api.ScopeRoleDelete}
)

// CreateRole makes a role. Its name must be nobody's.
func (c *Client) CreateRole(ctx context.Context, r api.RoleResource) (api.RoleResource, error) {
	r.Schemas = []string{api.SchemaRole}
	made, err := do[api.RoleResource](ctx, c, call{method: http.MethodPost, path: api.PathRoles, body: r, shielded: true, needs: scopesCreateRoles})
	c.server.flights.forget("") // the first of all makes the store
	for _, u := range r.Users {
		c.snap.begin(u.Value)
		c.snap.drop(u.Value)
	}
	return made, err
}

// Role reads a role with its permissions and members.
func (c *Client) Role(ctx context.Context, id string) (api.RoleResource, error) {
	if err := checkWord("a role", id); err != nil {
		return api.RoleResource{}, err
	}
	return do[api.RoleResource](ctx, c, call{method: http.MethodGet, path: api.PathRole(id), effect: reads, needs: scopesReadRoles})
}

// Roles lists all roles, with their permissions and members.
func (c *Client) Roles(ctx context.Context) (all []api.RoleResource, err error) {
	seen := map[string]bool{}
	for start := 1; ; {
		q := url.Values{"startIndex": {strconv.Itoa(start)}, "count": {strconv.Itoa(pageSize)}, "attributes": {"users,permissions"}}
		page, err := do[api.List[api.RoleResource]](ctx, c, call{method: http.MethodGet, path: api.PathRoles, query: q, effect: reads, needs: scopesReadRoles})
		if err != nil {
			return nil, err
		}
		fresh := false
		for _, r := range page.Resources {
			if !seen[r.ID] { // a server that ignores startIndex would never end
				seen[r.ID], fresh = true, true
				all = append(all, r)
			}
		}
		if !fresh {
			return all, nil
		}
		start += len(page.Resources)
	}
}

// PatchRole changes the name or the permissions of a role. Members come and go
// by AddRole and RemoveRole. What the role is then is not told: not every server
// says it.
func (c *Client) PatchRole(ctx context.Context, id string, ops []api.Operation) error {
	if err := checkWord("a role", id); err != nil {
		return err
	}
	body := api.Patch{Schemas: []string{api.SchemaPatch}, Operations: ops}
	_, err := do[nothing](ctx, c, call{method: http.MethodPatch, path: api.PathRole(id), body: body, effect: replays, needs: scopesOldRoles})
	return err
}

// DeleteRole deletes a role and takes it from all who have it.
func (c *Client) DeleteRole(ctx context.Context, id string) error {
	if err := checkWord("a role", id); err != nil {
		return err
	}
	_, err := do[nothing](ctx, c, call{method: http.MethodDelete, path: api.PathRole(id), effect: replays, shielded: true, needs: scopesDeleteRoles})
	return err
}
