package server

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// acts is what a request to a route is, as the audit names it, for each route
// that needs a scope.
var acts = map[string]authority.AuditAction{
	"POST " + api.PathAgents:           "agent.create",
	"GET " + api.PathAgents:            "agent.view",
	"POST " + api.PathAgentSearch:      "agent.view",
	"GET " + api.PatternAgent:          "agent.view",
	"PUT " + api.PatternAgent:          "agent.update",
	"PATCH " + api.PatternAgent:        "agent.update",
	"DELETE " + api.PatternAgent:       "agent.delete",
	"POST " + api.PatternSecrets:       "secret.create",
	"GET " + api.PatternSecrets:        "secret.view",
	"PUT " + api.PatternSecret:         "secret.create",
	"GET " + api.PatternSecret:         "secret.view",
	"PATCH " + api.PatternSecret:       "secret.expire",
	"DELETE " + api.PatternSecret:      "secret.revoke",
	"POST " + api.PatternKeys:          "public_key.create",
	"GET " + api.PatternKeys:           "public_key.view",
	"PUT " + api.PatternKey:            "public_key.create",
	"GET " + api.PatternKey:            "public_key.view",
	"PATCH " + api.PatternKey:          "public_key.expire",
	"DELETE " + api.PatternKey:         "public_key.revoke",
	"POST " + api.PatternCertificates:  "certificate.create",
	"GET " + api.PatternCertificates:   "certificate.view",
	"PUT " + api.PatternCertificate:    "certificate.create",
	"GET " + api.PatternCertificate:    "certificate.view",
	"PATCH " + api.PatternCertificate:  "certificate.expire",
	"DELETE " + api.PatternCertificate: "certificate.revoke",
	"POST " + api.PatternRevoke:        "agent.revoke",
	"POST " + api.PathRoles:            "role.create",
	"GET " + api.PathRoles:             "role.view",
	"POST " + api.PathRoleSearch:       "role.view",
	"GET " + api.PatternRole:           "role.view",
	"PUT " + api.PatternRole:           "role.update",
	"PATCH " + api.PatternRole:         "role.update",
	"DELETE " + api.PatternRole:        "role.delete",
	"POST " + api.PathRolesV3:          "role.create",
	"GET " + api.PathRolesV3:           "role.view",
	"POST " + api.PathRoleSearchV3:     "role.view",
	"GET " + api.PatternRoleV3:         "role.view",
	"PUT " + api.PatternRoleV3:         "role.update",
	"PATCH " + api.PatternRoleV3:       "role.update",
	"DELETE " + api.PatternRoleV3:      "role.delete",
	"PUT " + api.PatternRoleUsers:      "role.assign",
	"PATCH " + api.PatternRoleUsers:    "role.assign",
	"POST " + api.PathClients:          "client.create",
	"GET " + api.PathClients:           "client.view",
	"POST " + api.PatternClientSecrets: "client.rotate",
	"POST " + api.PatternClientProofs:  "client.rotate",
	"DELETE " + api.PatternClient:      "client.delete",
	"GET " + api.PathAuditEvents:       "audit.view",
	"GET " + api.PathCheckpoint:        "audit.view",
}

// denied enters into the audit that a scope is missing, and returns the error
// as it is. When it cannot be entered, that is the error. It makes no store.
func (s *Server) denied(c *call, err error) error {
	refusal, ok := errors.AsType[*api.Error](err)
	if !ok || refusal.Code != api.CodeForbidden {
		return err
	}
	a := c.authority
	if a == nil {
		var openErr error
		if a, openErr = s.cfg.Authority(c.Context(), false); openErr != nil {
			return openErr
		}
	}
	what := authority.AuditEvent{
		Action: acts[c.route.Method+" "+c.route.Pattern], AgentID: named(c.PathValue("id")),
		Target: cmp.Or(named(cmp.Or(c.PathValue("secretId"), c.PathValue("clientId"), c.PathValue("roleId"))), chosen(c.PathValue("kid")), chosen(c.PathValue("serial"))),
	}
	if noteErr := a.Denied(c.Context(), c.principal, what, refusal.Message); noteErr != nil {
		return fmt.Errorf("refuse a request: %w", noteErr)
	}
	return err
}

// chosen is an id of a path that a client may choose, as far as it is short.
func chosen(id string) string {
	if len(id) > 200 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return id
}

// named is an id of a path, unless it cannot be one of ours: nobody has looked
// it up.
func named(id string) string {
	if len(id) != 36 || strings.Trim(id, "0123456789abcdef-") != "" {
		return ""
	}
	return id
}
