package authority

import (
	"context"
	"errors"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Agent is an agent as it is, with its roles, oldest first, and its credentials
// where they were asked for: of each kind newest first, the live ones and the
// latest dead ones.
type Agent struct {
	store.Agent
	Roles        []store.Role
	Secrets      []Secret
	Keys         []PublicKey
	Certificates []Certificate
}

// Along says which credentials are read along with agents.
type Along struct{ Secrets, Keys, Certificates bool }

// Query asks for a page of agents, oldest first.
type Query struct {
	store.Query
	Along
}

// The parts of a Query, for callers that do not know the store.
type (
	Condition = store.Condition
	Field     = store.Field
	Op        = store.Op
)

// Fields that conditions can look at.
const (
	FieldID          = store.ID
	FieldDisplayName = store.DisplayName
	FieldDescription = store.Description
	FieldOwner       = store.Owner
	FieldExternalID  = store.ExternalID
	FieldAttribute   = store.Attribute
)

// Page is the answer to a Query.
type Page struct {
	Agents []Agent
	Total  int
}

// NewAgent is what CreateAgent makes an agent of.
type NewAgent struct {
	AgentChange      // Password, when set, is its first secret
	UserServing bool // WSO2's IsUserServingAgent
	NoSecret    bool // create it without a secret
}

// CreateAgent makes an agent and, unless NoSecret is set, its first secret: an
// ordinary one. The second result is its value; zero when there is none.
func (a *Authority) CreateAgent(ctx context.Context, p Principal, n NewAgent) (Agent, secret.Text, error) {
	now := a.Now()
	created := store.Agent{ID: newID(), UserServing: n.UserServing, Created: now, Modified: now}
	base := audit.Event{Actor: p.Name, Action: audit.AgentCreate, AgentID: created.ID}
	value, add, err := a.firstSecret(ctx, created.ID, n)
	if err != nil {
		return Agent{}, secret.Text{}, a.refused(ctx, base, err)
	}
	n.Password = secret.Text{} // a first secret, not a reset
	var out Agent
	err = a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		agent := created
		if _, err := a.apply(n.AgentChange, &agent); err != nil {
			return err
		}
		if err := tx.AddAgent(agent); err != nil {
			return taken(tx, err, agent.ExternalID)
		}
		ev.Detail["displayName"] = agent.DisplayName
		if n.NoSecret {
			return nil
		}
		ev.Target = add.ID
		if err := add.write(tx, &agent, p); err != nil {
			return err
		}
		return tx.SetAgent(agent)
	}, a.readAgent(created.ID, &out))
	if err != nil {
		return Agent{}, secret.Text{}, err
	}
	return out, value, nil
}

// firstSecret prepares the secret that an agent is born with; zero when it
// gets none.
func (a *Authority) firstSecret(ctx context.Context, agentID string, n NewAgent) (secret.Text, prepared, error) {
	value := n.Password
	switch {
	case n.NoSecret && !value.IsZero():
		return secret.Text{}, prepared{}, refuse(Invalid, "A password and \"secret\": \"none\" exclude each other.")
	case n.NoSecret:
		return secret.Text{}, prepared{}, nil
	case value.IsZero():
		value = a.rules.Password()
	}
	add, err := a.prepare(ctx, NewSecret{AgentID: agentID, Value: value})
	return value, add, err
}

// Agent returns one agent, with its credentials.
func (a *Authority) Agent(ctx context.Context, id string) (Agent, error) {
	var out Agent
	err := a.store.View(ctx, a.readAgent(id, &out))
	return out, err
}

// readAgent reads an agent with its credentials into out.
func (a *Authority) readAgent(id string, out *Agent) func(store.Reader) error {
	return func(r store.Reader) error {
		agent, err := r.Agent(id)
		if err != nil {
			return noAgent(err, id)
		}
		found := []Agent{{Agent: agent}}
		err = a.readAlong(r, Along{true, true, true}, found)
		*out = found[0]
		return err
	}
}

// readAlong reads the roles of agents into them, and the credentials that are
// asked for.
func (a *Authority) readAlong(r store.Reader, along Along, agents []Agent) error {
	now := a.Now()
	ids := make([]string, len(agents))
	for i := range agents {
		ids[i] = agents[i].ID
	}
	roles, err := r.RolesOf(ids)
	if err != nil {
		return err
	}
	for i := range agents {
		agents[i].Roles = roles[agents[i].ID]
	}
	if along.Secrets {
		found, err := r.Secrets(ids, now.Unix(), deadShown)
		if err != nil {
			return err
		}
		for i := range agents {
			agents[i].Secrets = judge(found[agents[i].ID], now)
		}
	}
	if along.Keys {
		found, err := r.Credentials(ids, store.KeyKind, now.Unix(), deadShown)
		if err != nil {
			return err
		}
		for i := range agents {
			agents[i].Keys = judgeKeys(found[agents[i].ID], now)
		}
	}
	if !along.Certificates {
		return nil
	}
	found, err := r.Credentials(ids, store.CertificateKind, now.Unix(), deadShown)
	if err != nil || len(found) == 0 {
		return err
	}
	cas, err := r.CAKeys()
	for i := range agents {
		agents[i].Certificates = judgeCertificates(found[agents[i].ID], cas, now)
	}
	return err
}

// Agents returns a page.
func (a *Authority) Agents(ctx context.Context, q Query) (Page, error) {
	var out Page
	err := a.store.View(ctx, func(r store.Reader) error {
		page, err := r.Agents(q.Query)
		if err != nil {
			return err
		}
		out = Page{Total: page.Total, Agents: make([]Agent, len(page.Agents))}
		for i, agent := range page.Agents {
			out.Agents[i].Agent = agent
		}
		return a.readAlong(r, q.Along, out.Agents)
	})
	return out, err
}

// DeleteAgent deletes an agent with all that it has. An ownerToken that is not
// "" must be the agent's: else the agent was adopted by another, and the
// answer is Stale.
func (a *Authority) DeleteAgent(ctx context.Context, p Principal, id, ownerToken string) error {
	base := audit.Event{Actor: p.Name, Action: audit.AgentDelete, AgentID: id}
	return a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		agent, err := tx.Agent(id)
		if err != nil {
			return noAgent(err, id)
		}
		if ownerToken != "" && ownerToken != agent.OwnerToken {
			return refuse(Stale, "Agent %s belongs to another owner by now: the owner token is not the present one.", id)
		}
		ev.Detail["displayName"] = agent.DisplayName
		// The certificates go on without the agent: the revocation list
		// names them.
		if err := certificateShelf.endAll(tx, id, a.Now(), ev); err != nil {
			return err
		}
		return tx.RemoveAgent(id)
	}, nil)
}

// RevokeAgent is the panic button: it revokes every credential, ends every
// token, and blocks the agent until it is reinstated.
func (a *Authority) RevokeAgent(ctx context.Context, p Principal, id string) (Agent, error) {
	var out Agent
	base := audit.Event{Actor: p.Name, Action: audit.AgentRevoke, AgentID: id}
	err := a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		agent, err := tx.Agent(id)
		if err != nil {
			return noAgent(err, id)
		}
		now := a.Now()
		if agent.RevokedAt.IsZero() {
			agent.RevokedAt = now
		}
		agent.Epoch++
		agent.Modified = now
		for _, sh := range shelves {
			if err := sh.endAll(tx, id, now, ev); err != nil {
				return err
			}
		}
		return tx.SetAgent(agent)
	}, a.readAgent(id, &out))
	if err != nil {
		return Agent{}, err
	}
	return out, nil
}

// taken explains ErrExists: which agent has the external id.
func taken(r store.Reader, err error, externalID string) error {
	if !errors.Is(err, store.ErrExists) || externalID == "" {
		return err
	}
	other, lookErr := r.AgentByExternalID(externalID)
	if lookErr != nil {
		return err
	}
	return refuse(Exists, "The external id %q belongs to agent %s already.", externalID, other.ID)
}

// set sorts a set of words and drops duplicates; an empty one is nil.
func set(words []string) []string {
	out := slices.Clone(words)
	slices.Sort(out)
	if out = slices.Compact(out); len(out) == 0 {
		return nil
	}
	return out
}
