package sqlite

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectRoles = `SELECT ` + row.RoleColumns + ` FROM roles`
	selectRole  = selectRoles + ` WHERE id = ?`
	insertRole  = `INSERT INTO roles (id, display_name, scopes, creator, created) VALUES (?1, ?2, ?3, ?4, ?5)`
	updateRole  = `UPDATE roles SET (display_name, scopes, creator, created) = (?2, ?3, ?4, ?5) WHERE id = ?1`
	deleteRole  = `DELETE FROM roles WHERE id = ?`

	insertMember = `INSERT INTO members (agent, role) SELECT agents.n, roles.n FROM agents, roles WHERE roles.id = ?1 AND agents.id = ?2`
	deleteMember = `DELETE FROM members WHERE agent = (SELECT n FROM agents WHERE id = ?2) AND role = (SELECT n FROM roles WHERE id = ?1)`

	// The order is that of the index: agents as they were made.
	selectMembers = `SELECT ` + row.MemberColumns + ` FROM members INDEXED BY members_role CROSS JOIN agents ON agents.n = agent
		WHERE role = (SELECT n FROM roles WHERE id = ?) ORDER BY agent`
	selectRolesOf = `SELECT ` + row.RoleColumns + ` FROM members JOIN roles ON roles.n = role
		WHERE agent = (SELECT n FROM agents WHERE id = ?) ORDER BY role`
)

// Role reads a role.
func (t *tx) Role(id string) (store.Role, error) {
	return find(t, "role "+id, row.Role, selectRole, id)
}

// Roles reads a page of roles.
func (t *tx) Roles(q store.Query) (page store.RolePage, err error) {
	if err := t.ready(); err != nil {
		return page, err
	}
	page.Roles, page.Total, err = row.Roles.Page(t.c.rowsOnce, dialect, q)
	return page, t.fail("roles", err)
}

// RolesOf reads the roles of several agents.
func (t *tx) RolesOf(agentIDs []string) (map[string][]store.Role, error) {
	of := map[string][]store.Role{}
	for _, id := range agentIDs {
		found, err := list(t, "roles of agent "+id, row.Role, selectRolesOf, id)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			of[id] = found
		}
	}
	return of, nil
}

// Members reads who has a role.
func (t *tx) Members(roleID string) ([]store.Member, error) {
	return list(t, "members of role "+roleID, row.Member, selectMembers, roleID)
}

// AddRole adds a role.
func (t *tx) AddRole(r store.Role) error {
	return t.write("role "+r.ID, insertRole, row.RoleValues(r)...)
}

// SetRole replaces a role.
func (t *tx) SetRole(r store.Role) error {
	return t.write("role "+r.ID, updateRole, row.RoleValues(r)...)
}

// RemoveRole removes a role; the table of members follows by itself.
func (t *tx) RemoveRole(id string) error { return t.write("role "+id, deleteRole, id) }

// AddMember gives a role to an agent.
func (t *tx) AddMember(roleID, agentID string) error {
	return t.writeOf(agentID, "role "+roleID+" of agent "+agentID, insertMember, roleID, agentID)
}

// RemoveMember takes a role from an agent.
func (t *tx) RemoveMember(roleID, agentID string) error {
	return t.writeOf(agentID, "role "+roleID+" of agent "+agentID, deleteMember, roleID, agentID)
}
