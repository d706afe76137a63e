package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

func (r *secretResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m secretModel
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	srv, ok := r.inStore(ctx, facts{}, &resp.Diagnostics)
	given := givenValue(ctx, req.Config, &resp.Diagnostics)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	k := r.keeping(srv)
	n, err := r.newSecret(ctx, k, &m, given)
	if err == nil {
		n.anyOldest = m.OnExisting.ValueString() == onExistingReplace
		err = k.first(ctx, &n, &m)
	}
	if err != nil {
		if !isGone(err) && !srv.Extended() && (isAmbiguous(err) || len(r.leftByUs(ctx, n.agentID)) > 0) {
			m.unsure()
			m.save(ctx, facts{Store: srv.StoreID}, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
		}
		r.ungiven("Cannot create the agent secret", n.agentID, err, &resp.Diagnostics)
		return
	}
	m.setSecret(n, 0)
	m.Previous = noPrevious()
	m.save(ctx, facts{Store: srv.StoreID}, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

// save puts a model, which has nothing that is write-only, into the state.
func (m *secretModel) save(ctx context.Context, f facts, state *tfsdk.State, identity *tfsdk.ResourceIdentity, private privateWriter, diags *diag.Diagnostics) {
	diags.Append(state.Set(ctx, m)...)
	setIdentity(ctx, identity, "agent_id", m.AgentID.ValueString(), diags)
	writeFacts(ctx, private, f, diags)
}

func (r *secretResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m secretModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	switch r.find(ctx, &m, &f, &resp.Diagnostics) {
	case absent:
		remove(ctx, "agent_id", m.AgentID.ValueString(), resp)
	case there:
		m.save(ctx, f, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
	}
}

// find takes on what the server says of the secret.
func (r *secretResource) find(ctx context.Context, m *secretModel, f *facts, diags *diag.Diagnostics) finding {
	srv, ok := r.inStore(ctx, *f, diags)
	if !ok {
		return unread
	}
	const title = "Cannot read the agent secret"
	a, found := r.seek(ctx, m.AgentID.ValueString(), title, diags)
	if found != there {
		return found
	}
	if err := r.keeping(srv).look(ctx, srv, a, m, f); err != nil {
		diags.AddError(title, "Agent "+a.ID+": "+r.explain(err))
		return unread
	}
	return there
}

// look takes on what the server says of the secrets of the agent.
func (r *secretResource) look(ctx context.Context, srv client.Server, a api.Agent, m *secretModel, f *facts) error {
	now, err := r.client().Now(ctx)
	if err != nil {
		return err
	}
	withdrawn, err := r.refresh(ctx, m, a, now)
	if err != nil {
		return err
	}
	secrets := security(a).Secrets
	f.Store, f.Blocked, f.Latest, f.MakesRoom = srv.StoreID, a.Blocked(), "", ""
	f.Withdrawn = m.given() && withdrawn
	if liveSecrets(secrets) >= srv.MaxSecrets {
		f.MakesRoom = makesRoom(secrets, srv.Principal, m.SecretID.ValueString(), m.previousID())
	}
	f.noteUses(secrets, now, m.SecretID.ValueString(), m.previousID(), f.MakesRoom)
	f.noteLast(a, now, aSecret, m.SecretID.ValueString(), m.previousID())
	if len(secrets) > 0 && secrets[0].SecretID != m.SecretID.ValueString() {
		f.Latest = secrets[0].SecretID
	}
	return nil
}

// refresh takes on what the server says of the secret and of its predecessor.
// Whatever became of the secret, the resource stays: its version must not
// start anew. withdrawn: somebody revoked it.
func (r *secretResource) refresh(ctx context.Context, m *secretModel, a api.Agent, now time.Time) (withdrawn bool, err error) {
	found := map[string]api.Secret{}
	for _, s := range security(a).Secrets {
		found[s.SecretID] = s
	}
	id := m.SecretID.ValueString()
	ours, ok := found[id]
	if !ok { // dead for long, or never there
		if ours, err = r.client().Secret(ctx, a.ID, id); err != nil && !isGone(err) {
			return false, err
		}
		ok = err == nil
	}
	if ok {
		hint := m.Hint
		m.describe(ours)
		if !hint.IsNull() {
			m.Hint = hint
		}
		if m.Version.IsNull() {
			m.Version = types.Int64Value(ours.CreatedAt)
		}
	}
	m.Drift = types.BoolValue(!ok || ours.Status != api.Active)
	m.RotationDue = types.BoolValue(m.due(now))
	switch s, ok := found[m.previousID()]; {
	case !ok: // dead for long
	case s.Status == api.Revoked:
		m.Previous = noPrevious() // whatever end it had, it opens nothing
	default:
		m.setPrevious(s.SecretID, s.ExpiresAt)
	}
	return !ok || ours.Status == api.Revoked, nil
}

func (r *secretResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, state secretModel
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
	k := r.keeping(srv)
	what, err := decide(&m, &state, f), error(nil)
	if what == askTheClock {
		what, err = r.askTheClock(ctx, &m, &state)
	}
	title := "Cannot rotate the agent secret"
	switch {
	case err != nil:
	case what == rotateIt:
		err = k.rotate(ctx, &m, &state, f, given)
		f.Imported, f.Latest, f.Withdrawn, f.Ending = false, "", false, nil
	default:
		title = "Cannot update the agent secret"
		m.keepComputed(&state)
		if !sameDuration(m.RotateAfter, state.RotateAfter) {
			m.RotationDue = types.BoolValue(false)
		}
		err = k.move(ctx, &m, &state, f)
		f.Imported = f.Imported && emptyMap(m.RotationTrigger) && !m.given()
	}
	if err != nil {
		resp.Diagnostics.AddError(title, "Agent "+state.AgentID.ValueString()+": "+r.explain(err))
		return
	}
	m.save(ctx, f, &resp.State, resp.Identity, resp.Private, &resp.Diagnostics)
}

func (r *secretResource) askTheClock(ctx context.Context, m, state *secretModel) (decision, error) {
	now, err := r.client().Now(ctx)
	due := *m
	due.RotatedAt = state.RotatedAt
	if err == nil && due.due(now) {
		return rotateIt, nil
	}
	return keepIt, err
}

// move shifts the ends that changed durations move. Repeating it does no harm.
func (r *secretResource) move(ctx context.Context, m, state *secretModel, f facts) error {
	agentID := state.AgentID.ValueString()
	if m.movesExpiry(state, f) {
		now, err := r.client().Now(ctx)
		if err != nil {
			return err
		}
		end := m.expiry(state.rotated())
		if end != 0 && end <= now.Unix() {
			return fmt.Errorf("the secret was made at %s: expire_after = %q would end it at once; rotate it in the same apply, by a change of rotation_trigger",
				state.RotatedAt.ValueString(), m.ExpireAfter.ValueString())
		}
		s, err := r.client().ExpireSecret(ctx, agentID, state.SecretID.ValueString(), end)
		switch {
		case err == nil:
			m.ExpiresAt = seconds(s.ExpiresAt)
		case !errors.Is(err, api.ErrDead):
			return err
		}
	}
	if m.movesGrace(state, f) {
		o := state.owned()
		o.grace = m.grace()
		s, moved, err := moveEnd(ctx, r.secrets(), o, state.rotated())
		if moved {
			m.setPrevious(s.SecretID, s.ExpiresAt)
		}
		return err
	}
	return nil
}

// Delete revokes the secret, and its predecessor, at once: taint and destroy
// are the emergency path. A secret that a newer one has replaced, as under
// create_before_destroy, gets its grace instead.
func (r *secretResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m secretModel
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() ||
		m.DeletionPolicy.ValueString() == deletionAbandon || !r.ready(&resp.Diagnostics) {
		return
	}
	f := readFacts(ctx, req.Private, &resp.Diagnostics)
	srv, ok := r.inStore(ctx, f, &resp.Diagnostics)
	if !ok {
		return
	}
	began, _ := r.client().Now(ctx) // of a server that tells no time nothing is remembered
	if err := r.keeping(srv).end(ctx, &m, f); err != nil && !isGone(err) {
		if isAmbiguous(err) {
			f.Ending = r.ending(ctx, began)
			writeFacts(ctx, resp.Private, f, &resp.Diagnostics)
		}
		resp.Diagnostics.AddAttributeError(path.Root("secret_id"), "Cannot revoke the agent secret", "Agent "+m.AgentID.ValueString()+": "+r.explain(err))
	}
}

func (r *secretResource) end(ctx context.Context, m *secretModel, _ facts) error {
	return r.withdraw(ctx, r.secrets(), m.owned())
}

// secrets is how the server is asked about secrets.
func (r *secretResource) secrets() credentials {
	c := r.client()
	return credentials{read: c.Secret, expire: c.ExpireSecret, revoke: c.RevokeSecret}
}

// supersede lets a credential that is no longer the latest end after its grace,
// never later than it would have.
func (b *base) supersede(ctx context.Context, s api.Secret, grace time.Duration, expire func(end int64) error) error {
	if !s.Live() {
		return nil
	}
	now, err := b.client().Now(ctx)
	if err != nil {
		return err
	}
	end := now.Add(grace).Unix()
	if s.ExpiresAt != 0 && s.ExpiresAt <= end {
		return nil
	}
	if err = expire(end); errors.Is(err, api.ErrDead) {
		return nil
	}
	return err
}
