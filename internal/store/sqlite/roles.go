package sqlite

import (
	"database/sql"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	roleColumns = `roles.id, roles.display_name, roles.scopes, roles.creator, roles.created`
	selectRoles = `SELECT ` + roleColumns + ` FROM roles`
	selectRole  = selectRoles + ` WHERE id = ?`
	insertRole  = `INSERT INTO roles (id, display_name, scopes, creator, created) VALUES (?1, ?2, ?3, ?4, ?5)`
	updateRole  = `UPDATE roles SET (display_name, scopes, creator, created) = (?2, ?3, ?4, ?5) WHERE id = ?1`
	deleteRole  = `DELETE FROM roles WHERE id = ?`

	insertMember = `INSERT INTO members (agent, role) SELECT agents.n, roles.n FROM agents, roles WHERE roles.id = ?1 AND agents.id = ?2`
	deleteMember = `DELETE FROM members WHERE agent = (SELECT n FROM agents WHERE id = ?2) AND role = (SELECT n FROM roles WHERE id = ?1)`

	// The order is that of the index: agents as they were made.
	selectMembers = `SELECT agents.id, agents.display_name FROM members INDEXED BY members_role CROSS JOIN agents ON agents.n = agent
		WHERE role = (SELECT n FROM roles WHERE id = ?) ORDER BY agent`
	selectRolesOf = `SELECT ` + roleColumns + ` FROM members JOIN roles ON roles.n = role
		WHERE agent = (SELECT n FROM agents WHERE id = ?) ORDER BY role`
)

// Role reads a role.
func (t *tx) Role(id string) (store.Role, error) {
	found, err := t.roles(selectRole, id)
	if err == nil && len(found) == 0 {
		err = t.fail("role "+id, sql.ErrNoRows)
	}
	if err != nil {
		return store.Role{}, err
	}
	return found[0], nil
}

// Roles reads a page of roles.
func (t *tx) Roles(q store.Query) (page store.RolePage, err error) {
	if err := t.ready(); err != nil {
		return page, err
	}
	if slices.ContainsFunc(q.Where, func(c store.Condition) bool { return c.Field != store.ID && c.Field != store.DisplayName }) {
		return page, nil
	}
	where, args := conditions(q.Where)
	if err := t.c.rowsOnce("SELECT count(*) FROM roles"+where, args, func(scan scan) error { return scan(&page.Total) }); err != nil {
		return store.RolePage{}, t.fail("count roles", err)
	}
	if q.Limit <= 0 || q.Offset >= page.Total {
		return page, nil
	}
	args = append(args, q.Limit, max(0, q.Offset))
	err = t.c.rowsOnce(selectRoles+where+" ORDER BY n LIMIT ? OFFSET ?", args, eachRole(&page.Roles))
	if err != nil {
		return store.RolePage{}, t.fail("list roles", err)
	}
	return page, nil
}

// RolesOf reads the roles of several agents.
func (t *tx) RolesOf(agentIDs []string) (map[string][]store.Role, error) {
	all := map[string][]store.Role{}
	for _, id := range agentIDs {
		found, err := t.roles(selectRolesOf, id)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			all[id] = found
		}
	}
	return all, nil
}

// Members reads who has a role.
func (t *tx) Members(roleID string) (found []store.Member, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	err = t.c.rows(selectMembers, []any{roleID}, func(scan scan) error {
		var m store.Member
		err := scan(&m.AgentID, &m.Name)
		found = append(found, m)
		return err
	})
	if err != nil {
		return nil, t.fail("members of role "+roleID, err)
	}
	return found, nil
}

// roles reads those that a query finds.
func (t *tx) roles(query string, args ...any) (found []store.Role, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	if err := t.c.rows(query, args, eachRole(&found)); err != nil {
		return nil, t.fail("roles", err)
	}
	return found, nil
}

func eachRole(found *[]store.Role) func(scan) error {
	return func(scan scan) error {
		var (
			r       store.Role
			scopes  string
			created sql.NullInt64
		)
		if err := scan(&r.ID, &r.Name, &scopes, &r.Creator, &created); err != nil {
			return err
		}
		r.Created = moment(created)
		*found = append(*found, r)
		return decode(scopes, &(*found)[len(*found)-1].Scopes)
	}
}

// AddRole adds a role.
func (t *tx) AddRole(r store.Role) error { return t.putRole(insertRole, r) }

// SetRole replaces a role.
func (t *tx) SetRole(r store.Role) error { return t.putRole(updateRole, r) }

func (t *tx) putRole(statement string, r store.Role) error {
	return t.write("role "+r.ID, statement, r.ID, r.Name, store.EncodeText(r.Scopes), r.Creator, micros(r.Created))
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
