package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func (r *certificateResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m, config certificateModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	srv, ok := r.inStore(ctx, facts{}, &resp.Diagnostics)
	if !ok {
		return
	}
	o, err := config.offer()
	if err == nil {
		err = r.first(ctx, srv, &m, o)
	}
	if err != nil {
		r.ungiven("Cannot add the agent certificate", m.AgentID.ValueString(), err, &resp.Diagnostics)
		return
	}
	m.save(ctx, facts{Store: srv.StoreID}, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *certificateResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m certificateModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	const title = "Cannot read the agent certificate"
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	srv, ok := r.inStore(ctx, f, &resp.Diagnostics)
	if !ok {
		return
	}
	a, ok := r.agentOf(ctx, m.AgentID.ValueString(), title, resp)
	if !ok {
		return
	}
	if err := r.look(ctx, srv, a, &m, &f); err != nil {
		resp.Diagnostics.AddError(title, "Agent "+a.ID+": "+r.explain(err))
		return
	}
	r.meet(m.held(), m.CertificateID.ValueString())
	m.save(ctx, f, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *certificateResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, config, state certificateModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	srv, ok := r.inStore(ctx, f, &resp.Diagnostics)
	if !ok {
		return
	}
	title := "Cannot update the agent certificate"
	o, err := config.offer()
	what := keepIt
	if err == nil {
		what, err = r.settle(ctx, &m, &state, f, o)
	}
	switch {
	case err != nil:
	case what == rotateIt:
		title = "Cannot rotate the agent certificate"
		err = r.renew(ctx, srv, &m, &state, o)
		f.Status, f.MakesRoom, f.Imported = "", "", false
	default:
		err = r.move(ctx, &m, &state)
		f.Imported = false
	}
	if err != nil {
		resp.Diagnostics.AddError(title, "Agent "+state.AgentID.ValueString()+": "+r.explain(err))
		return
	}
	m.save(ctx, f, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

// Delete revokes the certificate, and its predecessor, at once: destroy is the
// emergency path.
func (r *certificateResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m certificateModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	if _, ok := r.inStore(ctx, readFacts(ctx, req.Private, &resp.Diagnostics), &resp.Diagnostics); !ok {
		return
	}
	if err := r.end(ctx, &m); err != nil && !isGone(err) {
		resp.Diagnostics.AddAttributeError(path.Root("certificate_id"), "Cannot revoke the agent certificate", "Agent "+m.AgentID.ValueString()+": "+r.explain(err))
	}
}

// ImportState takes the certificate <agent_id>/<serial>, or its id where it has
// no serial number; without the second part it is the agent's newest live one.
func (r *certificateResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	srv, a, id, ok := r.importing(ctx, req, "certificate", "serial_number", &resp.Diagnostics)
	if !ok {
		return
	}
	for _, c := range security(a).Certificates {
		if c.Status == api.Active && (id == "" || c.ID == id || c.SerialNumber == id) {
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("agent_id"), a.ID)...)
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("certificate_id"), c.ID)...)
			setIdentity(ctx, resp.Identity, "agent_id", a.ID, &resp.Diagnostics)
			writeFacts(ctx, resp.Private, facts{Store: srv.StoreID, Imported: true}, &resp.Diagnostics)
			return
		}
	}
	what := "no ACTIVE certificate"
	if id != "" {
		what += " with the serial number or id " + id
	}
	resp.Diagnostics.AddError("Cannot import the agent certificate", "Agent "+a.ID+": it has "+what+". Declare agentcreds_agent_certificate without an import: it adds one.")
}

// save puts a model into the state.
func (m *certificateModel) save(ctx context.Context, f facts, state *tfsdk.State, identity *tfsdk.ResourceIdentity, private privateWriter, diags *diag.Diagnostics) {
	m.CSRPEMWO = types.StringNull()
	diags.Append(state.Set(ctx, m)...)
	setIdentity(ctx, identity, "agent_id", m.AgentID.ValueString(), diags)
	writeFacts(ctx, private, f, diags)
}
