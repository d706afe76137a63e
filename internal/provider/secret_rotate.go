package provider

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// newSecret is a secret on its way to the server. Id and value are made here:
// so the request can be repeated until it is answered, and makes one secret.
type newSecret struct {
	agentID string
	id      string
	request api.SecretRequest
	ifMatch string // the newest secret that we know of; "": whatever there is
	// former is the predecessor that the state knows: ours, whoever made it.
	former string
	// anyOldest lets the oldest secret go when there is no room, even if it
	// is another's.
	anyOldest bool
	given     bool           // the value comes from secret_wo
	sealer    *secret.Sealer // for the envelope; nil: there is none
	made      api.Secret     // the answer
}

func (r *secretResource) newSecret(ctx context.Context, k keeping, m *secretModel, given secret.Text) (newSecret, error) {
	n := newSecret{agentID: m.AgentID.ValueString(), id: uuid.NewString()}
	if err := n.supply(k, m, given); err != nil {
		return n, err
	}
	if m.ExpireAfter.IsNull() {
		return n, nil
	}
	now, err := r.client().Now(ctx)
	if err == nil {
		n.request.ExpiresAt = m.expiry(now)
	}
	return n, err
}

func (r *secretResource) generate() secret.Text { return secret.Generate() }

// first sends a secret that replaces none of the state. Most agents have had
// none: one request does it.
func (r *secretResource) first(ctx context.Context, n *newSecret, m *secretModel) error {
	n.ifMatch = client.NoSecretYet
	err := r.put(ctx, n)
	if errors.Is(err, api.ErrStale) {
		n.ifMatch = ""
		if err = r.retireLeftover(ctx, n, m); err == nil {
			err = r.put(ctx, n)
		}
	}
	if errors.Is(err, api.ErrBlocked) { // it may get a secret, but on no condition
		n.ifMatch, n.request.Previous = "", nil
		err = r.put(ctx, n)
	}
	return err
}

// retireLeftover lets the new secret retire the one that an interrupted create
// of this principal left: ACTIVE, and missed by nobody. It cannot be told from one that create_before_destroy is about to destroy,
// so it gets what that gets: an end after the grace. Without one it would take
// the room of every rotation to come.
func (r *secretResource) retireLeftover(ctx context.Context, n *newSecret, m *secretModel) error {
	srv, err := r.client().Server(ctx)
	if err != nil {
		return err
	}
	list, err := r.client().Secrets(ctx, n.agentID)
	if err != nil {
		return err
	}
	now, err := r.client().Now(ctx)
	for _, s := range list {
		if s.Status == api.Active && s.CreatedBy == srv.Principal && n.unmissed(s) {
			n.request.Previous = &api.Retire{SecretID: s.SecretID, ExpiresAt: now.Add(m.grace()).Unix()}
			break // the newest; what it found was retired by it
		}
	}
	return err
}

// rotate makes a new secret and lets the old one live on for its grace. The
// model gets the new one; the caller saves it before anything else can fail.
func (r *secretResource) rotate(ctx context.Context, m, state *secretModel, f facts, given secret.Text) error {
	n, err := r.newSecret(ctx, r, m, given)
	if err != nil {
		return err
	}
	now, err := r.client().Now(ctx)
	if err != nil {
		return err
	}
	old := state.SecretID.ValueString()
	end := now.Add(m.grace()).Unix()
	n.ifMatch, n.former = old, state.previousID()
	// A drifted one that is the newest is dead: there is nothing to retire.
	if !state.Drift.ValueBool() || f.Latest != "" {
		n.request.Previous = &api.Retire{SecretID: old, ExpiresAt: end}
	}
	// A grace that is shortened in the same breath is shortened for all.
	if m.movesGrace(state, f) && over(state.rotated(), m.grace(), now) {
		n.request.Revoke = append(n.request.Revoke, state.previousID())
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
	m.setSecret(n, state.Version.ValueInt64())
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
// after ours, live, and unmissed. What others made is not touched.
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
		if s.CreatedBy == srv.Principal && s.CreatedAt > made && s.Live() && n.unmissed(s) {
			n.request.Revoke = append(n.request.Revoke, s.SecretID)
		}
	}
	if !alive {
		n.request.Previous = nil
	}
	return nil
}

// unmissed reports whether nobody will miss another secret of this principal: it
// was never used by anybody, since nobody got to know it. One that was given by
// secret_wo may be known, and used: then its hint is that of the value which
// takes its place, and whoever uses it goes on.
func (n *newSecret) unmissed(s api.Secret) bool {
	return s.FirstUsedAt == 0 || (n.given && s.Hint != "" && s.Hint == n.request.SecretValue.Hint())
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
	id := makesRoom(list, srv.Principal, replaced, n.former)
	for _, s := range slices.Backward(list) {
		if id == "" && n.anyOldest && s.Live() {
			id = s.SecretID
		}
	}
	return id, err
}

// makesRoom picks, of secrets that are newest first, our oldest that is in its
// grace; "" for none. Ours is what the principal made, and the former one of
// the state, which another principal may have made: the state has moved to
// another user, or from the embedded server to serve. One that
// create_before_destroy left there is still ACTIVE, but neither the newest nor
// the one that is replaced, and it has an end.
func makesRoom(secrets []api.Secret, principal, replaced, former string) string {
	retiring, left := "", ""
	for _, s := range secrets {
		switch {
		case !s.Live() || (s.CreatedBy != principal && s.SecretID != former):
		case s.Status == api.Retiring:
			retiring = s.SecretID
		case !s.Latest && s.SecretID != replaced && s.ExpiresAt != 0:
			left = s.SecretID
		}
	}
	return cmp.Or(retiring, left)
}
