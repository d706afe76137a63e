package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// scopesOldRoles are what it takes to change a role as a whole.
var scopesOldRoles = []string{api.ScopeRoleView, api.ScopeRoleUpdate}

// AddRole gives an agent a role. Who has it already keeps it, and so do all its
// other members.
func (c *Client) AddRole(ctx context.Context, roleID, agentID string) error {
	member := []map[string]string{{"value": agentID}}
	return c.changeRole(ctx, roleID, agentID,
		api.Operation{Op: "add", Value: api.Replace("", member).Value},
		api.Operation{Op: "add", Path: "users", Value: api.Replace("", member).Value})
}

// RemoveRole takes a role from an agent, which ends its tokens. The operation
// names the one member: without that it would remove them all.
func (c *Client) RemoveRole(ctx context.Context, roleID, agentID string) error {
	return c.changeRole(ctx, roleID, agentID,
		api.Operation{Op: "remove", Path: "value eq " + agentID},
		api.Operation{Op: "remove", Path: "users[value eq " + agentID + "]"})
}

// changeRole changes the members of a role: alone where the server has a path
// for that, which takes fewer rights, and else as a part of the role.
func (c *Client) changeRole(ctx context.Context, roleID, agentID string, members, whole api.Operation) error {
	if err := errors.Join(checkWord("a role", roleID), checkWord("an agent", agentID)); err != nil {
		return err
	}
	if err := c.mayWrite(ctx, agentID); err != nil {
		return err
	}
	defer c.snap.drop(agentID)
	c.snap.begin(agentID)
	if !c.oldRoles.Load() {
		err := c.patchRole(ctx, api.PathRoleUsers(roleID), members, scopesRoles)
		if e, ok := errors.AsType[*api.Error](err); !ok || !nowhere(e.Status) {
			return err
		}
		if ext, _ := c.extended(ctx); ext { // our own server has that path
			return err
		}
	}
	err := c.patchRole(ctx, api.PathRole(roleID), whole, scopesOldRoles)
	if err == nil {
		c.oldRoles.Store(true)
	}
	return err
}

func (c *Client) patchRole(ctx context.Context, path string, op api.Operation, needs []string) error {
	body := api.Patch{Schemas: []string{api.SchemaPatch}, Operations: []api.Operation{op}}
	_, err := do[nothing](ctx, c, call{method: http.MethodPatch, path: path, body: body, effect: replays, needs: needs})
	return err
}

// nowhere reports whether a status may be that of a path which the server does
// not have.
func nowhere(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}

// checkWord refuses what could mean more than one id in the path of an
// operation.
func checkWord(what, id string) error {
	if id == "" || strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	}) {
		return fmt.Errorf("%q is not the id of %s", id, what)
	}
	return nil
}
