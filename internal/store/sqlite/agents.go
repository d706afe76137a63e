package sqlite

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectAgent = `SELECT ` + row.AgentColumns + ` FROM agents`
	insertAgent = `INSERT INTO agents (` + row.AgentColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateAgent = `UPDATE agents SET (` + row.AgentColumns + `) =
		(?1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?1`
)

// Agent reads an agent.
func (t *tx) Agent(id string) (store.Agent, error) {
	return find(t, "agent "+id, row.Agent, selectAgent+" WHERE id = ?", id)
}

// AgentByExternalID reads an agent.
func (t *tx) AgentByExternalID(externalID string) (store.Agent, error) {
	return find(t, "agent with external id "+externalID, row.Agent, selectAgent+" WHERE external_id = ?", externalID)
}

// Agents reads a page of agents.
func (t *tx) Agents(q store.Query) (page store.Page, err error) {
	if err := t.ready(); err != nil {
		return page, err
	}
	rows := t.c.rows
	switch {
	case len(q.Where) > 0:
		rows = t.c.rowsOnce // there are too many combinations to keep them all
	case t.places != nil:
		from, over, total, known, err := t.place(max(0, q.Offset))
		if err != nil {
			return store.Page{}, err
		}
		if known {
			page.Total = total
			if q.Limit > 0 && q.Offset < total {
				page.Agents, err = list(t, "agents", row.Agent, selectAgent+" WHERE n >= ? ORDER BY n LIMIT ? OFFSET ?", from, q.Limit, over)
			}
			return page, err
		}
	}
	page.Agents, page.Total, err = row.Agents.Page(rows, dialect, q)
	return page, t.fail("agents", err)
}

// AddAgent adds an agent.
func (t *tx) AddAgent(a store.Agent) error {
	return t.writeOf(a.ID, "agent "+a.ID, insertAgent, row.AgentValues(a)...)
}

// SetAgent replaces an agent.
func (t *tx) SetAgent(a store.Agent) error {
	return t.writeOf(a.ID, "agent "+a.ID, updateAgent, row.AgentValues(a)...)
}

// RemoveAgent removes an agent; the table of secrets follows by itself.
func (t *tx) RemoveAgent(id string) error {
	if err := t.writeOf(id, "agent "+id, "DELETE FROM agents WHERE id = ?", id); err != nil {
		return err
	}
	return t.writeAside("count agents", addCount, removedCounter, 1) // see places
}
