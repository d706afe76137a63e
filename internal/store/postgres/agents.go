package postgres

import (
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

const (
	selectAgent = `SELECT ` + row.AgentColumns + ` FROM agents`
	insertAgent = `WITH added AS (INSERT INTO agents (` + row.AgentColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING RETURNING n)
		INSERT INTO agent_counts SELECT n >> 12, 1 FROM added`
	deleteAgent = `WITH gone AS (DELETE FROM agents WHERE id = $1 RETURNING n) INSERT INTO agent_counts SELECT n >> 12, -1 FROM gone`
	// An error would end the transaction, so what is taken is looked for first.
	updateAgent = `UPDATE agents SET (external_id, display_name, description, owner, attributes, user_serving,
		inactive, locked, scopes, audiences, auth_methods, owner_token, revoked_at, epoch, last_secret, created, modified) =
		($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) WHERE id = $1
		AND NOT EXISTS (SELECT FROM agents other WHERE other.external_id = $2 AND other.id <> $1)`
	agentThere = `SELECT 1 FROM agents WHERE id = $1`
)

// Agent reads an agent.
func (t *tx) Agent(id string) (store.Agent, error) {
	return find(t, "agent "+id, row.Agent, selectAgent+" WHERE id = $1", id)
}

// AgentByExternalID reads an agent. Nobody has the external id "".
func (t *tx) AgentByExternalID(externalID string) (store.Agent, error) {
	return find(t, "agent with external id "+externalID, row.Agent, selectAgent+" WHERE external_id = $1", externalID)
}

// Agents reads a page of agents.
func (t *tx) Agents(q store.Query) (page store.Page, err error) {
	if err := t.ready(); err != nil {
		return page, err
	}
	if len(q.Where) == 0 {
		return t.everyone(q.Offset, q.Limit)
	}
	page.Agents, page.Total, err = row.Agents.Page(t.rowsOnce, dialect, q)
	return page, t.fail("agents", err)
}

// AddAgent adds an agent.
func (t *tx) AddAgent(a store.Agent) error {
	return t.add("agent "+a.ID, insertAgent, "", row.AgentValues(a)...)
}

// SetAgent replaces an agent.
func (t *tx) SetAgent(a store.Agent) error {
	return t.replace("agent "+a.ID, updateAgent, agentThere, row.AgentValues(a)...)
}

// RemoveAgent removes an agent; what is its own follows by itself.
func (t *tx) RemoveAgent(id string) error {
	return t.write("agent "+id, deleteAgent, id)
}
