package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// decision says what an update does to the secret.
type decision int

const (
	keepIt decision = iota
	rotateIt
	askTheClock // rotate_after changed: the update decides
)

// decide is a pure function of plan, state and what the last read found, so
// that plan and apply come to the same. Neither clock nor server is asked.
func decide(plan, state *secretModel, f facts) decision {
	trigger := !sameMap(plan.RotationTrigger, state.RotationTrigger) && !emptyMap(plan.RotationTrigger)
	if trigger && (!f.Imported || !emptyMap(state.RotationTrigger)) {
		return rotateIt
	}
	if plan.handled(state) != sameHandling {
		return rotateIt
	}
	if f.Blocked {
		return keepIt // what waits until the agent is back
	}
	if state.Drift.ValueBool() && plan.OnDrift.ValueString() == driftRotate && !f.Withdrawn {
		return rotateIt
	}
	if sameDuration(plan.RotateAfter, state.RotateAfter) {
		if state.RotationDue.ValueBool() && !plan.RotateAfter.IsNull() {
			return rotateIt
		}
		return keepIt
	}
	if plan.RotateAfter.IsNull() || f.Imported {
		return keepIt
	}
	return askTheClock
}

// ModifyPlan keeps every computed value, and makes unknown exactly those that
// change.
func (r *secretResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, state secretModel
	if !req.Plan.Raw.IsNull() {
		if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
			return
		}
		r.refuse(ctx, &plan, &resp.Diagnostics)
	}
	if req.State.Raw.IsNull() || resp.Diagnostics.HasError() {
		if !resp.Diagnostics.HasError() {
			r.warnTaken(ctx, plan.AgentID, plan.OnExisting, &resp.Diagnostics)
		}
		return // create
	}
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	if req.Plan.Raw.IsNull() {
		warnDeletion(&state, f, &resp.Diagnostics)
		return
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.AgentID.Equal(state.AgentID) {
		warnDeletion(&state, f, &resp.Diagnostics)
		r.warnTaken(ctx, plan.AgentID, plan.OnExisting, &resp.Diagnostics)
		return // another agent: a new secret, planned for itself, whose warnings Terraform drops
	}
	r.foresee(&plan, &state, f, func(name string, v attr.Value) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), v)...)
	}, &resp.Diagnostics)
}

// refuse tells what the server cannot do.
func (r *secretResource) refuse(ctx context.Context, plan *secretModel, diags *diag.Diagnostics) {
	r.refuseOnSingle(ctx, map[string]bool{"grace_period": !plan.GracePeriod.IsNull(), "expire_after": !plan.ExpireAfter.IsNull()}, oneSecret, diags)
}

// foresee sets what an update changes, and tells what it means.
func (r *secretResource) foresee(plan, state *secretModel, f facts, set func(string, attr.Value), diags *diag.Diagnostics) {
	what := decide(plan, state, f)
	switch what {
	case rotateIt, askTheClock:
		unknownSecret(set)
		set("rotation_due", types.BoolValue(false))
		if what == rotateIt {
			set("drift", types.BoolValue(false))
		}
	case keepIt:
		planMoves(plan, state, f, set)
		if plan.given() && !state.Hint.IsNull() {
			set("hint", types.StringNull()) // of an imported secret
		}
		if !sameDuration(plan.RotateAfter, state.RotateAfter) {
			set("rotation_due", types.BoolValue(false))
		}
	}
	plan.tellHandling(state, what, diags)
	warnings(plan, state, f, what, diags)
	warnUse(plan, state, f, what, diags)
}

// unknownSecret marks what a rotation makes anew.
func unknownSecret(set func(string, attr.Value)) {
	for name, v := range map[string]attr.Value{
		"secret_id": types.StringUnknown(), "secret": types.StringUnknown(), "sealed_secret": types.StringUnknown(), "hint": types.StringUnknown(),
		"version": types.Int64Unknown(), "rotated_at": timetypes.NewRFC3339Unknown(), "expires_at": timetypes.NewRFC3339Unknown(),
		"previous": types.ObjectUnknown(previousTypes),
	} {
		set(name, v)
	}
}

// planMoves marks the ends that a changed duration moves.
func planMoves(plan, state *secretModel, f facts, set func(string, attr.Value)) {
	if plan.movesGrace(state, f) {
		set("previous", types.ObjectUnknown(previousTypes))
	}
	if plan.movesExpiry(state, f) {
		set("expires_at", timetypes.NewRFC3339Unknown())
	}
}

// movesGrace: the end of the present grace follows grace_period. Right after an
// import what is configured is the baseline.
func (m *secretModel) movesGrace(state *secretModel, f facts) bool {
	changed := m.GracePeriod.IsUnknown() || m.grace() != state.grace()
	return changed && !state.Previous.IsNull() && !f.Imported
}

// movesExpiry: the end of the current secret follows expire_after. It is not
// moved right after an import: a secret that is older than that would die.
func (m *secretModel) movesExpiry(state *secretModel, f facts) bool {
	return !sameDuration(m.ExpireAfter, state.ExpireAfter) && !f.Imported
}

// warnings say what the values of the plan do not.
func warnings(plan, state *secretModel, f facts, what decision, diags *diag.Diagnostics) {
	agent := state.AgentID.ValueString()
	if what == rotateIt && f.MakesRoom != "" && plan.grace() > 0 {
		diags.AddAttributeWarning(path.Root("previous"), "A grace period ends early", fmt.Sprintf(
			"Agent %s has as many live secrets as it may: this rotation revokes secret %s, if its grace has not ended by then.", agent, f.MakesRoom))
	}
	if !state.Drift.ValueBool() || what == rotateIt {
		return
	}
	switch {
	case f.Blocked && plan.OnDrift.ValueString() == driftRotate:
		diags.AddWarning("The secret does not work, and is not rotated", fmt.Sprintf(
			"Secret %s of agent %s is revoked, expired or superseded, but the agent is blocked or revoked. When it is back in service, the plan after that rotates the secret.", state.SecretID.ValueString(), agent))
	case f.Withdrawn && plan.OnDrift.ValueString() == driftRotate:
		diags.AddWarning("The secret was revoked, and is not sent again", fmt.Sprintf(
			"Secret %s of agent %s was revoked outside Terraform. Its value is that of secret_wo, and whoever revoked it wanted that value to open nothing. Give secret_wo another value and change secret_wo_version; "+
				"if the same value shall work again, change secret_wo_version alone.", state.SecretID.ValueString(), agent))
	case plan.OnDrift.ValueString() == driftWarn:
		diags.AddWarning("The secret was changed outside Terraform", fmt.Sprintf(
			"Secret %s of agent %s is revoked, expired or superseded. Change rotation_trigger to make a new one, or set on_drift = %q.", state.SecretID.ValueString(), agent, driftRotate))
	}
}
