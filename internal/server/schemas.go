package server

import "github.com/agentcreds/terraform-provider-agentcreds/internal/api"

// What an attribute can be, for the rows below.
const (
	readWrite = "readWrite"
	readOnly  = "readOnly"
	writeOnly = "writeOnly"
	immutably = "immutable"
)

// schemaBodies are the schemas of an agent, as far as agents have them.
func schemaBodies(base string) []api.Schema {
	bodies := []api.Schema{
		{ID: api.SchemaUser, Name: "User", Description: "User Account", Attributes: []api.Attribute{
			described("userName", "Username", "STRING", readOnly, "AGENT/ and the id of the agent"),
			described("externalId", "External id", "STRING", readWrite, "The caller's own id of the agent; unique"),
			described("active", "Active", "BOOLEAN", readWrite, "false blocks the agent"),
			described("password", "Password", "STRING", writeOnly, "Sets the secret and revokes all others, and every token; the answer to a create has the first one"),
			many(described("roles", "Roles", "COMPLEX", readOnly, "Roles of the agent; they change at the role")),
		}},
		{ID: api.SchemaWSO2, Name: "System Schema", Description: "System Schema", Attributes: []api.Attribute{
			described("accountLocked", "Account locked", "BOOLEAN", readWrite, "true blocks the agent"),
			described("lastPasswordUpdateTime", "Last password update", "STRING", readOnly, "When the newest secret was made, in milliseconds since 1970"),
		}},
		{ID: api.SchemaWSO2Agent, Name: "Agent", Description: "Agent", Attributes: []api.Attribute{
			described("DisplayName", "Display Name", "STRING", readWrite, "Name for people; not unique"),
			described("Description", "Description", "STRING", readWrite, "What the agent does"),
			described("Owner", "Owner", "STRING", readWrite, "Who answers for the agent"),
			described("IsUserServingAgent", "User serving", "BOOLEAN", immutably, "Whether the agent acts for users"),
		}},
		{ID: api.SchemaCredentials, Name: "AgentCredentials", Description: "What an agent may do, and with which credentials", Attributes: []api.Attribute{
			many(described("scopes", "Scopes", "STRING", readWrite, "Scopes that its tokens can have")),
			many(described("audiences", "Audiences", "STRING", readWrite, "Audiences that its tokens can have")),
			many(described("allowedAuthMethods", "Authentication methods", "STRING", readWrite, "How it may authenticate; empty allows all")),
			described("secret", "Secret", "STRING", writeOnly, "In a create: none makes an agent without a secret"),
			described("ownerToken", "Owner token", "STRING", readWrite, "Marks whose resource the agent is"),
			described("revokedAt", "Revoked", "STRING", readOnly, "When everything was revoked; a PATCH that removes it reinstates the agent"),
			many(onRequest(described("secrets", "Secrets", "COMPLEX", readOnly, "Metadata of the secrets; only when asked for by name"))),
			many(onRequest(described("keys", "Keys", "COMPLEX", readOnly, "Public keys; only when asked for by name"))),
			many(onRequest(described("certificates", "Certificates", "COMPLEX", readOnly, "Certificates; only when asked for by name"))),
		}},
	}
	for i := range bodies {
		bodies[i].Meta = &api.Meta{ResourceType: "Schema", Location: base + api.PathSchemas + "/" + bodies[i].ID}
	}
	return bodies
}

func described(name, display, kind, mutability, description string) api.Attribute {
	a := api.Attribute{
		Name:        name,
		DisplayName: display,
		Type:        kind,
		Description: description,
		CaseExact:   name == "externalId",
		Mutability:  mutability,
		Returned:    "default",
		Uniqueness:  "none",
	}
	switch {
	case mutability == writeOnly:
		a.Returned = "never"
	case name == "externalId" || name == "userName":
		a.Uniqueness = "server"
	}
	return a
}

func many(a api.Attribute) api.Attribute {
	a.MultiValued = true
	return a
}

func onRequest(a api.Attribute) api.Attribute {
	a.Returned = "request"
	return a
}
