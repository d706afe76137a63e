package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/datasourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

var (
	_ datasource.DataSourceWithConfigure        = (*agentData)(nil)
	_ datasource.DataSourceWithConfigValidators = (*agentData)(nil)
)

// agentView is an agent as data sources show it: with what changes behind the
// back of Terraform, which a resource must not have.
type agentView struct {
	ID                 types.String      `tfsdk:"id"`
	ExternalID         types.String      `tfsdk:"external_id"`
	DisplayName        types.String      `tfsdk:"display_name"`
	Description        types.String      `tfsdk:"description"`
	Owner              types.String      `tfsdk:"owner"`
	Attributes         types.Map         `tfsdk:"attributes"`
	Enabled            types.Bool        `tfsdk:"enabled"`
	Scopes             types.Set         `tfsdk:"scopes"`
	Audiences          types.Set         `tfsdk:"audiences"`
	AllowedAuthMethods types.Set         `tfsdk:"allowed_auth_methods"`
	Roles              types.Set         `tfsdk:"roles"`
	RevokedAt          timetypes.RFC3339 `tfsdk:"revoked_at"`
	CreatedAt          timetypes.RFC3339 `tfsdk:"created_at"`
	LastModifiedAt     timetypes.RFC3339 `tfsdk:"last_modified_at"`
}

func viewOf(a api.Agent) agentView {
	none := types.SetValueMust(types.StringType, nil)
	m := agentModel{Attributes: mapOf(a.Profile.Attributes), Scopes: none, Audiences: none, AllowedAuthMethods: none}
	m.fromAPI(a)
	v := agentView{
		ID: m.ID, ExternalID: m.ExternalID, DisplayName: m.DisplayName, Description: m.Description, Owner: m.Owner,
		Attributes: m.Attributes, Enabled: m.Enabled, Scopes: m.Scopes, Audiences: m.Audiences,
		AllowedAuthMethods: m.AllowedAuthMethods, Roles: m.Roles, RevokedAt: m.RevokedAt, CreatedAt: m.CreatedAt,
	}
	if a.Meta != nil {
		v.LastModifiedAt = moment(a.Meta.LastModified)
	}
	return v
}

// agentViewAttributes are the attributes of agentView, all computed.
func agentViewAttributes() map[string]schema.Attribute {
	rfc3339 := func(text string) schema.Attribute {
		return schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: text}
	}
	words := func(text string) schema.Attribute {
		return schema.SetAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: text}
	}
	return map[string]schema.Attribute{
		"id":                   schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the agent."},
		"external_id":          schema.StringAttribute{Computed: true, MarkdownDescription: "Your own unique key of the agent."},
		"display_name":         schema.StringAttribute{Computed: true, MarkdownDescription: "Name for people."},
		"description":          schema.StringAttribute{Computed: true, MarkdownDescription: "What the agent is for."},
		"owner":                schema.StringAttribute{Computed: true, MarkdownDescription: "Who answers for the agent."},
		"attributes":           schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Further attributes of the agent schema."},
		"enabled":              schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the agent may authenticate."},
		"scopes":               words("Scopes that the agent may ask for."),
		"audiences":            words("Audiences that the agent may ask tokens for."),
		"allowed_auth_methods": words("Ways in which the agent may authenticate; empty: all."),
		"roles":                words("Names of the roles that the agent has."),
		"revoked_at":           rfc3339("When everything that the agent had was revoked; null when it was not."),
		"created_at":           rfc3339("When the agent was created."),
		"last_modified_at":     rfc3339("When the agent was last changed."),
	}
}

type agentData struct{ dataBase }

func newAgentData() datasource.DataSource { return &agentData{} }

func (d *agentData) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_agent"
}

func (d *agentData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := agentViewAttributes()
	attributes["id"] = schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Id of the agent to read. Exactly one of `id` and `external_id` is needed."}
	attributes["external_id"] = schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "External id of the agent to read."}
	resp.Schema = schema.Schema{
		MarkdownDescription: "One agent, by its id or its external id. Nothing secret.",
		Attributes:          attributes,
	}
}

func (d *agentData) ConfigValidators(context.Context) []datasource.ConfigValidator {
	return []datasource.ConfigValidator{datasourcevalidator.ExactlyOneOf(path.MatchRoot("id"), path.MatchRoot("external_id"))}
}

func (d *agentData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var v agentView
	if resp.Diagnostics.Append(req.Config.Get(ctx, &v)...); resp.Diagnostics.HasError() || !d.ready(&resp.Diagnostics) {
		return
	}
	key := v.ID.ValueString()
	if v.ID.IsNull() {
		key = externalPrefix + v.ExternalID.ValueString()
	}
	a, ok := d.lookUp(ctx, key, &resp.Diagnostics)
	if !ok {
		return
	}
	v = viewOf(a)
	resp.Diagnostics.Append(resp.State.Set(ctx, &v)...)
}
