package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// asSecret describes a key as a secret: what the rules of rotation look at is
// the same in both.
func asSecret(k api.Key) api.Secret {
	return api.Secret{
		SecretID: k.KID, ExpiresAt: k.ExpiresAt, CreatedAt: k.CreatedAt, Status: k.Status, Latest: k.Latest,
		CreatedBy: k.CreatedBy, FirstUsedAt: k.FirstUsedAt, LastUsedAt: k.LastUsedAt,
	}
}

// keys is how the server is asked about keys.
func (r *keyResource) keys() credentials {
	c := r.client()
	return credentials{
		read: func(ctx context.Context, agentID, kid string) (api.Secret, error) {
			k, err := c.Key(ctx, agentID, kid)
			return as(asSecret, k, err)
		},
		expire: func(ctx context.Context, agentID, kid string, end int64) (api.Secret, error) {
			k, err := c.ExpireKey(ctx, agentID, kid, end)
			return as(asSecret, k, err)
		},
		revoke: c.RevokeKey,
	}
}

// keyOf finds a key of an agent: among those that are listed, or, dead for
// long, by itself.
func (r *keyResource) keyOf(ctx context.Context, agentID, kid string, listed []api.Key) (k api.Key, found bool, err error) {
	if i := slices.IndexFunc(listed, func(k api.Key) bool { return k.KID == kid }); i >= 0 {
		return listed[i], true, nil
	}
	k, err = r.client().Key(ctx, agentID, kid)
	if isGone(err) {
		return k, false, nil
	}
	return k, err == nil, err
}

// first adds a key that replaces none of the state. One that is there already
// is taken only if an interrupted create of this principal left it: nobody has
// used it. Any other may be managed elsewhere.
func (r *keyResource) first(ctx context.Context, srv client.Server, m *keyModel, o offer) (api.Key, error) {
	agentID := m.AgentID.ValueString()
	listed, err := r.client().Keys(ctx, agentID)
	if err != nil {
		return api.Key{}, err
	}
	o.request.ExpiresAt = m.expiry()
	for _, k := range listed {
		if k.KID != o.kid {
			continue
		}
		if k.Status == api.Active && (k.CreatedBy != srv.Principal || k.FirstUsedAt != 0) {
			return k, fmt.Errorf("it has the key %s already, since %s; to manage it here, import it by %s/%s. To replace the resource, give it another key: none takes its own place",
				k.KID, time.UnixMilli(k.CreatedAt).UTC().Format(time.RFC3339), agentID, k.KID)
		}
		o.request.Claim = true // so that one that is replaced by this, under create_before_destroy, does not end it
	}
	k, err := r.put(ctx, agentID, o)
	if err == nil && k.ExpiresAt != m.expiry() {
		return r.client().ExpireKey(ctx, agentID, k.KID, m.expiry())
	}
	return k, err
}

// put sends a key. One that was there before, and works no more for long, is
// not taken for the new one.
func (r *keyResource) put(ctx context.Context, agentID string, o offer) (api.Key, error) {
	k, err := r.client().PutKey(ctx, agentID, o.kid, o.request, "")
	if err == nil && k.Status != api.Active {
		return k, fmt.Errorf("it has, or had, the key %s, which is %s; no server takes a key twice: give another one", k.KID, k.Status)
	}
	return k, err
}

// rotate adds another key and lets the old one live on for its grace. Where the
// agent has no room for it, the one before the old one makes room: keys that
// are not of this state are never touched.
func (r *keyResource) rotate(ctx context.Context, srv client.Server, m, state *keyModel, o offer) error {
	agentID, old := state.AgentID.ValueString(), state.KID.ValueString()
	now, err := r.client().Now(ctx)
	if err != nil {
		return err
	}
	listed, err := r.client().Keys(ctx, agentID)
	if err != nil {
		return err
	}
	former, found, err := r.keyOf(ctx, agentID, old, listed)
	if err != nil {
		return err
	}
	end := now.Add(m.grace()).Unix()
	o.request.ExpiresAt = m.expiry()
	if found && former.Live() {
		o.request.Previous = &api.RetireKey{KID: old, ExpiresAt: end}
	}
	before := state.previousID()
	// A grace that is shortened in the same breath is shortened for all.
	if m.movesGrace(state) && over(state.added(), m.grace(), now) {
		o.request.Revoke = []string{before}
	}
	there := slices.IndexFunc(listed, func(k api.Key) bool { return k.KID == o.kid })
	if there >= 0 { // unless a rotation that was cut off left it, it becomes this resource's
		o.request.Claim = listed[there].CreatedBy != srv.Principal || listed[there].CreatedAt < former.CreatedAt
	}
	k, err := r.put(ctx, agentID, o)
	if errors.Is(err, api.ErrLimit) && before != "" && len(o.request.Revoke) == 0 {
		o.request.Revoke = []string{before}
		k, err = r.put(ctx, agentID, o)
	}
	if err == nil && there >= 0 {
		k, err = r.wasThere(ctx, m, o, former, k)
	}
	if err != nil {
		return err
	}
	m.setKey(k, state.Version.ValueInt64())
	m.Previous = noPreviousKey()
	if o.request.Previous != nil {
		if former.ExpiresAt != 0 && former.ExpiresAt < end {
			end = former.ExpiresAt
		}
		m.setPrevious(old, end)
	}
	return nil
}

// wasThere does what the server does not do with a key that was there before the
// rotation to it, as when the agent's owner had added it, or the answer of the
// rotation was lost: it ends the old ones. Repeating it does no harm.
func (r *keyResource) wasThere(ctx context.Context, m *keyModel, o offer, former, k api.Key) (api.Key, error) {
	agentID := m.AgentID.ValueString()
	for _, kid := range o.request.Revoke {
		if err := r.client().RevokeKey(ctx, agentID, kid, ""); err != nil && !isGone(err) {
			return k, err
		}
	}
	if retire := o.request.Previous; retire != nil && (former.ExpiresAt == 0 || former.ExpiresAt > retire.ExpiresAt) {
		if _, err := r.client().ExpireKey(ctx, agentID, retire.KID, retire.ExpiresAt); err != nil && !errors.Is(err, api.ErrDead) && !isGone(err) {
			return k, err
		}
	}
	if k.ExpiresAt == m.expiry() {
		return k, nil
	}
	return r.client().ExpireKey(ctx, agentID, k.KID, m.expiry())
}

// move shifts the ends that a changed configuration moves. Repeating it does no
// harm.
func (r *keyResource) move(ctx context.Context, m, state *keyModel) error {
	agentID := state.AgentID.ValueString()
	if end := m.expiry(); end != state.expiry() {
		now, err := r.client().Now(ctx)
		if err != nil {
			return err
		}
		if end != 0 && end <= now.Unix() {
			return fmt.Errorf("not_after = %q is past, and would end the key at once; to have that, destroy the resource", m.NotAfter.ValueString())
		}
		if _, err := r.client().ExpireKey(ctx, agentID, state.KID.ValueString(), end); err != nil {
			return err
		}
	}
	if !m.movesGrace(state) {
		return nil
	}
	o := state.owned()
	o.grace = m.grace()
	k, moved, err := moveEnd(ctx, r.keys(), o, state.added())
	if moved {
		m.setPrevious(k.SecretID, k.ExpiresAt)
	}
	return err
}

// end revokes the key and its predecessor. One that a newer one has replaced, as
// under create_before_destroy, gets its grace instead; one that another resource
// has claimed since is that one's.
func (r *keyResource) end(ctx context.Context, m *keyModel) error {
	a, err := r.client().ReadAgent(ctx, m.AgentID.ValueString())
	if err != nil {
		return err
	}
	for _, k := range security(a).Keys {
		if k.KID == m.KID.ValueString() && k.CreatedAt > m.Version.ValueInt64() {
			return nil
		}
	}
	return r.withdraw(ctx, r.keys(), m.owned())
}

// look takes on what the server says of the key and of its predecessor. Whatever
// became of it, the resource stays: its version must not start anew.
func (r *keyResource) look(ctx context.Context, srv client.Server, a api.Agent, m *keyModel, f *facts) error {
	listed := security(a).Keys
	k, found, err := r.keyOf(ctx, a.ID, m.KID.ValueString(), listed)
	if err != nil {
		return err
	}
	if found {
		m.describe(k)
		m.JWKSURI = optional(k.JWKSURI)
		if m.Version.IsNull() {
			m.Version = types.Int64Value(k.CreatedAt)
		}
	}
	now, err := r.client().Now(ctx)
	if err != nil {
		return err
	}
	secrets := make([]api.Secret, len(listed))
	f.Store, f.Withdrawn = srv.StoreID, !found || k.Status != api.Active
	for i, other := range listed {
		secrets[i] = asSecret(other)
		if other.KID != m.previousID() {
			continue
		}
		m.setPrevious(other.KID, other.ExpiresAt)
		if other.Status == api.Revoked {
			m.Previous = noPreviousKey() // whatever end it had, it opens nothing
		}
	}
	f.MakesRoom = crowded(secrets, m.previousID(), srv.MaxSecrets)
	f.noteUses(secrets, now, m.KID.ValueString(), m.previousID())
	f.noteLast(a, now, aKey, m.KID.ValueString(), m.previousID())
	return nil
}
