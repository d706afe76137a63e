package api

import "net/url"

// Paths below the base URL.
const (
	PathAgents       = "/scim2/Agents"
	PathAgentSearch  = "/scim2/Agents/.search"
	PathSchemas      = "/scim2/Schemas"
	PathTypes        = "/scim2/ResourceTypes"
	PathServerConfig = "/scim2/ServiceProviderConfig"
	PathToken        = "/oauth2/token" //nolint:gosec // a path
	PathRevokeToken  = "/oauth2/revoke"
	PathCRL          = "/crl"
	PathHealth       = "/healthz"
	PathReady        = "/readyz"
	PathMetrics      = "/metrics"
	PathAuditEvents  = "/api/server/v1/audit/events"
	PathCheckpoint   = "/api/server/v1/audit/checkpoint"
	PathClients      = "/api/server/v1/clients"

	// Roles: version 3 changes the members of a role apart from the rest of
	// it, and has other scopes (Identity Server 7.2).
	PathRoles        = "/scim2/v2/Roles"
	PathRoleSearch   = PathRoles + "/.search"
	PathRolesV3      = "/scim2/v3/Roles"
	PathRoleSearchV3 = PathRolesV3 + "/.search"

	pathServer = "/api/server/v1/agents"
)

// Patterns of the paths with an id in them, as http.ServeMux takes them.
const (
	PatternAgent        = PathAgents + "/{id}"
	PatternSchema       = PathSchemas + "/{id}"
	PatternType         = PathTypes + "/{id}"
	PatternSecrets      = pathServer + "/{id}/secrets"
	PatternSecret       = pathServer + "/{id}/secrets/{secretId}"
	PatternKeys         = pathServer + "/{id}/keys"
	PatternKey          = pathServer + "/{id}/keys/{kid}"
	PatternCertificates = pathServer + "/{id}/certificates"
	PatternCertificate  = pathServer + "/{id}/certificates/{serial}"
	PatternRevoke       = pathServer + "/{id}/revoke"

	PatternRole      = PathRoles + "/{roleId}"
	PatternRoleV3    = PathRolesV3 + "/{roleId}"
	PatternRoleUsers = PatternRoleV3 + "/Users"

	PatternClient        = PathClients + "/{clientId}"
	PatternClientSecrets = PathClients + "/{clientId}/secrets"
	PatternClientProofs  = PathClients + "/{clientId}/credentials"
)

// PathAgent is the path of an agent.
func PathAgent(id string) string { return PathAgents + "/" + url.PathEscape(id) }

// PathSecrets is the path of an agent's secrets.
func PathSecrets(agentID string) string {
	return pathServer + "/" + url.PathEscape(agentID) + "/secrets"
}

// PathSecret is the path of one secret.
func PathSecret(agentID, secretID string) string {
	return PathSecrets(agentID) + "/" + url.PathEscape(secretID)
}

// PathRole is the path of a role, where its members are changed with all else
// that it has.
func PathRole(id string) string { return PathRoles + "/" + url.PathEscape(id) }

// PathRoleUsers is the path of the members of a role alone (Identity Server
// 7.2).
func PathRoleUsers(id string) string { return PathRolesV3 + "/" + url.PathEscape(id) + "/Users" }

// PathKeys is the path of an agent's public keys.
func PathKeys(agentID string) string {
	return pathServer + "/" + url.PathEscape(agentID) + "/keys"
}

// PathKey is the path of one public key.
func PathKey(agentID, kid string) string { return PathKeys(agentID) + "/" + url.PathEscape(kid) }

// PathCertificates is the path of an agent's certificates.
func PathCertificates(agentID string) string {
	return pathServer + "/" + url.PathEscape(agentID) + "/certificates"
}

// PathCertificate is the path of one certificate.
func PathCertificate(agentID, id string) string {
	return PathCertificates(agentID) + "/" + url.PathEscape(id)
}

// PathRevoke is the path that revokes all that an agent has.
func PathRevoke(agentID string) string {
	return pathServer + "/" + url.PathEscape(agentID) + "/revoke"
}

// PathClient is the path of a management client.
func PathClient(id string) string { return PathClients + "/" + url.PathEscape(id) }

// PathClientSecrets is the path of a management client's secrets.
func PathClientSecrets(id string) string { return PathClient(id) + "/secrets" }

// PathClientProofs is the path of all that a management client signs in with.
func PathClientProofs(id string) string { return PathClient(id) + "/credentials" }
