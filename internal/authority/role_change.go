package authority

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// RoleChange is one step of a change of a role. A nil field stays as it is.
type RoleChange struct {
	Name *string

	// Scopes are replaced; then some are added and some are taken away.
	Scopes                 *[]string
	MoreScopes, LessScopes []string

	// Members are replaced; then some are added and some are taken out, by
	// the ids of agents. Who has the role already, or does not have it, is
	// no error.
	Members     *[]string
	Add, Remove []string
}

// ChangeRole changes a role, one step after the other, or not at all. Whoever
// loses the role, or a scope by it, loses every token: what is taken away is
// taken away at once. A change that changes nothing leaves no trace.
func (a *Authority) ChangeRole(ctx context.Context, p Principal, id string, steps []RoleChange) (Role, error) {
	var out Role
	base := audit.Event{Actor: p.Name, Action: audit.RoleUpdate, Target: id}
	err := a.acts(ctx, base, func(tx store.Tx, ev *audit.Event) ([]audit.Event, error) {
		before, err := tx.Role(id)
		if err != nil {
			return nil, noRole(err, id)
		}
		w := roleWork{tx: tx, role: before, actor: p.Name}
		for _, step := range steps {
			if err := w.step(step, ev); err != nil {
				return nil, err
			}
		}
		out = Role{Role: w.role}
		if err := a.putRole(&w, before, ev); err != nil {
			return nil, err
		}
		if len(w.events) == 0 {
			return nil, errUnchanged
		}
		return w.events, nil
	}, nil)
	if err != nil {
		return Role{}, err
	}
	return out, nil
}

// putRole writes the name and the scopes, if they are others than before.
func (a *Authority) putRole(w *roleWork, before store.Role, ev *audit.Event) error {
	var changed []string
	if w.role.Name != before.Name {
		changed = append(changed, "Name")
	}
	if !slices.Equal(w.role.Scopes, before.Scopes) {
		changed = append(changed, "Scopes")
	}
	if len(changed) == 0 {
		return nil
	}
	ev.Action, ev.AgentID = audit.RoleUpdate, ""
	if err := a.checkRole(w.role); err != nil {
		return err
	}
	ev.Detail["changed"], ev.Detail["name"], ev.Detail["scopes"] = strings.Join(changed, " "), w.role.Name, strings.Join(w.role.Scopes, " ")
	if slices.ContainsFunc(before.Scopes, func(s string) bool { return !slices.Contains(w.role.Scopes, s) }) {
		left, err := w.tx.Members(w.role.ID)
		if err != nil {
			return err
		}
		for _, m := range left {
			if err := w.endTokens(m.AgentID); err != nil {
				return err
			}
		}
	}
	w.events = append([]audit.Event{*ev}, w.events...)
	return usedName(w.tx.SetRole(w.role), w.role.Name)
}

// roleWork is a change of a role under way.
type roleWork struct {
	tx     store.Tx
	role   store.Role
	actor  string
	events []audit.Event // of members
}

// step does one step, but for writing the role itself. For one member the
// event names what was wanted.
func (w *roleWork) step(c RoleChange, ev *audit.Event) error {
	if c.Name != nil {
		w.role.Name = *c.Name
	}
	if c.Scopes != nil {
		w.role.Scopes = *c.Scopes
	}
	w.role.Scopes = set(slices.DeleteFunc(slices.Concat(w.role.Scopes, c.MoreScopes), func(s string) bool {
		return slices.Contains(c.LessScopes, s)
	}))
	if c.Members != nil {
		ev.Action = audit.RoleAssign
		if err := w.replace(*c.Members); err != nil {
			return err
		}
	}
	if len(c.Add) > 0 {
		ev.Action = audit.RoleAssign
		if len(c.Add) == 1 {
			ev.AgentID = c.Add[0]
		}
	}
	if err := w.add(c.Add); err != nil {
		return err
	}
	return w.remove(c.Remove)
}

// replace makes these the only members.
func (w *roleWork) replace(agentIDs []string) error {
	members, err := w.tx.Members(w.role.ID)
	if err != nil {
		return err
	}
	stays := make(map[string]bool, len(agentIDs))
	for _, id := range agentIDs {
		stays[id] = true
	}
	var gone []string
	for _, m := range members {
		if !stays[m.AgentID] {
			gone = append(gone, m.AgentID)
		}
	}
	if err := w.remove(gone); err != nil {
		return err
	}
	return w.add(agentIDs)
}

func (w *roleWork) add(agentIDs []string) error {
	for _, id := range agentIDs {
		err := w.tx.AddMember(w.role.ID, id)
		switch {
		case errors.Is(err, store.ErrExists):
			continue
		case errors.Is(err, store.ErrNotFound):
			return refuse(Invalid, "There is no agent with the id %s.", id)
		case err != nil:
			return err
		}
		roles, err := w.tx.RolesOf([]string{id})
		if err != nil {
			return err
		}
		if len(roles[id]) > maxRoles {
			return refuse(Limit, "Agent %s has %d roles, which is as many as it may.", id, maxRoles)
		}
		w.note(audit.RoleAssign, id)
	}
	return nil
}

func (w *roleWork) remove(agentIDs []string) error {
	for _, id := range agentIDs {
		err := w.tx.RemoveMember(w.role.ID, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil {
			err = w.endTokens(id)
		}
		if err != nil {
			return err
		}
		w.note(audit.RoleUnassign, id)
	}
	return nil
}

// endTokens raises the epoch of an agent, which is not changed otherwise.
func (w *roleWork) endTokens(agentID string) error {
	agent, err := w.tx.Agent(agentID)
	if err != nil {
		return err
	}
	agent.Epoch++
	return w.tx.SetAgent(agent)
}

func (w *roleWork) note(action audit.Action, agentID string) {
	w.events = append(w.events, audit.Event{
		Actor: w.actor, Action: action, AgentID: agentID, Target: w.role.ID, Detail: map[string]string{"role": w.role.Name},
	})
}
