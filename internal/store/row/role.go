package row

import "github.com/agentcreds/terraform-provider-agentcreds/internal/store"

// RoleColumns are those of a role, in the order of RoleValues and Role.
const RoleColumns = `roles.id, roles.display_name, roles.scopes, roles.creator, roles.created`

// RoleValues is how a role is kept.
func RoleValues(r store.Role) []any {
	return []any{r.ID, r.Name, store.EncodeText(r.Scopes), r.Creator, micros(r.Created)}
}

// Role reads a role.
func Role(scan Scan) (r store.Role, err error) {
	err = scan(&r.ID, &r.Name, coded[[]string]{&r.Scopes}, &r.Creator, moment{&r.Created})
	return r, err
}

// MemberColumns are those of an agent that has a role, in the order of Member.
const MemberColumns = `agents.id, agents.display_name`

// Member reads who has a role.
func Member(scan Scan) (m store.Member, err error) {
	err = scan(&m.AgentID, &m.Name)
	return m, err
}
