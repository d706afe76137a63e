package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// secrets works on the secrets of the two agents, as on a server that keeps one
// for each: ours lets itself be used so, too.
func (r *pairResource) secrets() single { return single{&r.secretResource} }

// set gives a side a new secret.
func (r *pairResource) set(ctx context.Context, srv client.Server, m *pairModel, name string, given secret.Text) (newSecret, error) {
	one := m.asSecret()
	_, agentID := m.slot(name)
	one.AgentID = types.StringValue(agentID)
	n, err := r.newSecret(ctx, r.keeping(srv), one, given)
	if err != nil {
		return n, err
	}
	n.anyOldest = m.OnExisting.ValueString() == onExistingReplace
	return n, nil
}

func (r *pairResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m pairModel
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	srv, ok := r.inStore(ctx, facts{}, &resp.Diagnostics)
	given := givenValue(ctx, req.Config, &resp.Diagnostics)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	name := blue
	if !m.Active.IsNull() {
		name = m.Active.ValueString()
	}
	m.Blue, m.Green = noSide().object(), noSide().object()
	m.RevokePending = types.BoolValue(false)
	n, err := r.set(ctx, srv, &m, name, given)
	if err == nil {
		err = r.unused(ctx, &m)
	}
	if err == nil {
		err = r.secrets().first(ctx, &n, nil)
	}
	if err != nil {
		// Tainted, so that the next apply sets others: whoever ran it would
		// not know whose the present ones are.
		if left := r.leftByUs(ctx, m.BlueAgentID.ValueString(), m.GreenAgentID.ValueString()); isAmbiguous(err) || len(left) > 0 {
			for _, side := range []string{blue, green} {
				_, agentID := m.slot(side)
				m.setSide(side, noSide().killed(left[agentID]))
			}
			m.Version, m.Drift, m.RotationDue = types.Int64Value(0), types.BoolValue(true), types.BoolValue(false)
			m.SecretWO = types.StringNull()
			m.show(name)
			r.save(ctx, &m, facts{Store: srv.StoreID}, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
		}
		resp.Diagnostics.AddError("Cannot create the pair", "Agent "+n.agentID+": "+r.explain(err))
		return
	}
	m.take(name, n, 0)
	r.save(ctx, &m, facts{Store: srv.StoreID}, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
	// The secret that the idle agent was created with is nobody's.
	r.kill(ctx, &m, other(name), &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// unused refuses agents of which somebody may use the secret.
func (r *pairResource) unused(ctx context.Context, m *pairModel) error {
	for _, name := range []string{blue, green} {
		_, agentID := m.slot(name)
		a, err := r.client().ReadAgent(ctx, agentID)
		if err != nil {
			return fmt.Errorf("agent %s: %w", agentID, err)
		}
		if !a.IsAgent() {
			return fmt.Errorf("%w: the user name of %s does not start with %s", client.ErrNotAgent, agentID, api.UserNamePrefix)
		}
		if m.OnExisting.ValueString() != onExistingReplace && !bornWith(a) && !r.client().PasswordSetHere(a) {
			return fmt.Errorf("the secret of agent %s was set after the agent was created, and somebody may use it: to end it, and every token of the agent, set on_existing = %q", agentID, onExistingReplace)
		}
	}
	return nil
}

// kill gives the idle side a secret that nobody knows. When that fails the pair
// remembers that it is to be done.
func (r *pairResource) kill(ctx context.Context, m *pairModel, name string, diags *diag.Diagnostics) {
	_, agentID := m.slot(name)
	a, _, err := r.secrets().setOwn(ctx, agentID, r.secrets().generate())
	m.RevokePending = types.BoolValue(err != nil)
	if err != nil {
		diags.AddWarning("The idle agent keeps its secret",
			"Agent "+agentID+", the "+name+" one, was to get a secret that nobody knows: "+r.explain(err)+" The next apply does it.")
		return
	}
	m.setSide(name, m.side(name).killed(a.PasswordTime()))
}

func (r *pairResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m pairModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	srv, ok := r.inStore(ctx, f, &resp.Diagnostics)
	if !ok {
		return
	}
	f.Store = srv.StoreID
	active := m.ActiveSide.ValueString()
	for _, name := range []string{blue, green} {
		_, agentID := m.slot(name)
		a, err := r.client().ReadAgent(ctx, agentID)
		switch {
		case isGone(err):
			setPairIdentity(ctx, resp.Identity, &m, &resp.Diagnostics)
			resp.State.RemoveResource(ctx)
			return
		case err != nil:
			resp.Diagnostics.AddError("Cannot read the pair", "Agent "+agentID+": "+r.explain(err))
			return
		case !isAgent(a, &resp.Diagnostics):
			return
		}
		s := m.side(name)
		ended := f.Ending.covers(a.PasswordTime()) // by a destroy whose answer was lost: Delete does it again
		if ended {
			s = s.killed(a.PasswordTime())
			if name == active {
				s.SecretID = types.StringValue(passwordOf(a).SecretID)
				m.Secret, m.SealedSecret = types.StringNull(), types.StringNull()
			}
			m.setSide(name, s)
		}
		if name == active {
			f.Blocked, m.Drift = a.Blocked(), types.BoolValue(ended || !s.stillHas(a))
			f.Withdrawn = !m.SecretWOVersion.IsNull() && m.Drift.ValueBool()
		} else if !s.SecretID.IsNull() && !s.stillHas(a) {
			m.setSide(name, s.lost())
		}
	}
	now, err := r.client().Now(ctx)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the pair", r.explain(err))
		return
	}
	m.RotationDue = types.BoolValue(m.asSecret().due(now))
	r.save(ctx, &m, f, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *pairResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, state pairModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	given := givenValue(ctx, req.Config, &resp.Diagnostics)
	srv, ok := r.inStore(ctx, f, &resp.Diagnostics)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	what, err := decidePair(&m, &state, f), error(nil)
	if what == askTheClock {
		what, err = r.askTheClock(ctx, m.asSecret(), state.asSecret())
	}
	revokes, due := m.revokes(&state), m.RotationDue
	m.keepOutputs(&state)
	if err == nil && what == rotateIt {
		name := m.target(&state)
		var n newSecret
		if n, err = r.set(ctx, srv, &m, name, given); err == nil {
			err = r.secrets().set(ctx, &n)
		}
		if err == nil {
			m.take(name, n, state.Version.ValueInt64())
			f.Imported, f.Withdrawn, f.Ending = false, false, nil
		}
	} else if err == nil {
		if m.flips(&state) {
			m.show(m.Active.ValueString())
			m.Version = types.Int64Value(state.Version.ValueInt64() + 1)
		}
		f.Imported = f.Imported && emptyMap(m.RotationTrigger) && m.SecretWOVersion.IsNull()
	}
	if err != nil {
		resp.Diagnostics.AddError("Cannot rotate the pair", "Agents "+m.BlueAgentID.ValueString()+" and "+m.GreenAgentID.ValueString()+": "+r.explain(err))
		return
	}
	if left := state.ActiveSide.ValueString(); state.Drift.ValueBool() && m.ActiveSide.ValueString() != left {
		m.setSide(left, m.side(left).lost()) // it had another secret, and is not to go back to
		m.Drift = types.BoolValue(false)
	}
	m.RotationDue = types.BoolValue(due.ValueBool())
	m.RevokePending = types.BoolValue(revokes)
	r.save(ctx, &m, f, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
	if revokes {
		r.kill(ctx, &m, other(m.ActiveSide.ValueString()), &resp.Diagnostics)
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

// keepOutputs copies from the state what an update does not change.
func (m *pairModel) keepOutputs(state *pairModel) {
	m.ActiveSide, m.AgentID, m.Secret, m.SealedSecret, m.SealedVersion = state.ActiveSide, state.AgentID, state.Secret, state.SealedSecret, state.SealedVersion
	m.Version, m.RotatedAt, m.Blue, m.Green = state.Version, state.RotatedAt, state.Blue, state.Green
	m.RotationDue, m.Drift, m.RevokePending, m.SecretWO = state.RotationDue, state.Drift, state.RevokePending, types.StringNull()
}

// Delete gives both agents secrets that nobody knows, where theirs are still
// the pair's.
func (r *pairResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m pairModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() ||
		m.DeletionPolicy.ValueString() == deletionAbandon || !r.ready(&resp.Diagnostics) {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	if _, ok := r.inStore(ctx, f, &resp.Diagnostics); !ok {
		return
	}
	began, _ := r.client().Now(ctx)
	for _, name := range []string{blue, green} {
		_, agentID := m.slot(name)
		s := m.side(name)
		if s.SecretID.IsNull() && name != m.ActiveSide.ValueString() {
			r.disown(ctx, agentID, s)
			continue // nobody knows it already, or it is somebody else's
		}
		if err := r.secrets().end(ctx, &secretModel{AgentID: types.StringValue(agentID), SecretID: s.SecretID, Version: m.Version, OnExisting: m.OnExisting}, f); err != nil && !isGone(err) {
			if isAmbiguous(err) {
				f.Ending = r.ending(ctx, began)
				writeFacts(ctx, resp.Private, f, &resp.Diagnostics)
			}
			resp.Diagnostics.AddError("Cannot revoke the secrets of the pair", "Agent "+agentID+": "+r.explain(err))
		}
	}
}

// disown notes of a secret that the pair set, and nobody knows, that it is its own:
// a Create that follows needs no leave to replace it. What hinders that, the
// Create meets, too. Private state does not tell: of a tainted resource Terraform
// hands none to Delete.
func (r *pairResource) disown(ctx context.Context, agentID string, s side) {
	if a, err := r.client().ReadAgent(ctx, agentID); err == nil && s.RotatedAt.Equal(millis(a.PasswordTime())) {
		r.client().Disclaim(a)
	}
}

// ImportState takes <blue_agent_id>/<green_agent_id>. The side whose secret was
// set last is the active one.
func (r *pairResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if !r.ready(&resp.Diagnostics) {
		return
	}
	id := req.ID
	if id == "" && req.Identity != nil {
		var b, g types.String
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("blue_agent_id"), &b)...)
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("green_agent_id"), &g)...)
		id = b.ValueString() + "/" + g.ValueString()
	}
	blueID, greenID, two := strings.Cut(id, "/")
	if !two || blueID == "" || greenID == "" || blueID == greenID {
		resp.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%q is not an id to import a pair by: it is <blue_agent_id>/<green_agent_id>.", id))
		return
	}
	srv, ok := r.inStore(ctx, facts{}, &resp.Diagnostics)
	if !ok {
		return
	}
	m := pairModel{
		BlueAgentID: types.StringValue(blueID), GreenAgentID: types.StringValue(greenID),
		RotationTrigger: types.MapNull(types.StringType), RevokeInactiveTrigger: types.MapNull(types.StringType), SealTo: types.SetNull(types.StringType),
		OnDrift: types.StringValue(driftRotate), DeletionPolicy: types.StringValue(deletionRevoke), OnExisting: types.StringValue(onExistingError),
		RevokePending: types.BoolValue(false), Drift: types.BoolValue(false), RotationDue: types.BoolValue(false), Version: types.Int64Value(0),
	}
	active := blue
	for _, name := range []string{blue, green} {
		_, agentID := m.slot(name)
		a, ok := r.lookUp(ctx, agentID, &resp.Diagnostics)
		if !ok {
			return
		}
		s := noSide()
		p := passwordOf(a)
		s.SecretID, s.Version, s.RotatedAt = types.StringValue(p.SecretID), types.Int64Value(p.CreatedAt), millis(p.CreatedAt)
		m.setSide(name, s)
		if p.CreatedAt > m.Version.ValueInt64() {
			m.Version, active = types.Int64Value(p.CreatedAt), name
		}
	}
	m.show(active)
	// What the pair does not have is not usable for going back to.
	m.setSide(other(active), m.side(other(active)).lost())
	r.save(ctx, &m, facts{Store: srv.StoreID, Imported: true}, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
	resp.Diagnostics.AddWarning("The secret's value is unknown",
		"The secrets of agents "+blueID+" and "+greenID+" are managed now, "+active+" being the active one, but no server tells the value of a secret: it is null until the first rotation.")
}

// save writes all that there is to write.
func (r *pairResource) save(ctx context.Context, m *pairModel, f facts, state *tfsdk.State, identity *tfsdk.ResourceIdentity, private privateWriter, diags *diag.Diagnostics) {
	diags.Append(state.Set(ctx, m)...)
	setPairIdentity(ctx, identity, m, diags)
	writeFacts(ctx, private, f, diags)
}

func setPairIdentity(ctx context.Context, to *tfsdk.ResourceIdentity, m *pairModel, diags *diag.Diagnostics) {
	setIdentity(ctx, to, "blue_agent_id", m.BlueAgentID.ValueString(), diags)
	setIdentity(ctx, to, "green_agent_id", m.GreenAgentID.ValueString(), diags)
}
