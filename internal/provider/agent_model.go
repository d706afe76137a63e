package provider

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

type agentModel struct {
	ID                 types.String      `tfsdk:"id"`
	DisplayName        types.String      `tfsdk:"display_name"`
	Description        types.String      `tfsdk:"description"`
	Owner              types.String      `tfsdk:"owner"`
	Attributes         types.Map         `tfsdk:"attributes"`
	IsUserServingAgent types.Bool        `tfsdk:"is_user_serving_agent"`
	ExternalID         types.String      `tfsdk:"external_id"`
	Enabled            types.Bool        `tfsdk:"enabled"`
	Scopes             types.Set         `tfsdk:"scopes"`
	Audiences          types.Set         `tfsdk:"audiences"`
	AllowedAuthMethods types.Set         `tfsdk:"allowed_auth_methods"`
	PreventLockout     types.Bool        `tfsdk:"prevent_lockout"`
	Roles              types.Set         `tfsdk:"roles"`
	ReinstateTrigger   types.Map         `tfsdk:"reinstate_trigger"`
	RevokedAt          timetypes.RFC3339 `tfsdk:"revoked_at"`
	OnExisting         types.String      `tfsdk:"on_existing"`
	DeletionPolicy     types.String      `tfsdk:"deletion_policy"`
	CreatedAt          timetypes.RFC3339 `tfsdk:"created_at"`
	Timeouts           timeouts.Value    `tfsdk:"timeouts"`
}

// fromAPI fills in what the server says. What only the configuration knows
// stays as it is in the model.
func (m *agentModel) fromAPI(a api.Agent) {
	m.ID = types.StringValue(a.ID)
	m.DisplayName = optional(a.Profile.DisplayName)
	m.Description = optional(a.Profile.Description)
	m.Owner = optional(a.Profile.Owner)
	m.Attributes = managedAttributes(a.Profile.Attributes, m.Attributes)
	if a.Profile.IsUserServingAgent != nil {
		m.IsUserServingAgent = types.BoolValue(*a.Profile.IsUserServingAgent)
	}
	m.ExternalID = optional(a.ExternalID)
	ext := security(a)
	m.RevokedAt = moment(ext.RevokedAt)
	// Being revoked is told by revoked_at alone: enabled stays what it was,
	// so that no plan undoes a revocation by enabling.
	if ext.RevokedAt == "" || m.Enabled.IsNull() || m.Enabled.IsUnknown() {
		m.Enabled = types.BoolValue(!a.Blocked())
	}
	m.Scopes = setOf(ext.Scopes, m.Scopes)
	m.Audiences = setOf(ext.Audiences, m.Audiences)
	m.AllowedAuthMethods = setOf(ext.AllowedAuthMethods, m.AllowedAuthMethods)
	roles := make([]string, len(a.Roles))
	for i, role := range a.Roles {
		roles[i] = role.Display
	}
	m.Roles = setOf(roles, types.SetValueMust(types.StringType, nil))
	if a.Meta != nil {
		m.CreatedAt = moment(a.Meta.Created)
	} else if m.CreatedAt.IsUnknown() { // a server that does not tell
		m.CreatedAt = timetypes.NewRFC3339Null()
	}
}

// managedAttributes are those that the configuration names; the tenant's own
// are nobody's business here.
func managedAttributes(have map[string]string, named types.Map) types.Map {
	if named.IsNull() || named.IsUnknown() {
		return types.MapNull(types.StringType)
	}
	managed := map[string]string{}
	for name := range named.Elements() {
		if value, ok := have[name]; ok {
			managed[name] = value
		}
	}
	return mapOf(managed)
}

// userServing reads the flag, which is there only when it is set.
func userServing(a api.Agent) bool {
	return a.Profile.IsUserServingAgent != nil && *a.Profile.IsUserServingAgent
}

// security is our extension, empty where the server has none.
func security(a api.Agent) api.AgentSecurity {
	if a.Extension == nil {
		return api.AgentSecurity{}
	}
	return *a.Extension
}

// body is the request that creates the agent of the plan.
func (m *agentModel) body(extended bool, ownerToken string) api.Agent {
	a := api.Agent{
		ExternalID: m.ExternalID.ValueString(),
		Profile: api.AgentProfile{
			DisplayName: m.DisplayName.ValueString(), Description: m.Description.ValueString(), Owner: m.Owner.ValueString(),
			Attributes: textsOf(m.Attributes),
		},
	}
	if m.IsUserServingAgent.ValueBool() {
		yes := true
		a.Profile.IsUserServingAgent = &yes
	}
	if extended {
		a.Extension = &api.AgentSecurity{
			Scopes: wordsOf(m.Scopes), Audiences: wordsOf(m.Audiences), AllowedAuthMethods: wordsOf(m.AllowedAuthMethods),
			Secret: api.SecretNone, OwnerToken: ownerToken,
		}
	}
	if m.disabled() {
		locked := api.Bool(true)
		a.System = &api.AgentSystem{AccountLocked: &locked}
	}
	return a
}

// disabled reports whether the configuration wants the agent blocked.
func (m *agentModel) disabled() bool {
	return !m.Enabled.IsNull() && !m.Enabled.IsUnknown() && !m.Enabled.ValueBool()
}

// operations are the changes that lead from the state to the plan.
func (m *agentModel) operations(state *agentModel) []api.Operation {
	var ops operations
	for _, f := range []struct {
		path       string
		plan, have types.String
	}{
		{api.SchemaWSO2Agent + ":DisplayName", m.DisplayName, state.DisplayName},
		{api.SchemaWSO2Agent + ":Description", m.Description, state.Description},
		{api.SchemaWSO2Agent + ":Owner", m.Owner, state.Owner},
		{"externalId", m.ExternalID, state.ExternalID},
	} {
		if !f.plan.Equal(f.have) {
			ops.set(f.path, f.plan, f.plan.ValueString())
		}
	}
	for _, f := range []struct {
		name       string
		plan, have types.Set
	}{
		{"scopes", m.Scopes, state.Scopes},
		{"audiences", m.Audiences, state.Audiences},
		{"allowedAuthMethods", m.AllowedAuthMethods, state.AllowedAuthMethods},
	} {
		if words := wordsOf(f.plan); !slices.Equal(words, wordsOf(f.have)) {
			ops.set(api.SchemaCredentials+":"+f.name, f.plan, words)
		}
	}
	plan, have := textsOf(m.Attributes), textsOf(state.Attributes)
	for _, name := range slices.Sorted(maps.Keys(plan)) {
		if value, ok := have[name]; !ok || value != plan[name] {
			ops.replace(api.SchemaWSO2Agent+":"+name, plan[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := plan[name]; !ok {
			ops.remove(api.SchemaWSO2Agent + ":" + name)
		}
	}
	if !m.Enabled.IsUnknown() && !m.Enabled.IsNull() && !m.Enabled.Equal(state.Enabled) {
		ops.replace(api.SchemaWSO2+":accountLocked", !m.Enabled.ValueBool())
		if m.Enabled.ValueBool() {
			ops.replace("active", true)
		}
	}
	return ops
}

// operations collects the changes of a PATCH.
type operations []api.Operation

// set replaces, or removes where the attribute is null or has no elements.
func (o *operations) set(path string, v attr.Value, value any) {
	if words, ok := value.([]string); v.IsNull() || (ok && len(words) == 0) {
		o.remove(path)
		return
	}
	o.replace(path, value)
}

func (o *operations) replace(path string, value any) {
	*o = append(*o, api.Replace(path, value))
}

func (o *operations) remove(path string) {
	*o = append(*o, api.Operation{Op: "remove", Path: path})
}
