package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// The columns of an agent, in the order of agentValues and scanAgent.
const (
	selectAgent = `SELECT id, external_id, display_name, description, owner, attributes, user_serving,
		inactive, locked, scopes, audiences, auth_methods, owner_token, revoked_at, epoch, last_secret,
		created, modified FROM agents`
	insertAgent = `WITH added AS (INSERT INTO agents (id, external_id, display_name, description, owner, attributes,
		user_serving, inactive, locked, scopes, audiences, auth_methods, owner_token, revoked_at, epoch,
		last_secret, created, modified)
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

func agentValues(a store.Agent) []any {
	var external *string
	if a.ExternalID != "" {
		external = &a.ExternalID
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
		external                                   *string
		attributes, scopes, audiences, authMethods string
		revoked, created, modified                 *int64
	)
	err := scan(&a.ID, &external, &a.DisplayName, &a.Description, &a.Owner, &attributes, &a.UserServing,
		&a.Inactive, &a.Locked, &scopes, &audiences, &authMethods, &a.OwnerToken,
		&revoked, &a.Epoch, &a.LastSecret, &created, &modified)
	if err != nil {
		return store.Agent{}, err
	}
	if external != nil {
		a.ExternalID = *external
	}
	a.RevokedAt, a.Created, a.Modified = moment(revoked), moment(created), moment(modified)
	return a, errors.Join(
		decode(attributes, &a.Attributes), decode(scopes, &a.Scopes),
		decode(audiences, &a.Audiences), decode(authMethods, &a.AuthMethods),
	)
}

// agent reads the one agent that a query finds.
func (t *tx) agent(what, query, arg string) (a store.Agent, err error) {
	if err := t.ready(); err != nil {
		return a, err
	}
	err = pgx.ErrNoRows
	if e := t.rows(query, []any{arg}, func(scan scan) error {
		a, err = scanAgent(scan)
		return err
	}); e != nil {
		err = e
	}
	return a, t.fail(what, err)
}

// Agent reads an agent.
func (t *tx) Agent(id string) (store.Agent, error) {
	return t.agent("agent "+id, selectAgent+" WHERE id = $1", id)
}

// AgentByExternalID reads an agent. Nobody has the external id "".
func (t *tx) AgentByExternalID(externalID string) (store.Agent, error) {
	return t.agent("agent with external id "+externalID, selectAgent+" WHERE external_id = $1", externalID)
}

// Agents reads a page of agents.
func (t *tx) Agents(q store.Query) (store.Page, error) {
	if err := t.ready(); err != nil {
		return store.Page{}, err
	}
	if len(q.Where) == 0 {
		return t.everyone(q.Offset, q.Limit)
	}
	return t.some(q)
}

// unprepared are arguments of a statement that is not worth keeping.
func unprepared(args []any) []any {
	return append([]any{pgx.QueryExecModeExec}, args...)
}

// AddAgent adds an agent.
func (t *tx) AddAgent(a store.Agent) error {
	return t.add("agent "+a.ID, insertAgent, "", agentValues(a)...)
}

// SetAgent replaces an agent.
func (t *tx) SetAgent(a store.Agent) error {
	return t.replace("agent "+a.ID, updateAgent, agentThere, agentValues(a)...)
}

// RemoveAgent removes an agent; what is its own follows by itself.
func (t *tx) RemoveAgent(id string) error {
	return t.write("agent "+id, deleteAgent, id)
}
