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

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// noCertificates is what refuseOnSingle says about certificates.
const noCertificates = "Its agents log in with their secret alone: use agentcreds_agent_secret or agentcreds_agent_pair. Certificates need `terraform-provider-agentcreds serve`."

// gone is the status of a certificate that the server does not know any more.
const gone api.Status = "GONE"

// decide says what an update does to the certificate. It is pure, so that plan
// and apply come to the same. m is the plan, o what its configuration gives.
func (m *certificateModel) decide(state *certificateModel, f facts, o certificateOffer) decision {
	// What a version goes with is not looked at before the version changes.
	sameVersion := !state.CSRPEMWOVersion.IsNull() && m.CSRPEMWOVersion.Equal(state.CSRPEMWOVersion)
	switch {
	case !state.has(o):
		if sameVersion {
			return keepIt // the request of this run is for a key that nobody keeps
		}
		return rotateIt
	case f.Blocked:
		return keepIt // what waits until the agent is back
	case f.Status != "" && (o.form != givenForm || f.Status == gone):
		return rotateIt
	case o.form != requestForm:
		return keepIt
	case state.ReadyForRenewal.ValueBool():
		return rotateIt
	case !sameDuration(m.EarlyRenewal, state.EarlyRenewal) && !f.Imported:
		return askTheClock
	case !m.CSRPEMWOVersion.IsNull() && !sameVersion:
		return askTheClock // the apply may have a request for another key than the plan has
	}
	return keepIt
}

// movesGrace: the end of the present grace follows grace_period.
func (m *certificateModel) movesGrace(state *certificateModel) bool {
	return (m.GracePeriod.IsUnknown() || m.grace() != state.grace()) && !state.Previous.IsNull()
}

// ModifyPlan keeps every computed value, and makes unknown exactly those that
// change. What a given certificate says is known.
func (r *certificateResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var config, plan, state certificateModel
	if req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		f := readFacts(ctx, req.Private, &resp.Diagnostics)
		f.warnCertificateDeletion(&state, &resp.Diagnostics)
		return
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	needs := map[string]bool{"csr_pem_wo_version": !config.CSRPEMWOVersion.IsNull()}
	for name, v := range config.sources() {
		needs[name] = !v.IsNull() && name != "csr_pem_wo"
	}
	r.refuseOnSingle(ctx, needs, noCertificates, &resp.Diagnostics)
	o, err := config.offer()
	if err != nil {
		resp.Diagnostics.AddError("Invalid certificate", sentence(err))
	}
	if resp.Diagnostics.HasError() {
		return
	}
	set := func(name string, v attr.Value) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), v)...)
	}
	if req.State.Raw.IsNull() {
		planCertificate(o, set)
		r.warnAgain(plan.held(), o.id(), &resp.Diagnostics)
		return
	}
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	if !plan.AgentID.Equal(state.AgentID) {
		f.warnCertificateDeletion(&state, &resp.Diagnostics)
		return // of another agent the certificate is planned for itself
	}
	what := plan.decide(&state, f, o)
	if what == keepIt {
		planKept(&plan, &state, o, set)
	} else {
		planCertificate(o, set)
		set("version", types.Int64Unknown())
		set("previous", types.ObjectUnknown(previousCertificateTypes))
	}
	f.warnCertificate(&plan, &state, o, what, &resp.Diagnostics)
}

// planKept marks what a certificate that stays can change.
func planKept(plan, state *certificateModel, o certificateOffer, set func(string, attr.Value)) {
	if o.form == givenForm && !sameDuration(plan.EarlyRenewal, state.EarlyRenewal) {
		set("ready_for_renewal", types.BoolUnknown())
	}
	if plan.movesGrace(state) {
		set("previous", types.ObjectUnknown(previousCertificateTypes))
	}
}

// planCertificate marks what another certificate changes.
func planCertificate(o certificateOffer, set func(string, attr.Value)) {
	late := map[string]attr.Value{
		"certificate_id": types.StringUnknown(), "ca_chain_pem": types.StringUnknown(), "serial_number": types.StringUnknown(),
		"thumbprint_sha256": types.StringUnknown(), "not_before": timetypes.NewRFC3339Unknown(), "not_after": timetypes.NewRFC3339Unknown(),
		"ready_for_renewal": types.BoolValue(false),
	}
	switch {
	case o.form == requestForm:
		late["certificate_pem"] = types.StringUnknown()
	case o.form == subjectForm:
		for _, name := range []string{"certificate_pem", "ca_chain_pem", "serial_number", "thumbprint_sha256"} {
			late[name] = types.StringNull()
		}
		late["not_before"], late["not_after"] = timetypes.NewRFC3339Null(), timetypes.NewRFC3339Null()
	case o.known:
		late["certificate_id"], late["ca_chain_pem"] = types.StringValue(o.id()), types.StringNull()
		late["serial_number"], late["thumbprint_sha256"] = types.StringValue(o.given.Serial()), types.StringValue(o.print)
		late["not_before"], late["not_after"] = seconds(o.given.NotBefore.Unix()), seconds(o.given.NotAfter.Unix())
		late["ready_for_renewal"] = types.BoolUnknown()
	default:
		late["ca_chain_pem"], late["ready_for_renewal"] = types.StringNull(), types.BoolUnknown()
	}
	for name, v := range late {
		set(name, v)
	}
}

// warnCertificate says what the values of the plan do not.
func (f facts) warnCertificate(plan, state *certificateModel, o certificateOffer, what decision, diags *diag.Diagnostics) {
	which := fmt.Sprintf("Certificate %s of agent %s", state.CertificateID.ValueString(), state.AgentID.ValueString())
	due := f.Status != "" || state.ReadyForRenewal.ValueBool() && o.form == requestForm
	switch {
	case what == rotateIt && o.known && o.form == givenForm && o.id() == state.previousID():
		diags.AddError("The certificate was replaced before", "The certificate that is given is the one before the last rotation, and ends. It is not taken twice: give another one.")
	case what == keepIt && f.Blocked && due:
		diags.AddWarning("The certificate is not renewed", which+" is due, or does not work, but the agent is blocked or revoked. When it is back in service, the plan after that renews it.")
	case what == keepIt && due && o.form == requestForm:
		diags.AddWarning("The certificate is not renewed", which+" is due, or does not work, but csr_pem_wo is now for another key, as with an ephemeral one. Give the new key to the agent together with a new csr_pem_wo_version.")
	case what == keepIt && f.Status != "":
		diags.AddWarning("The certificate does not work", which+" is revoked, expired or superseded. It is not taken twice: give another one.")
	case what == keepIt && state.ReadyForRenewal.ValueBool():
		diags.AddWarning("The certificate ends soon", which+" ends at "+state.NotAfter.ValueString()+". Whoever signed it has to sign the next one: give that one in its place, and this one has its grace.")
	case what == rotateIt && f.Status == api.Revoked && state.has(o):
		diags.AddWarning("A revoked certificate gets a successor", which+" was revoked outside Terraform. This plan makes another for the same key or subject. "+
			"If the key may be in wrong hands, do not apply: block the agent (enabled = false), and give the request of a new key.")
	}
	if what == keepIt {
		if plan.movesGrace(state) && !plan.GracePeriod.IsUnknown() && plan.grace() < state.grace() {
			f.warnUsed(state.held(), state.previousID(), "this plan ends its grace earlier, because grace_period is shorter. Whoever uses it must have changed over by then", diags)
		}
		return
	}
	if !plan.GracePeriod.IsUnknown() && plan.grace() <= 0 {
		f.warnUsed(state.held(), state.CertificateID.ValueString(), "this plan revokes it as soon as the new one is there, because grace_period is 0s. Set a grace_period, and the agent has the time to change over", diags)
	}
	if f.MakesRoom != "" && plan.grace() > 0 {
		f.warnUsed(state.held(), f.MakesRoom, "this plan revokes it to make room for the new one. Wait until its grace ends, if the agent has not changed over", diags)
		diags.AddAttributeWarning(path.Root("previous"), "A grace period ends early", fmt.Sprintf(
			"Agent %s has as many live certificates as it may: this rotation revokes certificate %s, if its grace has not ended by then.", state.AgentID.ValueString(), f.MakesRoom))
	}
}

func (m *certificateModel) held() held {
	return held{aCertificate, "certificate_id", m.AgentID.ValueString()}
}

// warnCertificateDeletion tells when a deletion ends a certificate that is in
// use, or the last way in.
func (f facts) warnCertificateDeletion(state *certificateModel, diags *diag.Diagnostics) {
	for _, id := range []string{state.CertificateID.ValueString(), state.previousID()} {
		f.warnUsed(state.held(), id, "this plan deletes the resource, which revokes it. Give the resource another certificate instead, if it shall be replaced without downtime", diags)
	}
	f.warnLast(aCertificate, state.AgentID.ValueString(), diags)
}
