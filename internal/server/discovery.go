package server

import (
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// schemas answers, as WSO2 does, a plain array.
func (s *Server) schemas(c *call) (any, error) { return s.cfg.Profile.schemas(c.base), nil }

// schema answers, as WSO2 does, an array of one.
func (s *Server) schema(c *call) (any, error) {
	for _, schema := range s.cfg.Profile.schemas(c.base) {
		if strings.EqualFold(schema.ID, c.PathValue("id")) {
			return []api.Schema{schema}, nil
		}
	}
	return nil, notImplemented("only user, enterprise, system, agent, and custom schema are supported")
}

func (s *Server) resourceTypes(c *call) (any, error) { return s.cfg.Profile.types(c.base), nil }

// referenceTypes advertises agents. WSO2 does not: it knows users and groups.
func referenceTypes(base string) api.List[api.ResourceType] {
	return api.List[api.ResourceType]{
		Schemas:      []string{api.SchemaList},
		TotalResults: 1,
		StartIndex:   1,
		ItemsPerPage: 1,
		Resources:    []api.ResourceType{agentType(base)},
	}
}

func (s *Server) resourceType(c *call) (any, error) {
	for _, known := range s.cfg.Profile.types(c.base).Resources {
		if c.PathValue("id") == known.ID {
			return known, nil
		}
	}
	return nil, noRoute(c.Request)
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

func (s *Server) serverConfig(c *call) (any, error) { return s.cfg.Profile.config(c, s.cfg), nil }

// referenceConfig tells what the server can do, and to whom it tells it.
func referenceConfig(c *call, cfg Config) api.ServerConfig {
	return api.ServerConfig{
		Schemas: []string{api.SchemaConfig, api.SchemaServer},
		Patch:   api.Supported{Supported: true},
		Filter:  api.FilterSupport{Supported: true, MaxResults: cfg.Profile.maxCount},
		// A secret is set by PATCH of the password, or below the agent.
		ChangePassword: api.Supported{Supported: true},
		AuthenticationSchemes: []api.AuthScheme{{
			Type:        "oauthbearertoken",
			Name:        "OAuth Bearer Token",
			Description: "A bearer token in the Authorization header (RFC 6750)",
		}},
		Capabilities: &api.Capabilities{
			StoreID:      c.authority.StoreID(),
			MaxSecrets:   c.authority.MaxSecrets(),
			Overlap:      true,
			Keys:         true,
			Certificates: c.authority.SignsCertificates(),
			Audit:        true,
			Version:      cfg.Version,
			Principal:    c.principal.Name,
		},
	}
}
