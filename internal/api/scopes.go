package api

import "slices"

// Scopes of the management API: those of WSO2's agent API, and one set of our
// own for credentials, so that who may name an agent need not be able to act
// as it.
const (
	ScopeAgentCreate = "internal_agent_mgt_create"
	ScopeAgentList   = "internal_agent_mgt_list"
	ScopeAgentView   = "internal_agent_mgt_view"
	ScopeAgentUpdate = "internal_agent_mgt_update"
	ScopeAgentDelete = "internal_agent_mgt_delete"

	// ScopeCredentialCreate: add a secret, key or certificate, with all that a rotation does to
	// the others; choose the password of an agent.
	ScopeCredentialCreate = "internal_agent_credential_create"
	// ScopeCredentialView: the metadata of secrets, whose values are never shown,
	// and of keys and certificates.
	ScopeCredentialView = "internal_agent_credential_view"
	// ScopeCredentialDelete: move the expiry of one, revoke it, revoke
	// all that an agent has.
	ScopeCredentialDelete = "internal_agent_credential_delete"

	// ScopeRoleView: list roles, with their permissions and members.
	ScopeRoleView = "internal_role_mgt_view"
	// ScopeRoleCreate, ScopeRoleUpdate: make a role, change all of it, its
	// members too, by version 2 of the role API.
	ScopeRoleCreate = "internal_role_mgt_create"
	ScopeRoleUpdate = "internal_role_mgt_update"
	// ScopeRoleDelete: delete a role.
	ScopeRoleDelete = "internal_role_mgt_delete"
	// ScopeRoleMetaCreate, ScopeRoleMetaUpdate: make a role, change its name
	// and permissions, by version 3.
	ScopeRoleMetaCreate = "internal_role_mgt_meta_create"
	ScopeRoleMetaUpdate = "internal_role_mgt_meta_update"
	// ScopeRoleUsersUpdate: give a role to agents and take it from them, by
	// version 3.
	ScopeRoleUsersUpdate = "internal_role_mgt_users_update"

	// ScopeClientCreate: make a management client, and give one a new secret;
	// only one that may do nothing that the caller may not.
	ScopeClientCreate = "internal_client_mgt_create"
	// ScopeClientView: list the management clients, without their secrets.
	ScopeClientView = "internal_client_mgt_view"
	// ScopeClientDelete: delete one that may do nothing that the caller may not.
	ScopeClientDelete = "internal_client_mgt_delete"

	// ScopeAuditView: read the audit.
	ScopeAuditView = "internal_agent_audit_view"
	// ScopeIntrospect: learn of every token whether it is in force.
	ScopeIntrospect = "internal_token_introspect"
	// ScopeMetricsView: read /metrics from elsewhere.
	ScopeMetricsView = "internal_metrics_view"
)

// ScopeSet is a name for the scopes that a kind of program needs.
type ScopeSet struct {
	Name   string
	What   string
	Scopes []string
}

// ScopeSets are the sets there are. The last one has all scopes of the
// management API.
func ScopeSets() []ScopeSet {
	agents := []string{ScopeAgentCreate, ScopeAgentList, ScopeAgentView, ScopeAgentUpdate, ScopeAgentDelete}
	credentials := []string{ScopeCredentialCreate, ScopeCredentialView, ScopeCredentialDelete}
	return []ScopeSet{
		{"terraform", "manage agents, their credentials, and which roles they have", slices.Concat(agents, credentials, []string{ScopeRoleView, ScopeRoleUsersUpdate})},
		{"view", "read agents and the metadata of their credentials", []string{ScopeAgentList, ScopeAgentView, ScopeCredentialView}},
		{"roles", "make, change and delete roles", []string{
			ScopeRoleView, ScopeRoleCreate, ScopeRoleUpdate, ScopeRoleDelete, ScopeRoleMetaCreate, ScopeRoleMetaUpdate, ScopeRoleUsersUpdate,
		}},
		{"audit", "read the audit", []string{ScopeAuditView}},
		{"introspect", "check tokens, as resource servers do", []string{ScopeIntrospect}},
		{"metrics", "read /metrics", []string{ScopeMetricsView}},
		{"clients", "manage the management clients that may do no more than it may itself", []string{ScopeClientCreate, ScopeClientView, ScopeClientDelete}},
		{"admin", "everything, also make, rotate and delete any management client", Scopes()},
	}
}

// Scopes are all scopes of the management API.
func Scopes() []string {
	return []string{
		ScopeAgentCreate, ScopeAgentList, ScopeAgentView, ScopeAgentUpdate, ScopeAgentDelete,
		ScopeCredentialCreate, ScopeCredentialView, ScopeCredentialDelete,
		ScopeRoleView, ScopeRoleCreate, ScopeRoleUpdate, ScopeRoleDelete, ScopeRoleMetaCreate, ScopeRoleMetaUpdate, ScopeRoleUsersUpdate,
		ScopeClientCreate, ScopeClientView, ScopeClientDelete,
		ScopeAuditView, ScopeIntrospect, ScopeMetricsView,
	}
}

// AuthMethods are the ways for an agent to authenticate, by their names in the
// IANA registry of token endpoint authentication methods.
func AuthMethods() []string {
	return []string{
		"client_secret_basic",
		"client_secret_post",
		"private_key_jwt",
		"tls_client_auth",
		"self_signed_tls_client_auth",
	}
}
