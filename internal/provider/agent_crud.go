package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// agentTimeout is how long an operation on an agent may take, waiting for the
// server's limits included, unless timeouts says otherwise.
const agentTimeout = 20 * time.Minute

func (r *agentResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m agentModel
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	limit, d := m.Timeouts.Create(ctx, agentTimeout)
	if resp.Diagnostics.Append(d...); d.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	srv, ok := r.inStore(ctx, facts{}, &resp.Diagnostics)
	if !ok {
		return
	}
	token := uuid.NewString()
	a, err := r.client().CreateAgent(ctx, m.body(srv.Extended(), token))
	born := a.PasswordTime()
	if err != nil {
		born = 0
		if a, ok = r.found(ctx, err, &m, token, &resp.Diagnostics); !ok {
			return
		}
	}
	planned := m.Enabled
	m.fromAPI(a)
	if !planned.IsUnknown() && !planned.Equal(m.Enabled) {
		// The agent is there: an error now would have it destroyed.
		m.Enabled = planned
		resp.Diagnostics.AddAttributeWarning(path.Root("enabled"), "The agent is not blocked yet",
			fmt.Sprintf("Agent %s was created, but the server did not block it. The next apply does.", a.ID))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	setIdentity(ctx, resp.Identity, "id", a.ID, &resp.Diagnostics)
	writeFacts(ctx, resp.Private, facts{Store: r.storeNow(ctx), OwnerToken: token, Birth: born}, &resp.Diagnostics)
}

// found looks, after a failed create, for the agent by its natural key: it may
// be the one that was just made and whose answer was lost, or another's, which
// is adopted when that is asked for.
func (r *agentResource) found(ctx context.Context, cause error, m *agentModel, token string, diags *diag.Diagnostics) (api.Agent, bool) {
	const title = "Cannot create the agent"
	key := m.ExternalID.ValueString()
	if key == "" || (!errors.Is(cause, api.ErrExists) && !errors.Is(cause, client.ErrAmbiguous)) {
		hint := ""
		if errors.Is(cause, client.ErrAmbiguous) {
			hint = " If it did, the agent is an orphan: with external_id set it would be found again."
		}
		diags.AddError(title, r.explain(cause)+hint)
		return api.Agent{}, false
	}
	a, there, err := r.client().AgentByExternalID(ctx, key)
	switch {
	case err != nil:
		diags.AddError(title, r.explain(errors.Join(cause, err)))
	case !there: // refused, or lost, without a trace
		diags.AddError(title, r.explain(cause))
	case security(a).OwnerToken == token:
		return a, true // ours: only the answer was lost
	case m.OnExisting.ValueString() == onExistingAdopt:
		return r.adopt(ctx, a, m, token, diags)
	default:
		diags.AddAttributeError(path.Root("external_id"), "An agent with this external id exists already", fmt.Sprintf(
			"Agent %s (%q) has the external id %q. Import it:\n\nimport {\n  to = agentcreds_agent.<name>\n  id = %q\n}\n\nor set on_existing = \"adopt\" to take it over, or choose another external_id.",
			a.ID, a.Profile.DisplayName, key, a.ID))
	}
	return api.Agent{}, false
}

// adopt makes a foreign agent this resource's: its owner token changes, so that
// whoever had it before deletes nothing.
func (r *agentResource) adopt(ctx context.Context, a api.Agent, m *agentModel, token string, diags *diag.Diagnostics) (api.Agent, bool) {
	if !isAgent(a, diags) {
		return a, false
	}
	if serving := userServing(a); a.Extension != nil && serving != m.IsUserServingAgent.ValueBool() {
		diags.AddAttributeError(path.Root("is_user_serving_agent"), "Cannot adopt the agent", fmt.Sprintf(
			"Agent %s has is_user_serving_agent = %t, which no server changes. Nothing was changed. Set it so, or choose another external_id.", a.ID, serving))
		return a, false
	}
	have := agentModel{Attributes: m.Attributes, Scopes: m.Scopes, Audiences: m.Audiences, AllowedAuthMethods: m.AllowedAuthMethods}
	have.fromAPI(a)
	ops := m.operations(&have)
	if a.Extension != nil {
		ops = append(ops, api.Replace(api.SchemaCredentials+":ownerToken", token))
	}
	if len(ops) == 0 {
		return a, true
	}
	a, err := r.client().PatchAgent(ctx, a.ID, ops)
	if err != nil {
		diags.AddError("Cannot adopt the agent", r.explain(err))
	}
	return a, err == nil
}

func (r *agentResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, state agentModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	limit, d := m.Timeouts.Update(ctx, agentTimeout)
	if resp.Diagnostics.Append(d...); d.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	srv, ok := r.inStore(ctx, f, &resp.Diagnostics)
	if !ok {
		return
	}
	id := state.ID.ValueString()
	ops := m.operations(&state)
	if m.reinstates(&state) {
		ops = append([]api.Operation{{Op: "remove", Path: api.AttrRevokedAt}}, ops...)
	}
	if len(ops) > 0 {
		a, err := r.client().PatchAgent(ctx, id, ops)
		if err != nil {
			resp.Diagnostics.AddError("Cannot update the agent", "Agent "+id+": "+r.explain(err))
			return
		}
		roles := m.Roles
		m.fromAPI(a)
		if !roles.IsUnknown() { // they come and go beside this, in the same apply too: the next read tells
			m.Roles = roles
		}
		f.Blocked = a.Blocked()
	}
	f.Store, f.Imported = srv.StoreID, false
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	setIdentity(ctx, resp.Identity, "id", id, &resp.Diagnostics)
	writeFacts(ctx, resp.Private, f, &resp.Diagnostics)
}

func (r *agentResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m agentModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	id := m.ID.ValueString()
	switch m.DeletionPolicy.ValueString() {
	case deletionAbandon:
		return
	case deletionPrevent:
		refuseDeletion(id, &resp.Diagnostics)
		return
	}
	if !r.ready(&resp.Diagnostics) {
		return
	}
	limit, d := m.Timeouts.Delete(ctx, agentTimeout)
	if resp.Diagnostics.Append(d...); d.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	if _, ok := r.inStore(ctx, f, &resp.Diagnostics); !ok {
		return
	}
	err := r.end(ctx, &m, f)
	switch {
	case err == nil, isGone(err):
	case errors.Is(err, api.ErrStale):
		resp.Diagnostics.AddWarning("The agent was not deleted", fmt.Sprintf(
			"Agent %s was adopted by another resource since, so it belongs to that one now. It is only forgotten here.", id))
	default:
		resp.Diagnostics.AddError("Cannot delete the agent", "Agent "+id+": "+r.explain(err))
	}
}

// end deletes the agent, or blocks it where it is to be kept.
func (r *agentResource) end(ctx context.Context, m *agentModel, f facts) error {
	id := m.ID.ValueString()
	if m.DeletionPolicy.ValueString() == deletionDisable {
		_, err := r.client().PatchAgent(ctx, id, []api.Operation{api.Replace(api.SchemaWSO2+":accountLocked", true)})
		return err
	}
	return r.client().DeleteAgent(ctx, id, f.OwnerToken)
}

func refuseDeletion(id string, diags *diag.Diagnostics) {
	diags.AddAttributeError(path.Root("deletion_policy"), "The agent may not be destroyed", fmt.Sprintf(
		"Agent %s has deletion_policy = \"prevent\". Set another deletion_policy and apply that first.", id))
}

// reinstates reports whether the plan lifts a revocation.
func (m *agentModel) reinstates(state *agentModel) bool {
	return !state.RevokedAt.IsNull() && !m.ReinstateTrigger.Equal(types.MapNull(types.StringType)) && !sameMap(m.ReinstateTrigger, state.ReinstateTrigger)
}
