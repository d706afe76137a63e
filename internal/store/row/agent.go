package row

import "github.com/agentcreds/terraform-provider-agentcreds/internal/store"

// AgentColumns are those of an agent, in the order of AgentValues and Agent.
const AgentColumns = `id, external_id, display_name, description, owner, attributes, user_serving, inactive, locked,
	scopes, audiences, auth_methods, owner_token, revoked_at, epoch, last_secret, created, modified`

// AgentValues is how an agent is kept.
func AgentValues(a store.Agent) []any {
	return []any{
		a.ID, optional(a.ExternalID), a.DisplayName, a.Description, a.Owner, store.EncodeText(a.Attributes), a.UserServing,
		a.Inactive, a.Locked, store.EncodeText(a.Scopes), store.EncodeText(a.Audiences), store.EncodeText(a.AuthMethods),
		a.OwnerToken, micros(a.RevokedAt), a.Epoch, a.LastSecret, micros(a.Created), micros(a.Modified),
	}
}

// Agent reads an agent.
func Agent(scan Scan) (a store.Agent, err error) {
	err = scan(
		&a.ID, option{&a.ExternalID}, &a.DisplayName, &a.Description, &a.Owner, coded[map[string]string]{&a.Attributes}, &a.UserServing,
		&a.Inactive, &a.Locked, coded[[]string]{&a.Scopes}, coded[[]string]{&a.Audiences}, coded[[]string]{&a.AuthMethods},
		&a.OwnerToken, moment{&a.RevokedAt}, &a.Epoch, &a.LastSecret, moment{&a.Created}, moment{&a.Modified},
	)
	return a, err
}
