package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// decidePair is decide for a pair: going to a side whose secret the pair does
// not know takes a new one.
func decidePair(plan, state *pairModel, f facts) decision {
	if what := decide(plan.asSecret(), state.asSecret(), f); what != keepIt {
		return what
	}
	if plan.flips(state) && !state.usable(plan.Active.ValueString()) {
		return rotateIt
	}
	return keepIt
}

// ModifyPlan keeps every computed value, and makes unknown exactly those that
// change. It asks nobody but for what a plan of a create tells.
func (r *pairResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, state pairModel
	if req.Plan.Raw.IsNull() {
		return
	}
	if req.State.Raw.IsNull() {
		if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); !resp.Diagnostics.HasError() {
			r.warnTaken(ctx, plan.BlueAgentID, plan.OnExisting, &resp.Diagnostics)
			r.warnTaken(ctx, plan.GreenAgentID, plan.OnExisting, &resp.Diagnostics)
		}
		return
	}
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.BlueAgentID.Equal(state.BlueAgentID) || !plan.GreenAgentID.Equal(state.GreenAgentID) {
		for _, side := range [][2]types.String{{plan.BlueAgentID, state.BlueAgentID}, {plan.GreenAgentID, state.GreenAgentID}} {
			if !side[0].Equal(side[1]) {
				r.warnTaken(ctx, side[0], plan.OnExisting, &resp.Diagnostics)
			}
		}
		return // other agents: a new pair, planned for itself, whose warnings Terraform drops
	}
	set := func(values map[string]attr.Value) {
		for name, v := range values {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), v)...)
		}
	}
	what := decidePair(&plan, &state, f)
	active := state.ActiveSide.ValueString()
	switch {
	case plan.Active.IsUnknown():
		set(unknownOutputs())
		set(map[string]attr.Value{blue: types.ObjectUnknown(sideTypes), green: types.ObjectUnknown(sideTypes), "drift": types.BoolUnknown(), "rotation_due": types.BoolValue(false)})
	case what != keepIt:
		active = plan.target(&state)
		set(unknownOutputs())
		set(map[string]attr.Value{active: types.ObjectUnknown(sideTypes), "rotation_due": types.BoolValue(false)})
		if what == rotateIt {
			_, agentID := plan.slot(active)
			set(map[string]attr.Value{"active_side": types.StringValue(active), "agent_id": types.StringValue(agentID), "drift": types.BoolValue(false)})
			plan.tellRotation(&state, active, &resp.Diagnostics)
		} else {
			set(map[string]attr.Value{"drift": types.BoolUnknown()})
		}
	case plan.flips(&state):
		active = plan.Active.ValueString()
		shown := state
		shown.show(active)
		set(map[string]attr.Value{
			"active_side": shown.ActiveSide, "agent_id": shown.AgentID, "secret": shown.Secret, "sealed_secret": shown.SealedSecret,
			"sealed_version": shown.SealedVersion, "rotated_at": shown.RotatedAt, "version": types.Int64Value(state.Version.ValueInt64() + 1), "rotation_due": types.BoolValue(false),
		})
	case !sameDuration(plan.RotateAfter, state.RotateAfter):
		set(map[string]attr.Value{"rotation_due": types.BoolValue(false)})
	}
	if left := state.ActiveSide.ValueString(); state.Drift.ValueBool() && what == askTheClock {
		set(map[string]attr.Value{left: types.ObjectUnknown(sideTypes)})
	} else if state.Drift.ValueBool() && active != left {
		set(map[string]attr.Value{left: types.ObjectUnknown(sideTypes), "drift": types.BoolValue(false)})
	}
	if plan.revokes(&state) {
		set(map[string]attr.Value{other(active): types.ObjectUnknown(sideTypes), "revoke_pending": types.BoolUnknown()})
	}
	if state.Drift.ValueBool() && what == keepIt && plan.OnDrift.ValueString() == driftWarn {
		resp.Diagnostics.AddWarning("The secret was changed outside Terraform",
			"The secret of agent "+state.AgentID.ValueString()+", the active one of the pair, is another. Change rotation_trigger to make a new one, or set on_drift = \"rotate\".")
	}
}

// tellRotation says when a rotation has downtime all the same.
func (m *pairModel) tellRotation(state *pairModel, target string, diags *diag.Diagnostics) {
	if target == state.ActiveSide.ValueString() && !state.Drift.ValueBool() {
		_, agentID := m.slot(target)
		diags.AddAttributeWarning(path.Root("active"), "The rotation ends the secret that is in use",
			"active = \""+target+"\" keeps the pair on agent "+agentID+", whose secret this plan replaces: the old one, and every token, end at once. Take active away, and the rotation changes sides instead.")
	}
}

func unknownOutputs() map[string]attr.Value {
	return map[string]attr.Value{
		"active_side": types.StringUnknown(), "agent_id": types.StringUnknown(), "secret": types.StringUnknown(), "sealed_secret": types.StringUnknown(),
		"sealed_version": types.Int64Unknown(), "version": types.Int64Unknown(), "rotated_at": timetypes.NewRFC3339Unknown(),
	}
}
