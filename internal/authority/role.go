package authority

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Role is a set of scopes that several agents have together.
type Role struct {
	store.Role
	Members []Member // oldest agent first, where they were asked for
}

// Member is an agent that has a role.
type Member = store.Member

// NewRole is what CreateRole makes a role of.
type NewRole struct {
	Name    string   // unique
	Scopes  []string // none of the management API
	Members []string // ids of agents
}

// RoleQuery asks for a page of roles, oldest first.
type RoleQuery struct {
	store.Query
	Members bool // with their members
}

// RolePage is the answer to a RoleQuery.
type RolePage struct {
	Roles []Role
	Total int
}

// maxRoles bounds the roles of one agent, so that a page of agents stays a page.
const maxRoles = 100

// CreateRole makes a role and gives it to its first members.
func (a *Authority) CreateRole(ctx context.Context, p Principal, n NewRole) (Role, error) {
	r := store.Role{ID: newID(), Name: n.Name, Scopes: set(n.Scopes), Creator: p.Name, Created: a.Now()}
	base := audit.Event{Actor: p.Name, Action: audit.RoleCreate, Target: r.ID}
	err := a.acts(ctx, base, func(tx store.Tx, ev *audit.Event) ([]audit.Event, error) {
		if err := a.checkRole(r); err != nil {
			return nil, err
		}
		if err := usedName(tx.AddRole(r), r.Name); err != nil {
			return nil, err
		}
		ev.Detail["name"], ev.Detail["scopes"] = r.Name, strings.Join(r.Scopes, " ")
		w := roleWork{tx: tx, role: r, actor: p.Name}
		if err := w.add(n.Members); err != nil {
			return nil, err
		}
		return append([]audit.Event{*ev}, w.events...), nil
	}, nil)
	if err != nil {
		return Role{}, err
	}
	return Role{Role: r}, nil
}

// Role returns one role with its members.
func (a *Authority) Role(ctx context.Context, id string) (out Role, err error) {
	err = a.store.View(ctx, func(r store.Reader) (err error) {
		if out.Role, err = r.Role(id); err != nil {
			return noRole(err, id)
		}
		out.Members, err = r.Members(id)
		return err
	})
	return out, err
}

// Roles returns a page.
func (a *Authority) Roles(ctx context.Context, q RoleQuery) (out RolePage, err error) {
	err = a.store.View(ctx, func(r store.Reader) error {
		page, err := r.Roles(q.Query)
		if err != nil {
			return err
		}
		out = RolePage{Total: page.Total}
		for _, role := range page.Roles {
			one := Role{Role: role}
			if q.Members {
				if one.Members, err = r.Members(role.ID); err != nil {
					return err
				}
			}
			out.Roles = append(out.Roles, one)
		}
		return nil
	})
	return out, err
}

// DeleteRole takes a role from all who have it, whose tokens end, and deletes
// it.
func (a *Authority) DeleteRole(ctx context.Context, p Principal, id string) error {
	base := audit.Event{Actor: p.Name, Action: audit.RoleDelete, Target: id}
	return a.acts(ctx, base, func(tx store.Tx, ev *audit.Event) ([]audit.Event, error) {
		role, err := tx.Role(id)
		if err != nil {
			return nil, noRole(err, id)
		}
		ev.Detail["name"] = role.Name
		w := roleWork{tx: tx, role: role, actor: p.Name}
		if err := w.replace(nil); err != nil {
			return nil, err
		}
		return append([]audit.Event{*ev}, w.events...), tx.RemoveRole(id)
	}, nil)
}

// checkRole refuses a role that cannot be, or that says what no agent gets.
func (a *Authority) checkRole(r store.Role) error {
	if badName(r.Name) {
		return refuse(Invalid, "A role needs a displayName of at most 200 bytes without control characters.")
	}
	if len(r.Scopes) > maxWords {
		return refuse(Invalid, "A role can have %d permissions, not %d.", maxWords, len(r.Scopes))
	}
	if at := slices.IndexFunc(r.Scopes, forManagement); at >= 0 && !a.rules.AnyPermission {
		return refuse(Invalid, "The permission %s is one of the management API, which agents never get.", r.Scopes[at])
	}
	return checkScopes(r.Scopes)
}

// scopesOf are the scopes that an agent has: its own, and those of its roles.
func scopesOf(r store.Reader, agent store.Agent) ([]string, error) {
	roles, err := r.RolesOf([]string{agent.ID})
	if err != nil || len(roles) == 0 {
		return agent.Scopes, err
	}
	all := agent.Scopes
	for _, role := range roles[agent.ID] {
		all = slices.Concat(all, role.Scopes)
	}
	return set(all), nil
}

// noRole turns the store's ErrNotFound into a refusal.
func noRole(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return refuse(NoRole, "There is no role with the id %s.", id)
	}
	return err
}

// usedName turns the store's ErrExists into a refusal.
func usedName(err error, name string) error {
	if isExists(err) {
		return refuse(Exists, "Role with name: %s already exists in the system.", name)
	}
	return err
}
