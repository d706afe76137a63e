package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

var _ datasource.DataSourceWithConfigure = (*credentialsData)(nil)

type credentialsData struct{ dataBase }

func newCredentialsData() datasource.DataSource { return &credentialsData{} }

type credentialsModel struct {
	AgentID types.String `tfsdk:"agent_id"`
	Secrets []secretView `tfsdk:"secrets"`
}

type secretView struct {
	SecretID    types.String      `tfsdk:"secret_id"`
	Status      types.String      `tfsdk:"status"`
	Latest      types.Bool        `tfsdk:"latest"`
	Hint        types.String      `tfsdk:"hint"`
	CreatedBy   types.String      `tfsdk:"created_by"`
	CreatedAt   timetypes.RFC3339 `tfsdk:"created_at"`
	ExpiresAt   timetypes.RFC3339 `tfsdk:"expires_at"`
	FirstUsedAt timetypes.RFC3339 `tfsdk:"first_used_at"`
	LastUsedAt  timetypes.RFC3339 `tfsdk:"last_used_at"`
	AgeDays     types.Int64       `tfsdk:"age_days"`
}

func (d *credentialsData) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_agent_credentials"
}

func (d *credentialsData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	rfc3339 := func(text string) schema.Attribute {
		return schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: text}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "What an agent can authenticate with: every live credential and the latest dead ones, with their ages and last use. Never a secret.",
		Attributes: map[string]schema.Attribute{
			"agent_id": schema.StringAttribute{Required: true, MarkdownDescription: "Id of the agent."},
			"secrets": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The secrets, newest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"secret_id":     schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the secret."},
					"status":        schema.StringAttribute{Computed: true, MarkdownDescription: "`ACTIVE`, `RETIRING` (superseded, works until it expires), `EXPIRED` or `REVOKED`."},
					"latest":        schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is the newest of the agent."},
					"hint":          schema.StringAttribute{Computed: true, MarkdownDescription: "Last four characters."},
					"created_by":    schema.StringAttribute{Computed: true, MarkdownDescription: "Who made it."},
					"created_at":    rfc3339("When it was made."),
					"expires_at":    rfc3339("When it stops working; null for never."),
					"first_used_at": rfc3339("When it was first used to authenticate; null for never."),
					"last_used_at":  rfc3339("When it was last used to authenticate; null for never."),
					"age_days":      schema.Int64Attribute{Computed: true, MarkdownDescription: "Full days since it was made, by the server's clock."},
				}},
			},
		},
	}
}

func (d *credentialsData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m credentialsModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() || !d.ready(&resp.Diagnostics) {
		return
	}
	a, ok := d.lookUp(ctx, m.AgentID.ValueString(), &resp.Diagnostics)
	if !ok {
		return
	}
	now, err := d.client().Now(ctx)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the credentials", "Agent "+a.ID+": "+d.explain(err))
		return
	}
	m.Secrets = []secretView{}
	secrets := security(a).Secrets
	if a.Extension == nil && a.PasswordTime() != 0 {
		secrets = []api.Secret{passwordOf(a)}
	}
	for _, s := range secrets {
		m.Secrets = append(m.Secrets, viewOfSecret(s, now.UnixMilli()))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func viewOfSecret(s api.Secret, now int64) secretView {
	const day = 24 * 60 * 60 * 1000
	return secretView{
		SecretID: types.StringValue(s.SecretID), Status: types.StringValue(string(s.Status)), Latest: types.BoolValue(s.Latest),
		Hint: optional(s.Hint), CreatedBy: optional(s.CreatedBy), CreatedAt: millis(s.CreatedAt), ExpiresAt: seconds(s.ExpiresAt),
		FirstUsedAt: millis(s.FirstUsedAt), LastUsedAt: millis(s.LastUsedAt), AgeDays: types.Int64Value(max(0, now-s.CreatedAt) / day),
	}
}
