package server

import (
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// organization is how people call whose roles they are.
const organization = "agentcreds"

func (s *Server) createRole(c *call, in api.RoleResource) (any, error) {
	step, err := c.wholeRole(in)
	if err != nil {
		return nil, err
	}
	if err := c.keepsEveryone("", step); err != nil {
		return nil, err
	}
	n := authority.NewRole{Name: in.DisplayName, Scopes: *step.Scopes}
	if step.Members != nil {
		n.Members = *step.Members
	}
	r, err := c.authority.CreateRole(c.Context(), c.principal, n)
	if err != nil {
		return nil, err
	}
	c.header.Set("Location", c.roleURL(r.ID))
	return c.role(r), nil
}

func (s *Server) getRole(c *call) (any, error) {
	if all, is := c.isEveryone(); is {
		return c.roleWith(all, c.want.shows), nil
	}
	r, err := c.authority.Role(c.Context(), c.PathValue("roleId"))
	if err != nil {
		return nil, err
	}
	return c.roleWith(r, c.want.shows), nil
}

func (s *Server) deleteRole(c *call) (any, error) {
	if err := c.keepsEveryone("deleted"); err != nil {
		return nil, err
	}
	return nil, c.authority.DeleteRole(c.Context(), c.principal, c.PathValue("roleId"))
}

// replaceRole puts name and permissions in the place of those that are there.
// Users that are not named stay, as version 3 has it; version 2 removes them.
func (s *Server) replaceRole(c *call, in api.RoleResource) (any, error) {
	step, err := c.wholeRole(in)
	if err != nil {
		return nil, err
	}
	if step.Members == nil && !c.third() {
		step.Members = &[]string{}
	}
	return c.changeRole([]authority.RoleChange{step})
}

func (s *Server) patchRole(c *call, in api.Patch) (any, error) {
	steps, err := roleSteps(in, roleOperation)
	if err != nil {
		return nil, err
	}
	return c.changeRole(steps)
}

func (s *Server) replaceRoleUsers(c *call, in []api.Reference) (any, error) {
	ids, err := values("users", in)
	if err != nil {
		return nil, err
	}
	return c.changeRole([]authority.RoleChange{{Members: &ids}})
}

func (s *Server) patchRoleUsers(c *call, in api.Patch) (any, error) {
	steps, err := roleSteps(in, usersOperation)
	if err != nil {
		return nil, err
	}
	return c.changeRole(steps)
}

// changeRole carries out a change and answers with the role as it is then.
func (c *call) changeRole(steps []authority.RoleChange) (any, error) {
	if slices.ContainsFunc(steps, changesUsers) {
		if err := c.mayAssign(); err != nil {
			return nil, err
		}
	}
	if err := c.keepsEveryone("changed", steps...); err != nil {
		return nil, err
	}
	r, err := c.authority.ChangeRole(c.Context(), c.principal, c.PathValue("roleId"), steps)
	if err != nil {
		return nil, err
	}
	return c.role(r), nil
}

func changesUsers(s authority.RoleChange) bool {
	return s.Members != nil || len(s.Add)+len(s.Remove) > 0
}

// mayAssign refuses a caller of version 3 who may not change the members of a
// role. The scopes of version 2 are for all of it.
func (c *call) mayAssign() error {
	if !c.third() {
		return nil
	}
	return c.need(api.ScopeRoleUsersUpdate)
}

// third reports whether the path is one of version 3.
func (c *call) third() bool { return strings.HasPrefix(c.route.Pattern, api.PathRolesV3) }

func (c *call) roleURL(id string) string {
	path := api.PathRole(id)
	if c.third() {
		path = strings.Replace(path, api.PathRoles, api.PathRolesV3, 1)
	}
	return c.base + path
}

// role is the answer to a change: without users and permissions.
func (c *call) role(r authority.Role) api.RoleResource {
	return api.RoleResource{
		Schemas:     []string{api.SchemaRole},
		ID:          r.ID,
		DisplayName: r.Name,
		Audience:    &api.RoleAudience{Value: c.authority.StoreID(), Display: organization, Type: api.AudienceOrganization},
		Meta:        &api.Meta{ResourceType: "Role", Location: c.roleURL(r.ID)},
	}
}

// roleWith is a role with what of users and permissions is to be shown.
func (c *call) roleWith(r authority.Role, shows func(string) bool) api.RoleResource {
	body := c.role(r)
	if shows("permissions") {
		for _, scope := range r.Scopes {
			body.Permissions = append(body.Permissions, api.Reference{Value: scope, Display: scope})
		}
	}
	if shows("users") {
		for _, m := range r.Members {
			body.Users = append(body.Users, api.Reference{Value: m.AgentID, Display: api.UserNamePrefix + m.AgentID, Ref: c.base + "/scim2/Users/" + m.AgentID})
		}
	}
	return body
}

// roleOf is a role as its agents show it.
func (c *call) roleOf(id, name string) api.Role {
	return api.Role{
		Value: id, Display: name, Ref: c.base + api.PathRole(id),
		AudienceValue: c.authority.StoreID(), AudienceType: api.AudienceOrganization, AudienceDisplay: organization,
	}
}
