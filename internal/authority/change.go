package authority

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// AgentChange is what to change in an agent. A nil field stays as it is.
type AgentChange struct {
	DisplayName, Description, Owner *string
	ExternalID, OwnerToken          *string

	// Attributes are set, or removed where the value is nil. With
	// OnlyThese all others are removed.
	Attributes map[string]*string
	OnlyThese  bool

	Active *bool // SCIM active
	Locked *bool // WSO2 accountLocked

	// The lists are replaced; then what More says is added.
	Scopes, Audiences, AuthMethods             *[]string
	MoreScopes, MoreAudiences, MoreAuthMethods []string

	// Reinstate lifts what RevokeAgent did to the agent; its credentials
	// stay revoked.
	Reinstate bool

	// Password, when set, is WSO2's way to set a secret: every other secret
	// and every token ends.
	Password secret.Text
}

// ChangeAgent changes an agent. A change that changes nothing leaves no trace.
func (a *Authority) ChangeAgent(ctx context.Context, p Principal, id string, change AgentChange) (Agent, error) {
	base := audit.Event{Actor: p.Name, Action: audit.AgentUpdate, AgentID: id}
	var password *prepared
	if !change.Password.IsZero() {
		base.Action = audit.SecretReset
		add, err := a.prepare(ctx, NewSecret{AgentID: id, Value: change.Password})
		if err != nil {
			return Agent{}, a.refused(ctx, base, err)
		}
		base.Target, password = add.ID, &add
	}
	var out Agent
	err := a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		before, err := tx.Agent(id)
		if err != nil {
			return noAgent(err, id)
		}
		agent := before
		action, err := a.apply(change, &agent)
		if action != "" {
			ev.Action = action
		}
		if err != nil {
			return err
		}
		fields := differences(before, agent)
		if fields == "" && password == nil {
			return errUnchanged
		}
		if fields != "" {
			ev.Detail["changed"] = fields
		}
		if password != nil {
			if err := a.reset(tx, &agent, *password, p, ev); err != nil {
				return err
			}
		}
		agent.Modified = a.Now()
		return taken(tx, tx.SetAgent(agent), agent.ExternalID)
	}, a.readAgent(id, &out))
	if err != nil {
		return Agent{}, err
	}
	return out, nil
}

// reset gives the agent the secret and ends all others, and every token.
func (a *Authority) reset(tx store.Tx, agent *store.Agent, add prepared, p Principal, ev *audit.Event) error {
	ev.Action = audit.SecretReset
	if !agent.RevokedAt.IsZero() {
		return refuse(RevokedKind, "Agent %s was revoked at %s: it gets no new secret until it is reinstated.", agent.ID, agent.RevokedAt.Format(time.RFC3339))
	}
	agent.Epoch++
	if err := secretShelf.endAll(tx, agent.ID, a.Now(), ev); err != nil {
		return err
	}
	return add.write(tx, agent, p)
}

// apply changes the record and says which action that is; "" for an ordinary
// update. The epoch grows when the agent becomes blocked.
func (a *Authority) apply(c AgentChange, agent *store.Agent) (audit.Action, error) {
	wasBlocked := a.Blocked(*agent)
	var action audit.Action
	if c.Reinstate && !agent.RevokedAt.IsZero() {
		agent.RevokedAt = time.Time{}
		action = audit.AgentReinstate
	}
	if !agent.RevokedAt.IsZero() && ((c.Locked != nil && !*c.Locked) || (c.Active != nil && *c.Active && agent.Inactive)) {
		return audit.AgentUnblock, refuse(RevokedKind,
			"Agent %s was revoked at %s: unblocking does not undo that, it must be reinstated.", agent.ID, agent.RevokedAt.Format(time.RFC3339))
	}
	for _, f := range []struct {
		to   *string
		from *string
	}{
		{&agent.DisplayName, c.DisplayName}, {&agent.Description, c.Description}, {&agent.Owner, c.Owner},
		{&agent.ExternalID, c.ExternalID}, {&agent.OwnerToken, c.OwnerToken},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	for _, f := range []struct {
		to   *[]string
		from *[]string
		more []string
	}{
		{&agent.Scopes, c.Scopes, c.MoreScopes},
		{&agent.Audiences, c.Audiences, c.MoreAudiences},
		{&agent.AuthMethods, c.AuthMethods, c.MoreAuthMethods},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
		*f.to = set(slices.Concat(*f.to, f.more))
	}
	c.applyAttributes(agent)
	if err := bounded(*agent); err != nil {
		return action, err
	}
	if c.Active != nil {
		agent.Inactive = !*c.Active
	}
	// A revoked agent shows as locked; setting what it shows is no change.
	if c.Locked != nil && (agent.RevokedAt.IsZero() || !*c.Locked) {
		agent.Locked = *c.Locked
	}
	switch blocked := a.Blocked(*agent); {
	case blocked && !wasBlocked:
		agent.Epoch++
		action = audit.AgentBlock
	case !blocked && wasBlocked && action == "":
		action = audit.AgentUnblock
	}
	return action, nil
}

func (c AgentChange) applyAttributes(agent *store.Agent) {
	attributes := map[string]string{}
	if !c.OnlyThese {
		maps.Copy(attributes, agent.Attributes)
	}
	for name, value := range c.Attributes {
		// Names of attributes know no letter case (RFC 7643 §2.1): the
		// first spelling stays.
		for known := range attributes {
			if strings.EqualFold(known, name) {
				name = known
			}
		}
		if value == nil {
			delete(attributes, name)
			continue
		}
		attributes[name] = *value
	}
	agent.Attributes = attributes
	if len(attributes) == 0 {
		agent.Attributes = nil
	}
}

// How much an agent can hold, so that a page of agents stays a page.
const (
	maxAttributes = 50
	maxWords      = 100
)

// bounded refuses an agent that holds too much.
func bounded(agent store.Agent) error {
	for _, part := range []struct {
		name   string
		n, max int
	}{
		{"attributes", len(agent.Attributes), maxAttributes},
		{"scopes", len(agent.Scopes), maxWords},
		{"audiences", len(agent.Audiences), maxWords},
	} {
		if part.n > part.max {
			return refuse(Invalid, "An agent can have %d %s, not %d.", part.max, part.name, part.n)
		}
	}
	return nil
}

// differences names the fields that differ, "" when none does.
func differences(before, after store.Agent) string {
	var names []string
	b, a := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range b.NumField() {
		if !reflect.DeepEqual(b.Field(i).Interface(), a.Field(i).Interface()) {
			names = append(names, b.Type().Field(i).Name)
		}
	}
	return strings.Join(names, " ")
}
