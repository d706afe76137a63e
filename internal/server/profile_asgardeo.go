package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// Asgardeo is the agent API of WSO2 Asgardeo as it is without anything of ours:
// one secret for an agent, set by its password, no external id, and the quirks
// that clients meet there. Its rules are those of authority.Rules; what it
// allows in a minute is for whoever assembles the server.
func Asgardeo() Profile {
	return Profile{
		name:       "asgardeo",
		routes:     asgardeoRoutes(),
		attributes: asgardeoAttributes(),
		lax:        true,
		maxCount:   100, // MaxUserNameListLength of the user store AGENT
		everyone:   true,
		agent:      asgardeoAgent,
		changed:    func(id string) string { return "/scim2/Users/" + id },
		schemas:    asgardeoSchemas,
		types:      asgardeoTypes,
		config:     asgardeoConfig,
		nowhere:    emptyNotFound,
	}
}

// asgardeoRoutes are the SCIM ones, and those of operations.
func asgardeoRoutes() []route {
	return slices.DeleteFunc(table(), func(rt route) bool {
		return strings.HasPrefix(rt.Pattern, "/api/server/") || rt.Pattern == api.PathCRL
	})
}

// asgardeoAttributes are those without ours. An external id is taken and
// dropped: no claim of the agent's dialect keeps it.
func asgardeoAttributes() []attribute {
	known := slices.DeleteFunc(slices.Clone(attributes), func(a attribute) bool { return a.schema == api.SchemaCredentials })
	for i := range known {
		if known[i].name == "externalId" {
			known[i].set = ignored
		}
	}
	return known
}

// asgardeoAgent shows no extension, no flag of a create, and active only where
// somebody set it to false.
func asgardeoAgent(c *call, a authority.Agent) api.Agent {
	body := agentBody(c, a, authority.Along{})
	body.Schemas = agentSchemas[:len(agentSchemas)-1]
	body.Extension, body.ExternalID, body.Profile.IsUserServingAgent = nil, "", nil
	if *body.Active {
		body.Active = nil
	}
	if all, has := c.everyone(); has {
		body.Roles = slices.Insert(body.Roles, 0, c.roleOf(all.ID, all.Name))
	}
	return body
}

func asgardeoSchemas(base string) []api.Schema {
	return slices.DeleteFunc(schemaBodies(base), func(s api.Schema) bool { return s.ID == api.SchemaCredentials })
}

// asgardeoTypes does not know of agents.
func asgardeoTypes(base string) api.List[api.ResourceType] {
	kind := func(name, schema string) api.ResourceType {
		return api.ResourceType{
			Schemas: []string{api.SchemaType}, ID: name, Name: name, Endpoint: "/" + name + "s", Description: name + " Account",
			Schema: schema, SchemaExtensions: []api.SchemaExtension{},
			Meta: &api.Meta{ResourceType: "ResourceType", Location: base + api.PathTypes + "/" + name},
		}
	}
	return api.List[api.ResourceType]{
		Schemas: []string{api.SchemaList}, TotalResults: 2, StartIndex: 1, ItemsPerPage: 2,
		Resources: []api.ResourceType{
			kind("User", api.SchemaUser), kind("Group", "urn:ietf:params:scim:schemas:core:2.0:Group"),
		},
	}
}

func asgardeoConfig(*call, Config) api.ServerConfig {
	return api.ServerConfig{
		Schemas: []string{api.SchemaConfig},
		Patch:   api.Supported{Supported: true},
		Filter:  api.FilterSupport{Supported: true, MaxResults: 100},
		AuthenticationSchemes: []api.AuthScheme{{
			Type: "oauthbearertoken", Name: "OAuth Bearer Token",
			Description: "Authentication scheme using the OAuth Bearer Token Standard",
		}},
	}
}

// emptyNotFound answers a path outside SCIM as the JAX-RS of WSO2 does: with
// nothing but the status.
func emptyNotFound(w http.ResponseWriter, r *http.Request) bool {
	if isSCIM(r) {
		return false
	}
	w.WriteHeader(http.StatusNotFound)
	return true
}
