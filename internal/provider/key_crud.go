package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func (r *keyResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m, config keyModel
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
	var k api.Key
	if err == nil {
		k, err = r.first(ctx, srv, &m, o)
	}
	if err != nil {
		r.ungiven("Cannot add the agent key", m.AgentID.ValueString(), err, &resp.Diagnostics)
		return
	}
	m.setKey(k, 0)
	m.Previous = noPreviousKey()
	m.save(ctx, facts{Store: srv.StoreID}, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *keyResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	const title = "Cannot read the agent key"
	var m keyModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
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
	r.meet(m.held(), m.KID.ValueString())
	m.save(ctx, f, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *keyResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, config, state keyModel
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
	title := "Cannot update the agent key"
	o, err := config.offer()
	switch {
	case err != nil:
	case !m.replaces(&state, o) && state.contradicted(o, &resp.Diagnostics):
		return // a configuration that was known only now
	case m.replaces(&state, o):
		title = "Cannot rotate the agent key"
		err = r.rotate(ctx, srv, &m, &state, o)
		f.Withdrawn, f.MakesRoom = false, ""
	default:
		m.keepComputed(&state)
		err = r.move(ctx, &m, &state)
	}
	if err != nil {
		resp.Diagnostics.AddError(title, "Agent "+state.AgentID.ValueString()+": "+r.explain(err))
		return
	}
	m.save(ctx, f, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

// Delete revokes the key, and its predecessor, at once: destroy is the emergency
// path.
func (r *keyResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m keyModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	if _, ok := r.inStore(ctx, readFacts(ctx, req.Private, &resp.Diagnostics), &resp.Diagnostics); !ok {
		return
	}
	if err := r.end(ctx, &m); err != nil && !isGone(err) {
		resp.Diagnostics.AddAttributeError(path.Root("kid"), "Cannot revoke the agent key", "Agent "+m.AgentID.ValueString()+": "+r.explain(err))
	}
}

// ImportState takes the key <agent_id>/<kid>; without the second part it is the
// agent's newest live key.
func (r *keyResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	srv, a, kid, ok := r.importing(ctx, req, "key", "kid", &resp.Diagnostics)
	if !ok {
		return
	}
	for _, k := range security(a).Keys {
		if k.Status == api.Active && (k.KID == kid || kid == "") {
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("agent_id"), a.ID)...)
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("kid"), k.KID)...)
			setIdentity(ctx, resp.Identity, "agent_id", a.ID, &resp.Diagnostics)
			writeFacts(ctx, resp.Private, facts{Store: srv.StoreID}, &resp.Diagnostics)
			return
		}
	}
	what := "no ACTIVE key"
	if kid != "" {
		what = "no ACTIVE key with the kid " + kid
	}
	resp.Diagnostics.AddError("Cannot import the agent key", "Agent "+a.ID+": it has "+what+". Declare agentcreds_agent_key without an import: it adds one.")
}

// save puts a model, which has nothing of a private key, into the state.
func (m *keyModel) save(ctx context.Context, f facts, state *tfsdk.State, identity *tfsdk.ResourceIdentity, private privateWriter, diags *diag.Diagnostics) {
	diags.Append(state.Set(ctx, m)...)
	setIdentity(ctx, identity, "agent_id", m.AgentID.ValueString(), diags)
	writeFacts(ctx, private, f, diags)
}
