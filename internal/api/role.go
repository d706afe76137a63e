package api

// SchemaRole is the schema of roles, as WSO2 names it.
const SchemaRole = "urn:ietf:params:scim:schemas:extension:2.0:Role"

// RoleResource is a role in WSO2's dialect (/scim2/v2/Roles and /scim2/v3/Roles):
// a set of permissions that its users have. Agents are users to it. Who asks for
// one role gets all of it; a list, and the answer to a change, leave users and
// permissions out.
type RoleResource struct {
	Schemas     []string      `json:"schemas,omitempty"`
	ID          string        `json:"id,omitempty"`
	DisplayName string        `json:"displayName,omitempty"` // unique
	Audience    *RoleAudience `json:"audience,omitempty"`
	Meta        *Meta         `json:"meta,omitempty"`
	Permissions []Reference   `json:"permissions,omitempty"` // scopes
	Users       []Reference   `json:"users,omitempty"`
	Groups      []Reference   `json:"groups,omitempty"` // never any of ours
}

// RoleAudience is whose role it is: that of the organization, or of one
// application.
type RoleAudience struct {
	Value   string `json:"value,omitempty"`
	Display string `json:"display,omitempty"`
	Type    string `json:"type,omitempty"`
}

// AudienceOrganization is the type of an audience that has no application.
const AudienceOrganization = "organization"

// Reference names something by its id, or by its name where that is its id.
type Reference struct {
	Value   string `json:"value,omitempty"`
	Display string `json:"display,omitempty"`
	Ref     string `json:"$ref,omitempty"`
}

// References makes references of ids.
func References(ids []string) []Reference {
	out := make([]Reference, len(ids))
	for i, id := range ids {
		out[i].Value = id
	}
	return out
}
