package postgres

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectRoles = `SELECT ` + row.RoleColumns + ` FROM roles`
	selectRole  = selectRoles + ` WHERE id = $1`
	insertRole  = `INSERT INTO roles (id, display_name, scopes, creator, created) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
	updateRole  = `UPDATE roles SET (display_name, scopes, creator, created) = ($2, $3, $4, $5) WHERE id = $1
		AND NOT EXISTS (SELECT FROM roles other WHERE other.display_name = $2 AND other.id <> $1)`
	roleThere  = `SELECT 1 FROM roles WHERE id = $1`
	deleteRole = `DELETE FROM roles WHERE id = $1`

	insertMember = `INSERT INTO members (agent, role) SELECT agents.n, roles.n FROM agents, roles
		WHERE roles.id = $1 AND agents.id = $2 ON CONFLICT DO NOTHING`
	memberThere  = `SELECT 1 FROM agents, roles WHERE roles.id = $1 AND agents.id = $2`
	deleteMember = `DELETE FROM members WHERE agent = (SELECT n FROM agents WHERE id = $2) AND role = (SELECT n FROM roles WHERE id = $1)`

	selectMembers = `SELECT ` + row.MemberColumns + ` FROM members JOIN agents ON agents.n = agent
		WHERE role = (SELECT n FROM roles WHERE id = $1) ORDER BY agent`
	selectRolesOf = `SELECT agents.id, ` + row.RoleColumns + ` FROM agents JOIN members ON agent = agents.n JOIN roles ON roles.n = role
		WHERE agents.id = ANY ($1::text[]) ORDER BY role`
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
	page.Roles, page.Total, err = row.Roles.Page(t.rowsOnce, dialect, q)
	return page, t.fail("roles", err)
}

// RolesOf reads the roles of several agents.
func (t *tx) RolesOf(agentIDs []string) (map[string][]store.Role, error) {
	return byAgent(t, "roles of agents", row.Role, selectRolesOf, agentIDs)
}

// Members reads who has a role.
func (t *tx) Members(roleID string) ([]store.Member, error) {
	return list(t, "members of role "+roleID, row.Member, selectMembers, roleID)
}

// AddRole adds a role.
func (t *tx) AddRole(r store.Role) error {
	return t.add("role "+r.ID, insertRole, "", row.RoleValues(r)...)
}

// SetRole replaces a role.
func (t *tx) SetRole(r store.Role) error {
	return t.replace("role "+r.ID, updateRole, roleThere, row.RoleValues(r)...)
}

// RemoveRole removes a role; the table of members follows by itself.
func (t *tx) RemoveRole(id string) error { return t.write("role "+id, deleteRole, id) }

// AddMember gives a role to an agent.
func (t *tx) AddMember(roleID, agentID string) error {
	what := "role " + roleID + " of agent " + agentID
	if err := t.ready(); err != nil {
		return err
	}
	n, err := t.exec(insertMember, roleID, agentID)
	if err == nil && n == 0 {
		var one int
		if err = t.row(memberThere, []any{roleID, agentID}, &one); err == nil {
			err = store.ErrExists
		}
	}
	return t.fail(what, err)
}

// RemoveMember takes a role from an agent.
func (t *tx) RemoveMember(roleID, agentID string) error {
	return t.write("role "+roleID+" of agent "+agentID, deleteMember, roleID, agentID)
}
