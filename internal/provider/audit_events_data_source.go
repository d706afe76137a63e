package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

var _ datasource.DataSourceWithConfigure = (*auditEventsData)(nil)

// How many events there are without a limit, and at most: they all go into the
// state.
const (
	defaultEvents = 100
	maxEvents     = 10_000
)

type auditEventsData struct{ dataBase }

func newAuditEventsData() datasource.DataSource { return &auditEventsData{} }

type auditEventsModel struct {
	AgentID types.String      `tfsdk:"agent_id"`
	Actor   types.String      `tfsdk:"actor"`
	Action  types.String      `tfsdk:"action"`
	Outcome types.String      `tfsdk:"outcome"`
	Since   timetypes.RFC3339 `tfsdk:"since"`
	Until   timetypes.RFC3339 `tfsdk:"until"`
	Limit   types.Int64       `tfsdk:"limit"`
	Events  []eventView       `tfsdk:"events"`
}

type eventView struct {
	Seq     types.Int64       `tfsdk:"seq"`
	Time    timetypes.RFC3339 `tfsdk:"time"`
	Actor   types.String      `tfsdk:"actor"`
	Action  types.String      `tfsdk:"action"`
	AgentID types.String      `tfsdk:"agent_id"`
	Target  types.String      `tfsdk:"target"`
	Outcome types.String      `tfsdk:"outcome"`
	Reason  types.String      `tfsdk:"reason"`
	Detail  types.Map         `tfsdk:"detail"`
	Hash    types.String      `tfsdk:"hash"`
}

func (d *auditEventsData) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_audit_events"
}

func (d *auditEventsData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	filter := func(text string, also ...validator.String) schema.Attribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: text, Validators: append(also, stringvalidator.LengthAtLeast(1))}
	}
	instant := func(text string) schema.Attribute {
		return schema.StringAttribute{Optional: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: text}
	}
	told := func(text string) schema.Attribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: text}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The audit: who did what to which agent and credential, with every authentication and every refusal. Never a secret. " +
			"Through `serve` the provider needs the scope `internal_agent_audit_view` (`client create --scope-set terraform,audit`). " +
			"`terraform-provider-agentcreds audit verify` checks that nothing in it was altered.",
		Attributes: map[string]schema.Attribute{
			"agent_id": filter("Only what was done to this agent."),
			"actor":    filter("Only what this principal did, as `events` name it: `local:ann@laptop`, `client:<id>`, `admin`."),
			"action":   filter("Only this action, as `secret.create`, or the part before the dot for all that begin with it, as `secret`."),
			"outcome":  filter("Only `done`, or only `refused`.", stringvalidator.OneOf("done", "refused")),
			"since":    instant("Only from this time on, in RFC 3339: `timeadd(plantimestamp(), \"-24h\")`."),
			"until":    instant("Only before this time, in RFC 3339."),
			"limit": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.Between(1, maxEvents)},
				MarkdownDescription: fmt.Sprintf("How many events at most, the latest of those that are found; they all go into the state. Default: `%d`.", defaultEvents),
			},
			"events": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The events, oldest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"seq":      schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of the event: 1, 2, 3 … without a gap."},
					"time":     schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: "When it was."},
					"actor":    told("Who did it."),
					"action":   told("What was done: `agent.create`, `secret.revoke`, `token.issue` …"),
					"agent_id": told("The agent that it was done to; null for none."),
					"target":   told("Id of the credential, client or key that it was done to; null for none."),
					"outcome":  told("`done` or `refused`."),
					"reason":   told("Why it was refused; null when it was not."),
					"detail":   schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Further facts, as ids of other credentials that it ended, or the address of a login."},
					"hash":     told("Hash of the event, which covers the hash of the one before."),
				}},
			},
		},
	}
}

func (d *auditEventsData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m auditEventsModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() || !d.ready(&resp.Diagnostics) {
		return
	}
	q := api.AuditQuery{AgentID: m.AgentID.ValueString(), Actor: m.Actor.ValueString(), Action: m.Action.ValueString(), Outcome: m.Outcome.ValueString()}
	q.Since, q.Until = timeOf(m.Since, &resp.Diagnostics), timeOf(m.Until, &resp.Diagnostics)
	if resp.Diagnostics.HasError() || !d.audited(ctx, &resp.Diagnostics) {
		return
	}
	limit := defaultEvents
	if !m.Limit.IsNull() {
		limit = int(m.Limit.ValueInt64())
	}
	found, err := d.client().LatestAuditEvents(ctx, q, limit)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the audit", d.explain(err))
		return
	}
	m.Events = []eventView{}
	for _, e := range found {
		m.Events = append(m.Events, viewOfEvent(e))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// audited refuses a server whose audit cannot be read.
func (d *auditEventsData) audited(ctx context.Context, diags *diag.Diagnostics) bool {
	srv, err := d.client().Server(ctx)
	switch {
	case err != nil:
		diags.AddError("Cannot ask the server what it is", d.explain(err))
		return false
	case !srv.Audit:
		diags.AddError("The server has no audit that can be read",
			"The server "+d.server.place+" has no audit API: it is a WSO2 server, or an older version of this one. Use `terraform-provider-agentcreds serve`, or the embedded server (no endpoint).")
		return false
	}
	return true
}

// timeOf is a time of the configuration; zero for null.
func timeOf(v timetypes.RFC3339, diags *diag.Diagnostics) time.Time {
	if v.IsNull() || v.IsUnknown() {
		return time.Time{}
	}
	t, problems := v.ValueRFC3339Time()
	diags.Append(problems...)
	return t
}

func viewOfEvent(e api.AuditEvent) eventView {
	return eventView{
		Seq: types.Int64Value(e.Seq), Time: seconds(e.Time.Unix()), Actor: types.StringValue(e.Actor), Action: types.StringValue(e.Action),
		AgentID: optional(e.AgentID), Target: optional(e.Target), Outcome: types.StringValue(e.Outcome), Reason: optional(e.Reason),
		Detail: mapOf(e.Detail), Hash: types.StringValue(e.Hash),
	}
}
