package postgres

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	roleColumns = `roles.id, roles.display_name, roles.scopes, roles.creator, roles.created`
	selectRoles = `SELECT ` + roleColumns + ` FROM roles`
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

	selectMembers = `SELECT agents.id, agents.display_name FROM members JOIN agents ON agents.n = agent
		WHERE role = (SELECT n FROM roles WHERE id = $1) ORDER BY agent`
	selectRolesOf = `SELECT agents.id, ` + roleColumns + ` FROM agents JOIN members ON agent = agents.n JOIN roles ON roles.n = role
		WHERE agents.id = ANY ($1::text[]) ORDER BY role`
)

// Role reads a role.
func (t *tx) Role(id string) (store.Role, error) {
	if err := t.ready(); err != nil {
		return store.Role{}, err
	}
	var found []store.Role
	err := t.rows(selectRole, []any{id}, eachRole(&found))
	if err == nil && len(found) == 0 {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return store.Role{}, t.fail("role "+id, err)
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
	n := len(args)
	args = append([]any{pgx.QueryExecModeExec}, args...)
	if err := t.row("SELECT count(*) FROM roles"+where, args, &page.Total); err != nil {
		return store.RolePage{}, t.fail("count roles", err)
	}
	if q.Limit <= 0 || q.Offset >= page.Total {
		return page, nil
	}
	args = append(args, q.Limit, max(0, q.Offset))
	bound := fmt.Sprintf(" ORDER BY n LIMIT $%d OFFSET $%d", n+1, n+2)
	if err := t.rows(selectRoles+where+bound, args, eachRole(&page.Roles)); err != nil {
		return store.RolePage{}, t.fail("list roles", err)
	}
	return page, nil
}

// RolesOf reads the roles of several agents.
func (t *tx) RolesOf(agentIDs []string) (map[string][]store.Role, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	all := map[string][]store.Role{}
	if err := t.rows(selectRolesOf, []any{agentIDs}, func(scan scan) error {
		var id string
		var found []store.Role
		err := eachRole(&found)(func(dest ...any) error { return scan(append([]any{&id}, dest...)...) })
		all[id] = append(all[id], found...)
		return err
	}); err != nil {
		return nil, t.fail("roles of agents", err)
	}
	return all, nil
}

// Members reads who has a role.
func (t *tx) Members(roleID string) (found []store.Member, err error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	err = t.rows(selectMembers, []any{roleID}, func(scan scan) error {
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

func eachRole(found *[]store.Role) func(scan) error {
	return func(scan scan) error {
		var (
			r       store.Role
			scopes  string
			created *int64
		)
		if err := scan(&r.ID, &r.Name, &scopes, &r.Creator, &created); err != nil {
			return err
		}
		r.Created = moment(created)
		*found = append(*found, r)
		return decode(scopes, &(*found)[len(*found)-1].Scopes)
	}
}

func roleValues(r store.Role) []any {
	return []any{r.ID, r.Name, store.EncodeText(r.Scopes), r.Creator, micros(r.Created)}
}

// AddRole adds a role.
func (t *tx) AddRole(r store.Role) error {
	return t.add("role "+r.ID, insertRole, "", roleValues(r)...)
}

// SetRole replaces a role.
func (t *tx) SetRole(r store.Role) error {
	return t.replace("role "+r.ID, updateRole, roleThere, roleValues(r)...)
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
