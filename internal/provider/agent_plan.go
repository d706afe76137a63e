package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// ModifyPlan plans from configuration and state alone. It asks the server what
// it is only when something is set that not every server has.
func (r *agentResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if !req.Plan.Raw.IsNull() {
		var plan agentModel
		if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
			return
		}
		r.refuse(ctx, &plan, &resp.Diagnostics)
	}
	if req.State.Raw.IsNull() {
		return // create
	}
	var state agentModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	prevented := state.DeletionPolicy.ValueString() == deletionPrevent
	if req.Plan.Raw.IsNull() {
		if prevented {
			refuseDeletion(state.ID.ValueString(), &resp.Diagnostics)
		}
		return
	}
	var plan agentModel
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	// What the plan modifiers of attributes require is not in resp.
	if prevented && !plan.IsUserServingAgent.Equal(state.IsUserServingAgent) {
		refuseDeletion(state.ID.ValueString(), &resp.Diagnostics)
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	r.foresee(&plan, &state, f, func(name string, v attr.Value) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), v)...)
	}, &resp.Diagnostics)
}

// refuse tells what the server cannot do.
func (r *agentResource) refuse(ctx context.Context, plan *agentModel, diags *diag.Diagnostics) {
	r.refuseOnSingle(ctx, map[string]bool{
		"scopes": !plan.Scopes.IsNull(), "audiences": !plan.Audiences.IsNull(), "allowed_auth_methods": !plan.AllowedAuthMethods.IsNull(),
	}, noAgentScopes, diags)
}

// foresee sets what an update changes, and tells what it means.
func (r *agentResource) foresee(plan, state *agentModel, f facts, set func(string, attr.Value), diags *diag.Diagnostics) {
	switch {
	case plan.reinstates(state):
		set("revoked_at", timetypes.NewRFC3339Null())
	case !state.RevokedAt.IsNull():
		revoked(plan, state, diags)
	}
	plan.lockout(state, f, diags)
}

// revoked tells that the agent is out of service, and refuses to change it.
func revoked(plan, state *agentModel, diags *diag.Diagnostics) {
	since := fmt.Sprintf("Agent %s was revoked at %s.", state.ID.ValueString(), state.RevokedAt.ValueString())
	if len(plan.operations(state)) > 0 {
		diags.AddAttributeError(path.Root("reinstate_trigger"), "The agent was revoked",
			since+" It is not changed until it is reinstated: change a value of reinstate_trigger when it is safe again, or destroy it.")
		return
	}
	diags.AddWarning("The agent was revoked",
		since+" It stays out of service until reinstate_trigger changes; its credentials are not rotated before that.")
}

// noAgentScopes is what refuseOnSingle says about an agent.
const noAgentScopes = "It knows no scopes, audiences and ways to authenticate of an agent: leave them out. What its tokens can have comes from its roles (agentcreds_agent_role)."
