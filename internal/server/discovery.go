package server

import (
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// schemas answers, as WSO2 does, a plain array.
func (s *Server) schemas(c *call) (any, error) { return schemaBodies(c.base), nil }

// schema answers, as WSO2 does, an array of one.
func (s *Server) schema(c *call) (any, error) {
	for _, schema := range schemaBodies(c.base) {
		if strings.EqualFold(schema.ID, c.PathValue("id")) {
			return []api.Schema{schema}, nil
		}
	}
	return nil, notImplemented("only user, enterprise, system, agent, and custom schema are supported")
}

// resourceTypes advertises agents. WSO2 does not: it knows users and groups.
func (s *Server) resourceTypes(c *call) (any, error) {
	return api.List[api.ResourceType]{
		Schemas:      []string{api.SchemaList},
		TotalResults: 1,
		StartIndex:   1,
		ItemsPerPage: 1,
		Resources:    []api.ResourceType{agentType(c.base)},
	}, nil
}

func (s *Server) resourceType(c *call) (any, error) {
	agent := agentType(c.base)
	if c.PathValue("id") != agent.ID {
		return nil, noRoute(c.Request)
	}
	return agent, nil
}

func agentType(base string) api.ResourceType {
	return api.ResourceType{
		Schemas:     []string{api.SchemaType},
		ID:          "Agent",
		Name:        "Agent",
		Endpoint:    "/Agents",
		Description: "AI agents and their credentials",
		Schema:      api.SchemaUser,
		SchemaExtensions: []api.SchemaExtension{
			{Schema: api.SchemaWSO2},
			{Schema: api.SchemaWSO2Agent},
			{Schema: api.SchemaCredentials},
		},
		Meta: &api.Meta{ResourceType: "ResourceType", Location: base + api.PathTypes + "/Agent"},
	}
}

// serverConfig tells what the server can do, and to whom it tells it.
func (s *Server) serverConfig(c *call) (any, error) {
	return api.ServerConfig{
		Schemas: []string{api.SchemaConfig, api.SchemaServer},
		Patch:   api.Supported{Supported: true},
		Filter:  api.FilterSupport{Supported: true, MaxResults: maxCount},
		// A secret is set by PATCH of the password, or below the agent.
		ChangePassword: api.Supported{Supported: true},
		AuthenticationSchemes: []api.AuthScheme{{
			Type:        "oauthbearertoken",
			Name:        "OAuth Bearer Token",
			Description: "A bearer token in the Authorization header (RFC 6750)",
		}},
		Capabilities: &api.Capabilities{
			StoreID:    c.authority.StoreID(),
			MaxSecrets: c.authority.MaxSecrets(),
			Overlap:    true,
			Audit:      true,
			Version:    s.cfg.Version,
			Principal:  c.principal.Name,
		},
	}, nil
}
