// Package api is the words on the wire: paths, bodies and errors, as WSO2's
// agent API speaks them and as our extension adds to it. Client and server
// meet here and nowhere else. The package sends and decides nothing.
package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Schema names.
const (
	SchemaUser        = "urn:ietf:params:scim:schemas:core:2.0:User"
	SchemaWSO2        = "urn:scim:wso2:schema"
	SchemaWSO2Agent   = "urn:scim:wso2:agent:schema"
	SchemaCredentials = "urn:agentcreds:params:scim:schemas:extension:credentials:1.0:Agent"
	SchemaServer      = "urn:agentcreds:params:scim:schemas:extension:credentials:1.0:ServiceProviderConfig"
)

// UserNamePrefix starts the user name of every agent, and of nobody else. On a
// WSO2 server an id without it may be a human's.
const UserNamePrefix = "AGENT/"

// Agent is a SCIM user in WSO2's dialect (POST, GET and PUT of /scim2/Agents).
type Agent struct {
	Schemas     []string       `json:"schemas,omitempty"`
	ID          string         `json:"id,omitempty"`
	ExternalID  string         `json:"externalId,omitempty"`
	UserName    string         `json:"userName,omitempty"`    // "AGENT/" + id; what a create sends is ignored
	DisplayName string         `json:"displayName,omitempty"` // only in requests: stands in for Profile.DisplayName
	Password    secret.Text    `json:"password,omitzero"`     // in the answer to a create, once
	Active      *bool          `json:"active,omitempty"`      // nil: as it is; in a create: true
	Meta        *Meta          `json:"meta,omitempty"`
	Roles       []Role         `json:"roles,omitempty"`
	Profile     AgentProfile   `json:"urn:scim:wso2:agent:schema,omitzero"`
	System      *AgentSystem   `json:"urn:scim:wso2:schema,omitempty"`
	Extension   *AgentSecurity `json:"urn:agentcreds:params:scim:schemas:extension:credentials:1.0:Agent,omitempty"`
}

// IsAgent reports whether the user name says that this is an agent. Nothing
// else may be written or deleted.
func (a Agent) IsAgent() bool { return strings.HasPrefix(a.UserName, UserNamePrefix) }

// Blocked reports whether the agent may not authenticate.
func (a Agent) Blocked() bool {
	return (a.Active != nil && !*a.Active) || (a.System != nil && a.System.AccountLocked != nil && bool(*a.System.AccountLocked))
}

// PasswordTime is when the secret of the agent was last set, in unix
// milliseconds; 0 when the server does not tell.
func (a Agent) PasswordTime() int64 {
	if a.System == nil {
		return 0
	}
	ms, err := strconv.ParseInt(a.System.LastPasswordUpdateTime, 10, 64)
	if err != nil {
		return 0
	}
	return ms
}

// Meta is the meta of a SCIM resource. Times are RFC 3339.
type Meta struct {
	ResourceType string `json:"resourceType,omitempty"`
	Created      string `json:"created,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	Location     string `json:"location,omitempty"`
}

// Role is a role that the agent has; read only.
type Role struct {
	Value         string `json:"value,omitempty"`
	Display       string `json:"display,omitempty"`
	Ref           string `json:"$ref,omitempty"`
	AudienceValue string `json:"audienceValue,omitempty"`
	AudienceType  string `json:"audienceType,omitempty"`

	AudienceDisplay string `json:"audienceDisplay,omitempty"`
}

// AgentProfile is urn:scim:wso2:agent:schema. Tenants may add attributes to
// it: they are in Attributes.
type AgentProfile struct {
	DisplayName        string
	Description        string
	Owner              string
	IsUserServingAgent *bool // WSO2 takes it on create and never shows it
	Attributes         map[string]string
}

// The members of AgentProfile by name.
const (
	attrDisplayName = "DisplayName"
	attrDescription = "Description"
	attrOwner       = "Owner"
	attrUserServing = "IsUserServingAgent"
)

// IsZero reports whether nothing is set.
func (p AgentProfile) IsZero() bool {
	return p.DisplayName == "" && p.Description == "" && p.Owner == "" && p.IsUserServingAgent == nil && len(p.Attributes) == 0
}

// MarshalJSON writes the attributes beside the named members.
func (p AgentProfile) MarshalJSON() ([]byte, error) {
	m := make(map[string]any, len(p.Attributes)+4)
	for k, v := range p.Attributes {
		m[k] = v
	}
	for k, v := range map[string]string{attrDisplayName: p.DisplayName, attrDescription: p.Description, attrOwner: p.Owner} {
		if v != "" {
			m[k] = v
		}
	}
	if p.IsUserServingAgent != nil {
		m[attrUserServing] = *p.IsUserServingAgent
	}
	return json.Marshal(m)
}

// UnmarshalJSON puts what has no member of its own into Attributes. Numbers
// and booleans are kept as their JSON text; null is as if absent.
func (p *AgentProfile) UnmarshalJSON(data []byte) error {
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("%s must be an object", SchemaWSO2Agent)
	}
	*p = AgentProfile{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if name == attrUserServing {
			b, ok := m[name].(bool)
			if !ok {
				return fmt.Errorf("%s:%s must be true or false", SchemaWSO2Agent, name)
			}
			p.IsUserServingAgent = &b
			continue
		}
		if m[name] == nil {
			continue
		}
		text, err := attributeText(m[name])
		if err != nil {
			return fmt.Errorf("%s:%s %w", SchemaWSO2Agent, name, err)
		}
		switch name {
		case attrDisplayName:
			p.DisplayName = text
		case attrDescription:
			p.Description = text
		case attrOwner:
			p.Owner = text
		default:
			if p.Attributes == nil {
				p.Attributes = map[string]string{}
			}
			p.Attributes[name] = text
		}
	}
	return nil
}

func attributeText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool, float64:
		text, err := json.Marshal(v)
		return string(text), err
	default:
		return "", fmt.Errorf("must be a string")
	}
}

// AgentSystem is urn:scim:wso2:schema, as far as agents have it.
type AgentSystem struct {
	AccountLocked *Bool `json:"accountLocked,omitempty"`
	// LastPasswordUpdateTime is in unix milliseconds, as a string.
	LastPasswordUpdateTime string `json:"lastPasswordUpdateTime,omitempty"`
}

// Bool is a boolean that some servers send as a string.
type Bool bool

// UnmarshalJSON takes true, false, "true" and "false".
func (b *Bool) UnmarshalJSON(data []byte) error {
	switch strings.ToLower(strings.Trim(string(data), `"`)) {
	case "true":
		*b = true
	case "false":
		*b = false
	default:
		return fmt.Errorf("must be true or false")
	}
	return nil
}

// SecretNone as the Secret of a create asks for an agent without a secret.
const SecretNone = "none"

// AgentSecurity is our extension of an agent. In requests nil means: leave as
// it is; an empty list clears.
type AgentSecurity struct {
	Scopes             []string `json:"scopes,omitempty"`
	Audiences          []string `json:"audiences,omitempty"`
	AllowedAuthMethods []string `json:"allowedAuthMethods,omitempty"`

	// Secret is only in a create: SecretNone or nothing.
	Secret string `json:"secret,omitempty"`
	// OwnerToken marks whose resource the agent is. A DELETE that names
	// another one in HeaderOwnerToken is refused with 412.
	OwnerToken string `json:"ownerToken,omitempty"`
	// RevokedAt is when everything was revoked, RFC 3339; read only, but
	// removing it by PATCH reinstates the agent.
	RevokedAt string `json:"revokedAt,omitempty"`
	// Secrets is what there is of secrets, never a value, Keys and Certificates
	// what there is of those. Each is there only when a read asks for its
	// attribute by name. Certificates that open nothing any more are without
	// their PEM.
	Secrets      []Secret      `json:"secrets,omitempty"`
	Keys         []Key         `json:"keys,omitempty"`
	Certificates []Certificate `json:"certificates,omitempty"`
}

// Attributes by which a read asks for what there is of the credentials.
const (
	AttrSecrets      = SchemaCredentials + ":secrets"
	AttrKeys         = SchemaCredentials + ":keys"
	AttrCertificates = SchemaCredentials + ":certificates"
)

// AttrRevokedAt is the path that a PATCH removes to reinstate an agent.
const AttrRevokedAt = SchemaCredentials + ":revokedAt"

// HeaderOwnerToken is the header of a DELETE that must name the owner token.
const HeaderOwnerToken = "Agentcreds-Owner-Token"
