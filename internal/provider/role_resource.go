package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

var (
	_ resource.ResourceWithConfigure   = (*roleResource)(nil)
	_ resource.ResourceWithImportState = (*roleResource)(nil)
	_ resource.ResourceWithIdentity    = (*roleResource)(nil)
)

// roleResource is one agent in one role. The role's other members, and the
// agent's other roles, are nobody's business here.
type roleResource struct{ resourceBase }

func newRoleResource() resource.Resource { return &roleResource{} }

type roleModel struct {
	RoleID  types.String `tfsdk:"role_id"`
	AgentID types.String `tfsdk:"agent_id"`
}

func (r *roleResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = TypeName + "_agent_role"
}

func (r *roleResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"role_id":  identityschema.StringAttribute{RequiredForImport: true, Description: "Id of the role."},
		"agent_id": identityschema.StringAttribute{RequiredForImport: true, Description: "Id of the agent."},
	}}
}

func (r *roleResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	id := func(what string) schema.StringAttribute {
		return schema.StringAttribute{
			Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}, MarkdownDescription: what,
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "An agent in a role: its tokens can have the scopes (permissions) of the role, beside its own `scopes`. On every server: embedded, `serve`, and WSO2, where all scopes of agents come from roles. " +
			"Other members of the role are never touched. Destroying it takes the role from the agent, which **ends its tokens**. All roles of an agent are in `roles` of `agentcreds_agent`.",
		Attributes: map[string]schema.Attribute{
			"role_id":  id("Id of the role. A change replaces the membership."),
			"agent_id": id("Id of the agent. A change replaces the membership."),
		},
	}
}

func (r *roleResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m roleModel
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	srv, ok := r.inStore(ctx, facts{}, &resp.Diagnostics)
	if !ok {
		return
	}
	if err := r.client().AddRole(ctx, m.RoleID.ValueString(), m.AgentID.ValueString()); err != nil {
		resp.Diagnostics.AddError("Cannot give the agent a role", m.what()+": "+r.explain(err))
		return
	}
	m.save(ctx, facts{Store: srv.StoreID}, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *roleResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m roleModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	srv, ok := r.inStore(ctx, f, &resp.Diagnostics)
	if !ok {
		return
	}
	f.Store = srv.StoreID
	m.save(ctx, f, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
	a, err := r.client().ReadAgent(ctx, m.AgentID.ValueString())
	if err == nil && !m.holds(a) { // a page may have left the roles out
		a, err = r.client().Agent(ctx, m.AgentID.ValueString())
	}
	switch {
	case isGone(err), err == nil && !m.holds(a):
		resp.State.RemoveResource(ctx)
	case err != nil:
		resp.Diagnostics.AddError("Cannot read the roles of the agent", m.what()+": "+r.explain(err))
	default:
		isAgent(a, &resp.Diagnostics)
	}
}

// Update has nothing to do: every change is another membership.
func (r *roleResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m roleModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *roleResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m roleModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	if _, ok := r.inStore(ctx, readFacts(ctx, req.Private, &resp.Diagnostics), &resp.Diagnostics); !ok {
		return
	}
	if err := r.client().RemoveRole(ctx, m.RoleID.ValueString(), m.AgentID.ValueString()); err != nil && !isGone(err) {
		resp.Diagnostics.AddError("Cannot take a role from the agent", m.what()+": "+r.explain(err))
	}
}

// ImportState takes <role_id>/<agent_id>.
func (r *roleResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if !r.ready(&resp.Diagnostics) {
		return
	}
	role, agent, two := strings.Cut(req.ID, "/")
	m := roleModel{types.StringValue(role), types.StringValue(agent)}
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("role_id"), &m.RoleID)...)
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("agent_id"), &m.AgentID)...)
		two = true
	}
	if !two || m.RoleID.ValueString() == "" || m.AgentID.ValueString() == "" {
		resp.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%q is not an id to import a role of an agent by: it is <role_id>/<agent_id>.", req.ID))
		return
	}
	a, ok := r.lookUp(ctx, m.AgentID.ValueString(), &resp.Diagnostics)
	if !ok {
		return
	}
	if !m.holds(a) {
		resp.Diagnostics.AddError("The agent does not have the role", m.what()+". Declare agentcreds_agent_role without an import: it gives the role.")
		return
	}
	m.save(ctx, facts{}, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

// holds reports whether the agent has the role.
func (m roleModel) holds(a api.Agent) bool {
	return slices.ContainsFunc(a.Roles, func(role api.Role) bool { return role.Value == m.RoleID.ValueString() })
}

func (m roleModel) what() string {
	return "Agent " + m.AgentID.ValueString() + ", role " + m.RoleID.ValueString()
}

func (m roleModel) save(ctx context.Context, f facts, state *tfsdk.State, identity *tfsdk.ResourceIdentity, private privateWriter, diags *diag.Diagnostics) {
	diags.Append(state.Set(ctx, &m)...)
	setIdentity(ctx, identity, "role_id", m.RoleID.ValueString(), diags)
	setIdentity(ctx, identity, "agent_id", m.AgentID.ValueString(), diags)
	writeFacts(ctx, private, f, diags)
}
