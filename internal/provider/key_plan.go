package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// noKeys is what refuseOnSingle says about keys.
const noKeys = "Its agents log in with their secret alone: use agentcreds_agent_secret or agentcreds_agent_pair. Keys need `terraform-provider-agentcreds serve`."

// ValidateConfig wants exactly one key. It names no path: with one Terraform
// shows the line, and a private key that was written there by mistake.
func (r *keyResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m keyModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	switch given := howMany(m.sources()); {
	case given > 1 || given == 0 && m.PrivateKeyWOVersion.IsNull():
		resp.Diagnostics.AddError("Not exactly one key", fmt.Sprintf(
			"Exactly one of public_key_pem, public_jwk, certificate_pem, private_key_pem_wo and jwks_uri says what the key is; %d are set.", given))
	case m.PrivateKeyPEMWO.IsNull() != m.PrivateKeyWOVersion.IsNull():
		resp.Diagnostics.AddError("No version of the given key",
			"private_key_pem_wo and private_key_wo_version go together: the version is a number that changes with the key. Without it nobody sees that another key is given.")
	case !m.JWKSURI.IsNull() && !m.Alg.IsNull():
		resp.Diagnostics.AddAttributeError(path.Root("alg"), "No algorithm with jwks_uri", "Each key at jwks_uri has its own algorithm. Leave alg out.")
	default:
		if _, err := m.offer(); err != nil {
			resp.Diagnostics.AddError("Invalid key", sentence(err))
		}
	}
}

// replaces reports whether the configuration has another key than the state.
// With a private key its version alone says so. It is pure, so that plan and
// apply come to the same.
func (m *keyModel) replaces(state *keyModel, o offer) bool {
	given := !state.PrivateKeyWOVersion.IsNull() && m.PrivateKeyWOVersion.Equal(state.PrivateKeyWOVersion)
	return !given && !state.same(o)
}

// renumbers reports whether a private key comes with another version. The one
// that the plan saw may be another in the apply, as with `ephemeral
// "tls_private_key"`, or be stored only then: so the plan cannot tell.
func (m *keyModel) renumbers(state *keyModel) bool {
	return !m.PrivateKeyPEMWO.IsNull() && !m.PrivateKeyWOVersion.Equal(state.PrivateKeyWOVersion)
}

// movesGrace: the end of the present grace follows grace_period.
func (m *keyModel) movesGrace(state *keyModel) bool {
	return (m.GracePeriod.IsUnknown() || m.grace() != state.grace()) && !state.Previous.IsNull()
}

// ModifyPlan tells the kid of a key that is known, keeps every computed value,
// and makes unknown exactly those that change.
func (r *keyResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var config, plan, state keyModel
	if req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		f := readFacts(ctx, req.Private, &resp.Diagnostics)
		f.warnKeyDeletion(&state, &resp.Diagnostics)
		return
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	needs := map[string]bool{"private_key_wo_version": !config.PrivateKeyWOVersion.IsNull()}
	for name, v := range config.sources() {
		needs[name] = !v.IsNull() && name != "private_key_pem_wo" // of which Terraform would show the line
	}
	r.refuseOnSingle(ctx, needs, noKeys, &resp.Diagnostics)
	o, err := config.offer()
	if err != nil {
		resp.Diagnostics.AddError("Invalid key", sentence(err))
	}
	if resp.Diagnostics.HasError() {
		return
	}
	set := func(name string, v attr.Value) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), v)...)
	}
	if req.State.Raw.IsNull() {
		planKey(&config, o, set)
		r.warnAgain(plan.held(), o.kid, &resp.Diagnostics)
		return
	}
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	if !plan.AgentID.Equal(state.AgentID) {
		f.warnKeyDeletion(&state, &resp.Diagnostics)
		return // of another agent the key is planned for itself
	}
	switch {
	case !plan.replaces(&state, o) && state.contradicted(o, &resp.Diagnostics):
	case plan.replaces(&state, o) || config.renumbers(&state):
		planKey(&config, o, set)
		set("version", types.Int64Unknown())
		set("previous", types.ObjectUnknown(previousKeyTypes))
		f.warnRotation(&plan, &state, o, &resp.Diagnostics)
	default:
		if plan.movesGrace(&state) {
			set("previous", types.ObjectUnknown(previousKeyTypes))
			if !plan.GracePeriod.IsUnknown() && plan.grace() < state.grace() {
				f.warnUsed(state.held(), state.previousID(), "this plan ends its grace earlier, because grace_period is shorter. Whoever uses it must have changed over by then", &resp.Diagnostics)
			}
		}
		if f.Withdrawn {
			resp.Diagnostics.AddWarning("The key does not work", fmt.Sprintf(
				"Key %s of agent %s is revoked, expired or superseded. No server takes a key twice: give another one.", state.KID.ValueString(), state.AgentID.ValueString()))
		}
	}
}

// contradicted tells that the configuration says of the key of the state what it
// is not: the server keeps what it was told when the key came, and assertions
// that follow the configuration would be refused.
func (m *keyModel) contradicted(o offer, diags *diag.Diagnostics) bool {
	kid, agent, alg := m.KID.ValueString(), m.AgentID.ValueString(), m.Alg.ValueString()
	switch {
	case o.saysAlg != "" && o.saysAlg != alg:
		diags.AddError("The algorithm of a key does not change", fmt.Sprintf(
			"Key %s of agent %s is for %s, and a key is good for one algorithm. Give another key, or set its alg back.", kid, agent, alg))
	case o.saysKID != "" && o.saysKID != kid:
		diags.AddError("The kid of a key does not change", fmt.Sprintf(
			"Agent %s has this key as %s, and public_jwk names it %s: assertions that name it so would be refused, and no server takes a key twice. Give another key, or take the kid out of public_jwk, or set it back.", agent, kid, o.saysKID))
	default:
		return false
	}
	return true
}

// planKey marks what another key changes. A private key that is written only is
// another one in the apply, where it is ephemeral.
func planKey(config *keyModel, o offer, set func(string, attr.Value)) {
	if o.known && config.PrivateKeyPEMWO.IsNull() {
		set("kid", types.StringValue(o.kid))
		set("thumbprint", optional(o.print))
		set("alg", optional(o.request.Alg))
		return
	}
	set("kid", types.StringUnknown())
	set("thumbprint", types.StringUnknown())
	if config.Alg.IsNull() {
		set("alg", types.StringUnknown())
	}
}

// warnRotation says what the values of the plan do not.
func (f facts) warnRotation(plan, state *keyModel, o offer, diags *diag.Diagnostics) {
	agent := state.AgentID.ValueString()
	if o.known && o.kid == state.previousID() {
		diags.AddError("The key was replaced before", fmt.Sprintf(
			"Key %s of agent %s is the one before the last rotation, and ends. No server takes a key twice: give another one.", o.kid, agent))
		return
	}
	if !plan.GracePeriod.IsUnknown() && plan.grace() <= 0 {
		f.warnUsed(state.held(), state.KID.ValueString(), "this plan revokes it as soon as the new one is added, because grace_period is 0s. Set a grace_period, and the agent has the time to change over", diags)
	}
	if f.MakesRoom != "" && plan.grace() > 0 {
		f.warnUsed(state.held(), f.MakesRoom, "this plan revokes it to make room for the new one. Wait until its grace ends, if the agent has not changed over", diags)
		diags.AddAttributeWarning(path.Root("previous"), "A grace period ends early", fmt.Sprintf(
			"Agent %s has as many live keys as it may: this rotation revokes key %s, if its grace has not ended by then.", agent, f.MakesRoom))
	}
}

func (m *keyModel) held() held { return held{aKey, "kid", m.AgentID.ValueString()} }

// warnKeyDeletion tells when a deletion ends a key that is in use, or the last
// way in.
func (f facts) warnKeyDeletion(state *keyModel, diags *diag.Diagnostics) {
	for _, id := range []string{state.KID.ValueString(), state.previousID()} {
		f.warnUsed(state.held(), id, "this plan deletes the resource, which revokes it. Give the resource another key instead, if it shall be replaced without downtime", diags)
	}
	f.warnLast(aKey, state.AgentID.ValueString(), diags)
}
