package provider

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// newSecret is a secret on its way to the server. Id and value are made here:
// so the request can be repeated until it is answered, and makes one secret.
type newSecret struct {
	agentID string
	id      string
	request api.SecretRequest
	ifMatch string // the newest secret that we know of; "": whatever there is
	// anyOldest lets the oldest secret go when there is no room, even if it
	// is another's.
	anyOldest bool
	made      api.Secret // the answer
}

func (r *secretResource) newSecret(ctx context.Context, m *secretModel) (newSecret, error) {
	n := newSecret{agentID: m.AgentID.ValueString(), id: uuid.NewString()}
	n.request.SecretValue = secret.Generate()
	now, err := r.client().Now(ctx)
	if err == nil {
		n.request.ExpiresAt = m.expiry(now)
	}
	return n, err
}

// rotate makes a new secret and lets the old one live on for its grace. The
// model gets the new one; the caller saves it before anything else can fail.
func (r *secretResource) rotate(ctx context.Context, m, state *secretModel, f facts) error {
	n, err := r.newSecret(ctx, m)
	if err != nil {
		return err
	}
	now, err := r.client().Now(ctx)
	if err != nil {
		return err
	}
	old := state.SecretID.ValueString()
	end := now.Add(m.grace()).Unix()
	n.ifMatch = old
	// A drifted one that is the newest is dead: there is nothing to retire.
	if !state.Drift.ValueBool() || f.Latest != "" {
		n.request.Previous = &api.Retire{SecretID: old, ExpiresAt: end}
	}
	if f.Latest != "" {
		n.ifMatch = f.Latest
		if err := r.heal(ctx, &n, state); err != nil {
			return err
		}
	}
	if err := r.put(ctx, &n); err != nil {
		return err
	}
	m.setSecret(n.made, n.request.SecretValue, state.Version.ValueInt64())
	if n.request.Previous == nil || slices.Contains(n.request.Revoke, old) {
		m.Previous = noPrevious()
		return nil
	}
	if own := at(state.ExpiresAt); !own.IsZero() && own.Unix() < end {
		end = own.Unix()
	}
	m.setPrevious(old, end)
	return nil
}

// heal names the secrets that an interrupted run of this principal left: made
// after ours, live, and never used by anybody, since nobody got to know them.
// What others made is not touched.
func (r *secretResource) heal(ctx context.Context, n *newSecret, state *secretModel) error {
	srv, err := r.client().Server(ctx)
	if err != nil {
		return err
	}
	list, err := r.client().Secrets(ctx, n.agentID)
	if err != nil {
		return err
	}
	alive, made := false, state.Version.ValueInt64()
	for _, s := range list {
		if s.SecretID == state.SecretID.ValueString() {
			alive, made = s.Live(), s.CreatedAt
		}
	}
	for _, s := range list {
		if s.CreatedBy == srv.Principal && s.CreatedAt > made && s.Live() && s.FirstUsedAt == 0 {
			n.request.Revoke = append(n.request.Revoke, s.SecretID)
		}
	}
	if !alive {
		n.request.Previous = nil
	}
	return nil
}

// put sends the secret. Where the agent has no room for it, the oldest of our
// own that is in its grace makes room.
func (r *secretResource) put(ctx context.Context, n *newSecret) error {
	err := r.send(ctx, n)
	if !errors.Is(err, api.ErrLimit) {
		return err
	}
	oldest, lookErr := r.oldest(ctx, n)
	if lookErr != nil || oldest == "" {
		return errors.Join(err, lookErr)
	}
	n.request.Revoke = append(n.request.Revoke, oldest)
	return r.send(ctx, n)
}

func (r *secretResource) send(ctx context.Context, n *newSecret) error {
	made, err := r.client().PutSecret(ctx, n.agentID, n.id, n.request, n.ifMatch)
	if err == nil {
		n.made = made
	}
	return err
}

// oldest is the id of the secret that makes room; "" when none may.
func (r *secretResource) oldest(ctx context.Context, n *newSecret) (string, error) {
	srv, err := r.client().Server(ctx)
	if err != nil {
		return "", err
	}
	list, err := r.client().Secrets(ctx, n.agentID)
	replaced := ""
	if n.request.Previous != nil {
		replaced = n.request.Previous.SecretID
	}
	id := makesRoom(list, srv.Principal, replaced)
	for _, s := range slices.Backward(list) {
		if id == "" && n.anyOldest && s.Live() {
			id = s.SecretID
		}
	}
	return id, err
}

// makesRoom picks, of secrets that are newest first, the principal's oldest
// that is in its grace; "" for none. One that create_before_destroy left there
// is still ACTIVE, but neither the newest nor the one that is replaced, and it
// has an end.
func makesRoom(secrets []api.Secret, principal, replaced string) string {
	retiring, left := "", ""
	for _, s := range secrets {
		switch {
		case !s.Live() || s.CreatedBy != principal:
		case s.Status == api.Retiring:
			retiring = s.SecretID
		case !s.Latest && s.SecretID != replaced && s.ExpiresAt != 0:
			left = s.SecretID
		}
	}
	return cmp.Or(retiring, left)
}
