package server

import (
	"strconv"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// agentSchemas are what WSO2 lists in every agent, and ours.
var agentSchemas = []string{
	api.SchemaUser,
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
	api.SchemaWSO2,
	"urn:scim:schemas:extension:custom:User",
	api.SchemaWSO2Agent,
	api.SchemaCredentials,
}

// agentBody is an agent on the wire. accountLocked is there only when it is
// true, as WSO2 has it; active always.
func agentBody(c *call, a authority.Agent, along authority.Along) api.Agent {
	active := !a.Inactive
	body := api.Agent{
		Schemas:    agentSchemas,
		ID:         a.ID,
		ExternalID: a.ExternalID,
		UserName:   api.UserNamePrefix + a.ID,
		Active:     &active,
		Meta: &api.Meta{
			ResourceType: "Agent",
			Created:      instant(a.Created),
			LastModified: instant(a.Modified),
			Location:     c.base + api.PathAgent(a.ID),
		},
		Profile: api.AgentProfile{
			DisplayName: a.DisplayName,
			Description: a.Description,
			Owner:       a.Owner,
			Attributes:  a.Attributes,
		},
		System: systemBody(a),
		Extension: &api.AgentSecurity{
			Scopes:             a.Scopes,
			Audiences:          a.Audiences,
			AllowedAuthMethods: a.AuthMethods,
			OwnerToken:         a.OwnerToken,
			RevokedAt:          instant(a.RevokedAt),
		},
	}
	for _, r := range a.Roles {
		body.Roles = append(body.Roles, c.roleOf(r.ID, r.Name))
	}
	if a.UserServing {
		body.Profile.IsUserServingAgent = &a.UserServing
	}
	if along.Secrets {
		body.Extension.Secrets = bodies(a.Secrets, secretBody)
	}
	if along.Keys {
		body.Extension.Keys = bodies(a.Keys, keyBody)
	}
	if along.Certificates {
		body.Extension.Certificates = bodies(a.Certificates, briefCertificate)
	}
	return body
}

// bodies are credentials on the wire; nil for none.
func bodies[T, B any](found []T, of func(T) B) []B {
	if len(found) == 0 {
		return nil
	}
	out := make([]B, len(found))
	for i, v := range found {
		out[i] = of(v)
	}
	return out
}

// briefCertificate leaves out the PEM of what opens nothing any more: a page of
// agents would be long with it.
func briefCertificate(cert authority.Certificate) api.Certificate {
	body := certificateBody(cert)
	if !body.Live() {
		body.CertificatePEM, body.CAChainPEM = "", ""
	}
	return body
}

// systemBody is nil when there is nothing to tell. A revoked agent is locked,
// whatever else it is.
func systemBody(a authority.Agent) *api.AgentSystem {
	var body api.AgentSystem
	if a.Locked || !a.RevokedAt.IsZero() {
		locked := api.Bool(true)
		body.AccountLocked = &locked
	}
	if a.LastSecret > 0 {
		body.LastPasswordUpdateTime = strconv.FormatInt(a.LastSecret, 10)
	}
	if body == (api.AgentSystem{}) {
		return nil
	}
	return &body
}

// instant writes a time to the microsecond, as WSO2 does: the fraction may have
// fewer digits. A zero time is "".
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Microsecond).Format("2006-01-02T15:04:05.999999Z07:00")
}
