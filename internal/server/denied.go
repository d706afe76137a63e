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
	"POST " + api.PatternRevoke:        "agent.revoke",
	"POST " + api.PathClients:          "client.create",
	"GET " + api.PathClients:           "client.view",
	"POST " + api.PatternClientSecrets: "client.rotate",
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
		Action: acts[c.route.Method+" "+c.route.Pattern], AgentID: named(c.PathValue("id")), Target: named(cmp.Or(c.PathValue("secretId"), c.PathValue("clientId"))),
	}
	if noteErr := a.Denied(c.Context(), c.principal, what, refusal.Message); noteErr != nil {
		return fmt.Errorf("refuse a request: %w", noteErr)
	}
	return err
}

// named is an id of a path, unless it cannot be one of ours: nobody has looked
// it up.
func named(id string) string {
	if len(id) != 36 || strings.Trim(id, "0123456789abcdef-") != "" {
		return ""
	}
	return id
}
