package server

import (
	"encoding/json"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// members is the body of a POST or PUT of an agent, member by member.
type members = map[string]json.RawMessage

func (s *Server) createAgent(c *call, in members) (any, error) {
	ch := change{profile: c.profile, manner: creating}
	if err := ch.members("", in, false); err != nil {
		return nil, err
	}
	if err := c.mayChange(ch); err != nil {
		return nil, err
	}
	agent, password, err := c.authority.CreateAgent(c.Context(), c.principal, authority.NewAgent{
		AgentChange: ch.finish(), UserServing: ch.userServing, NoSecret: ch.noSecret,
	})
	if err != nil {
		return nil, err
	}
	body := c.agent(agent)
	c.header.Set("Location", c.base+api.PathAgent(agent.ID))
	body.Password = password
	return body, nil
}

func (s *Server) getAgent(c *call) (any, error) {
	agent, err := c.authority.Agent(c.Context(), c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return c.agent(agent), nil
}

func (s *Server) replaceAgent(c *call, in members) (any, error) {
	ch := change{profile: c.profile, manner: replacing, id: c.PathValue("id")}
	if err := ch.members("", in, false); err != nil {
		return nil, err
	}
	if ch.userName == "" {
		return nil, immutable("userName")
	}
	return c.change(ch)
}

func (s *Server) patchAgent(c *call, in api.Patch) (any, error) {
	ch, err := patchOf(c.profile, c.PathValue("id"), in)
	if err != nil {
		return nil, err
	}
	return c.change(ch)
}

func (s *Server) deleteAgent(c *call) (any, error) {
	owner := ""
	if c.profile.has(api.SchemaCredentials) {
		owner = c.Header.Get(api.HeaderOwnerToken)
	}
	return nil, c.authority.DeleteAgent(c.Context(), c.principal, c.PathValue("id"), owner)
}

// revokeAgent answers with the agent, where WSO2 answers its revoke of an
// application with 204: the caller sees when it was revoked, which may be
// earlier, and whose it is, and needs no second request to show it.
func (s *Server) revokeAgent(c *call) (any, error) {
	agent, err := c.authority.RevokeAgent(c.Context(), c.principal, c.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return c.agent(agent), nil
}

// change carries out a change and answers with the agent as it is then.
func (c *call) change(ch change) (any, error) {
	if err := c.mayChange(ch); err != nil {
		return nil, err
	}
	agent, err := c.authority.ChangeAgent(c.Context(), c.principal, ch.id, ch.finish())
	if err != nil {
		return nil, err
	}
	return c.agent(agent), nil
}

// mayChange refuses a caller who chooses a secret and may not. Who may change an
// agent of WSO2 may do that: it knows no scope of ours.
func (c *call) mayChange(ch change) error {
	if ch.Password.IsZero() || !c.profile.has(api.SchemaCredentials) {
		return nil
	}
	return c.need(api.ScopeCredentialCreate)
}

// agent is the answer with one agent.
func (c *call) agent(a authority.Agent) api.Agent {
	c.header.Set("Location", c.base+c.profile.changed(a.ID))
	return c.want.of(c.profile.agent(c, a))
}
