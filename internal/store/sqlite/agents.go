package sqlite

import (
	"database/sql"
	"errors"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// The columns of an agent, in the order of agentValues and scanAgent.
const (
	selectAgent = `SELECT id, external_id, display_name, description, owner, attributes, user_serving,
		inactive, locked, scopes, audiences, auth_methods, owner_token, revoked_at, epoch, last_secret,
		created, modified FROM agents`
	insertAgent = `INSERT INTO agents (id, external_id, display_name, description, owner, attributes,
		user_serving, inactive, locked, scopes, audiences, auth_methods, owner_token, revoked_at, epoch,
		last_secret, created, modified) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateAgent = `UPDATE agents SET (id, external_id, display_name, description, owner, attributes,
		user_serving, inactive, locked, scopes, audiences, auth_methods, owner_token, revoked_at, epoch,
		last_secret, created, modified) = (?1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?1`
)

func agentValues(a store.Agent) []any {
	var external any
	if a.ExternalID != "" {
		external = a.ExternalID
	}
	return []any{
		a.ID, external, a.DisplayName, a.Description, a.Owner, store.EncodeText(a.Attributes), a.UserServing,
		a.Inactive, a.Locked, store.EncodeText(a.Scopes), store.EncodeText(a.Audiences), store.EncodeText(a.AuthMethods), a.OwnerToken,
		micros(a.RevokedAt), a.Epoch, a.LastSecret, micros(a.Created), micros(a.Modified),
	}
}

func scanAgent(scan scan) (store.Agent, error) {
	var (
		a                                          store.Agent
		external                                   sql.NullString
		attributes, scopes, audiences, authMethods string
		revoked, created, modified                 sql.NullInt64
	)
	err := scan(&a.ID, &external, &a.DisplayName, &a.Description, &a.Owner, &attributes, &a.UserServing,
		&a.Inactive, &a.Locked, &scopes, &audiences, &authMethods, &a.OwnerToken,
		&revoked, &a.Epoch, &a.LastSecret, &created, &modified)
	if err != nil {
		return store.Agent{}, err
	}
	a.ExternalID = external.String
	a.RevokedAt, a.Created, a.Modified = moment(revoked), moment(created), moment(modified)
	return a, errors.Join(
		decode(attributes, &a.Attributes), decode(scopes, &a.Scopes),
		decode(audiences, &a.Audiences), decode(authMethods, &a.AuthMethods),
	)
}

// agent reads the one agent that a query finds.
func (t *tx) agent(what, query string, arg string) (a store.Agent, err error) {
	if err := t.ready(); err != nil {
		return a, err
	}
	err = sql.ErrNoRows
	if e := t.c.rows(query, []any{arg}, func(scan scan) error {
		a, err = scanAgent(scan)
		return err
	}); e != nil {
		err = e
	}
	return a, t.fail(what, err)
}

// Agent reads an agent.
func (t *tx) Agent(id string) (store.Agent, error) {
	return t.agent("agent "+id, selectAgent+" WHERE id = ?", id)
}

// AgentByExternalID reads an agent.
func (t *tx) AgentByExternalID(externalID string) (store.Agent, error) {
	return t.agent("agent with external id "+externalID, selectAgent+" WHERE external_id = ?", externalID)
}

// Agents reads a page of agents.
func (t *tx) Agents(q store.Query) (store.Page, error) {
	var page store.Page
	if err := t.ready(); err != nil {
		return page, err
	}
	rows := t.c.rows
	where, args := conditions(q.Where)
	switch {
	case where != "":
		rows = t.c.rowsOnce // there are too many combinations to keep them all
	case t.places != nil:
		from, over, total, known, err := t.place(max(0, q.Offset))
		if err != nil {
			return store.Page{}, err
		}
		if known {
			page.Total = total
			if q.Limit > 0 && q.Offset < total {
				page.Agents, err = t.agents(rows, selectAgent+" WHERE n >= ? ORDER BY n LIMIT ? OFFSET ?", from, q.Limit, over)
			}
			return page, err
		}
	}
	if err := rows("SELECT count(*) FROM agents"+where, args, func(scan scan) error {
		return scan(&page.Total)
	}); err != nil {
		return store.Page{}, t.fail("count agents", err)
	}
	if q.Limit <= 0 || q.Offset >= page.Total {
		return page, nil
	}
	args = append(args, q.Limit, max(0, q.Offset))
	var err error
	page.Agents, err = t.agents(rows, selectAgent+where+" ORDER BY n LIMIT ? OFFSET ?", args...)
	return page, err
}

// agents reads the agents that a query finds.
func (t *tx) agents(rows func(string, []any, func(scan) error) error, query string, args ...any) (found []store.Agent, err error) {
	err = rows(query, args, func(scan scan) error {
		a, err := scanAgent(scan)
		found = append(found, a)
		return err
	})
	if err != nil {
		return nil, t.fail("list agents", err)
	}
	return found, nil
}

// AddAgent adds an agent.
func (t *tx) AddAgent(a store.Agent) error {
	return t.writeOf(a.ID, "agent "+a.ID, insertAgent, agentValues(a)...)
}

// SetAgent replaces an agent.
func (t *tx) SetAgent(a store.Agent) error {
	return t.writeOf(a.ID, "agent "+a.ID, updateAgent, agentValues(a)...)
}

// RemoveAgent removes an agent; the table of secrets follows by itself.
func (t *tx) RemoveAgent(id string) error {
	if err := t.writeOf(id, "agent "+id, "DELETE FROM agents WHERE id = ?", id); err != nil {
		return err
	}
	return t.writeAside("count agents", addCount, removedCounter, 1) // see places
}
