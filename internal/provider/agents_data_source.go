package provider

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

var _ datasource.DataSourceWithConfigure = (*agentsData)(nil)

type agentsData struct{ dataBase }

func newAgentsData() datasource.DataSource { return &agentsData{} }

type agentsModel struct {
	Filter types.String `tfsdk:"filter"`
	IDs    types.List   `tfsdk:"ids"`
	Agents []agentView  `tfsdk:"agents"`
}

func (d *agentsData) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_agents"
}

func (d *agentsData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Agents, oldest first; all, or those that a filter finds. Nothing secret.",
		Attributes: map[string]schema.Attribute{
			"filter": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "SCIM filter: comparisons by `eq`, `co`, `sw` or `ew`, joined by `and`, over `id`, `externalId`, `DisplayName`, `Description`, `Owner` and further attributes of the agent schema. " +
					"As `DisplayName sw \"billing-\" and Owner eq \"team-a\"`. Default: all agents.",
			},
			"ids": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Ids of the agents, in the same order."},
			"agents": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The agents.",
				NestedObject: schema.NestedAttributeObject{Attributes: agentViewAttributes()},
			},
		},
	}
}

func (d *agentsData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m agentsModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() || !d.ready(&resp.Diagnostics) {
		return
	}
	filter, err := api.ParseFilter(m.Filter.ValueString())
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("filter"), "Invalid filter", sentence(err))
		return
	}
	var found []api.Agent
	for a, err := range d.client().FindAgents(ctx, filter) {
		if err != nil {
			resp.Diagnostics.AddError("Cannot list the agents", d.explain(err))
			return
		}
		found = append(found, a)
	}
	slices.SortFunc(found, oldestFirst)
	ids := []string{}
	m.Agents = []agentView{}
	for _, a := range found {
		ids, m.Agents = append(ids, a.ID), append(m.Agents, viewOf(a))
	}
	list, diags := types.ListValueFrom(ctx, types.StringType, ids)
	resp.Diagnostics.Append(diags...)
	m.IDs = list
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// oldestFirst is an order of our own: SCIM promises none, and one that changes
// would be a change in each plan.
func oldestFirst(a, b api.Agent) int {
	return cmp.Or(born(a).Compare(born(b)), strings.Compare(a.ID, b.ID))
}

// born is when an agent was made; zero when the server does not tell.
func born(a api.Agent) time.Time {
	if a.Meta == nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, a.Meta.Created)
	if err != nil {
		return time.Time{}
	}
	return at
}
