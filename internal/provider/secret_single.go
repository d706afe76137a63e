package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// keeping is how a server keeps the secrets of an agent: several that overlap,
// as ours does, or one.
type keeping interface {
	generate() secret.Text
	first(ctx context.Context, n *newSecret, m *secretModel) error
	look(ctx context.Context, srv client.Server, a api.Agent, m *secretModel, f *facts) error
	rotate(ctx context.Context, m, state *secretModel, f facts, given secret.Text) error
	move(ctx context.Context, m, state *secretModel, f facts) error
	end(ctx context.Context, m *secretModel, f facts) error
	choose(a api.Agent, secretID string) (s api.Secret, problem string)
}

func (r *secretResource) keeping(srv client.Server) keeping {
	if srv.Extended() {
		return r
	}
	return single{r}
}

// single keeps one secret: the password of the agent. Setting another ends the
// one before and every token. All that the server tells of it is when it was
// set: that is its id and its version.
type single struct{ *secretResource }

func (s single) generate() secret.Text {
	if s.server.short.Load() {
		return secret.GenerateShort()
	}
	return secret.GenerateWSO2()
}

// setOwn sets a secret that was generated. Where the server refuses it, by its
// rules for passwords perhaps, a shorter one is tried. It tells which it was.
func (s single) setOwn(ctx context.Context, agentID string, value secret.Text) (api.Agent, secret.Text, error) {
	a, err := s.client().SetPassword(ctx, agentID, value)
	if !isRefused(err) || s.server.short.Load() {
		return a, value, err
	}
	shorter := secret.GenerateShort()
	if a, err = s.client().SetPassword(ctx, agentID, shorter); err == nil {
		s.server.short.Store(true)
	}
	if isRefused(err) {
		err = fmt.Errorf("%w; the provider makes secrets of 44 or 30 letters, digits and !@#$%%&*: when the server's rules for passwords take neither, give one that they take by secret_wo and secret_wo_version", err)
	}
	return a, shorter, err
}

// bornWithin is how long after an agent its first secret may be dated: the
// server writes one after the other, in a quarter of a second where it was seen
// and in some seconds where a server is busy. Who gives an agent another secret
// in the Console takes longer.
const bornWithin = 5 * time.Second

// bornWith reports whether the agent has the secret that it was created with.
func bornWith(a api.Agent) bool {
	made := born(a)
	return made.IsZero() || a.PasswordTime() == 0 || time.UnixMilli(a.PasswordTime()).Sub(made) <= bornWithin
}

// passwordOf describes the password of an agent as a secret.
func passwordOf(a api.Agent) api.Secret {
	ms := a.PasswordTime()
	return api.Secret{SecretID: strconv.FormatInt(ms, 10), CreatedAt: ms, Status: api.Active, Latest: true}
}

// first refuses to replace a secret that somebody may use: one that was set
// after the agent was created, and not in this run.
func (s single) first(ctx context.Context, n *newSecret, _ *secretModel) error {
	a, err := s.client().ReadAgent(ctx, n.agentID)
	if err != nil {
		return err
	}
	if a.IsAgent() && !n.anyOldest && !bornWith(a) && !s.client().PasswordSetHere(a) {
		return fmt.Errorf("its secret was set at %s, after the agent was created, and somebody may use it; the server keeps one secret for an agent, so a new one would end it and every token of the agent at once. "+
			"To have that, set on_existing = %q; to manage the present one, import it by %s", time.UnixMilli(a.PasswordTime()).UTC().Format(time.RFC3339), onExistingReplace, n.agentID)
	}
	return s.set(ctx, n)
}

// set sets the password. When it is not known whether that was done, n.made has
// no id.
func (s single) set(ctx context.Context, n *newSecret) error {
	var a api.Agent
	var err error
	if n.given {
		a, err = s.client().SetPassword(ctx, n.agentID, n.request.SecretValue)
	} else {
		a, n.request.SecretValue, err = s.setOwn(ctx, n.agentID, n.request.SecretValue)
	}
	if err != nil {
		return err
	}
	n.made = passwordOf(a)
	if n.made.CreatedAt == 0 { // a server that does not tell
		now, err := s.client().Now(ctx)
		if err == nil {
			n.made.CreatedAt = now.UnixMilli()
			n.made.SecretID = strconv.FormatInt(n.made.CreatedAt, 10)
		}
	}
	return nil
}

// isRefused reports whether the server refused what it was sent.
func isRefused(err error) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Status == http.StatusBadRequest
}

// look takes on what the server says: whether the secret is still the one that
// the state knows.
func (s single) look(ctx context.Context, srv client.Server, a api.Agent, m *secretModel, f *facts) error {
	now, err := s.client().Now(ctx)
	if err != nil {
		return err
	}
	present := passwordOf(a)
	known := present.CreatedAt != 0
	if m.SecretID.IsNull() && m.Version.IsNull() || !known || m.SecretID.ValueString() == present.SecretID {
		if m.Version.IsNull() {
			m.Version = types.Int64Value(present.CreatedAt)
			m.describe(present)
		}
		m.Drift = types.BoolValue(m.SecretID.IsNull())
	} else {
		m.Drift = types.BoolValue(true)
	}
	if f.Ending.covers(present.CreatedAt) { // what a destroy set, whose answer was lost: Delete ends it as it would ours
		m.SecretID, m.Secret, m.SealedSecret, m.Drift = types.StringValue(present.SecretID), types.StringNull(), types.StringNull(), types.BoolValue(true)
	}
	m.Previous = noPrevious()
	m.RotationDue = types.BoolValue(m.due(now))
	f.Store, f.Blocked, f.MakesRoom, f.Latest = srv.StoreID, a.Blocked(), "", ""
	if m.Drift.ValueBool() {
		f.Latest = present.SecretID
	}
	// Whoever set another secret wanted the one that was given to open nothing.
	f.Withdrawn = m.given() && m.Drift.ValueBool()
	return nil
}

// rotate sets another secret, unless somebody did so since the last read.
func (s single) rotate(ctx context.Context, m, state *secretModel, f facts, given secret.Text) error {
	n, err := s.newSecret(ctx, s, m, given)
	if err != nil {
		return err
	}
	a, err := s.client().ReadAgent(ctx, n.agentID)
	if err != nil {
		return err
	}
	known := state.SecretID.ValueString()
	if f.Latest != "" {
		known = f.Latest
	}
	if a.IsAgent() && a.PasswordTime() != 0 && known != passwordOf(a).SecretID {
		return &api.Error{Status: 412, Message: "the secret was set at " + time.UnixMilli(a.PasswordTime()).UTC().Format(time.RFC3339) + ", after it was last read here"}
	}
	if err := s.set(ctx, &n); err != nil {
		return err
	}
	m.setSecret(n, state.Version.ValueInt64())
	m.Previous = noPrevious()
	return nil
}

// move has nothing to move: there are neither ends nor graces.
func (single) move(context.Context, *secretModel, *secretModel, facts) error { return nil }

// end sets a secret that nobody knows, unless the present one is another's.
func (s single) end(ctx context.Context, m *secretModel, f facts) error {
	agentID := m.AgentID.ValueString()
	a, err := s.client().ReadAgent(ctx, agentID)
	if err != nil {
		return err
	}
	if a.PasswordTime() != 0 && !m.SecretID.IsNull() && m.SecretID.ValueString() != passwordOf(a).SecretID {
		if f.Ending.covers(a.PasswordTime()) { // it was this, whose answer was lost
			s.client().Disclaim(a)
		}
		return nil
	}
	if m.isUnsure() && a.IsAgent() && m.OnExisting.ValueString() != onExistingReplace {
		// Create set it or did not, and kept no value; before that it was the
		// one that the agent was born with. A Create that follows replaces it:
		// to do so here as well would be twice.
		s.client().Disclaim(a)
		return nil
	}
	_, _, err = s.setOwn(ctx, agentID, s.generate())
	return err
}

// leftByUs tells, by the ids of their agents, when the secrets were set that
// nobody knows because this run set them, as the Delete of a replacement does. Those that agents
// were created with need no remembering.
func (b *base) leftByUs(ctx context.Context, agentIDs ...string) map[string]int64 {
	left := map[string]int64{}
	for _, id := range agentIDs {
		if a, err := b.client().ReadAgent(ctx, id); err == nil && !bornWith(a) && b.client().PasswordSetHere(a) {
			left[id] = a.PasswordTime()
		}
	}
	return left
}

// ending is when the server did what a destroy asked for, if it did: for the
// next one, when it is not known.
func (b *base) ending(ctx context.Context, began time.Time) *span {
	now, err := b.client().Now(ctx)
	if err != nil || began.IsZero() {
		return nil
	}
	// A Date has no fractions, and the server may still be at it.
	return &span{began.Add(-2 * time.Second).UnixMilli(), now.Add(30 * time.Second).UnixMilli()}
}

func (single) choose(a api.Agent, secretID string) (api.Secret, string) {
	if secretID != "" {
		return api.Secret{}, "the server keeps one secret for an agent, which has no id: import it by " + a.ID + " alone."
	}
	return passwordOf(a), ""
}

// unsure saves what is known of a secret whose fate is not: nothing. An error
// that follows taints it, so that the next apply sets another.
func (m *secretModel) unsure() {
	m.SecretID, m.Secret, m.SealedSecret, m.Hint, m.SecretWO = types.StringNull(), types.StringNull(), types.StringNull(), types.StringNull(), types.StringNull()
	m.Version, m.RotatedAt, m.ExpiresAt, m.Previous = types.Int64Value(0), seconds(0), seconds(0), noPrevious()
	m.RotationDue, m.Drift = types.BoolValue(false), types.BoolValue(true)
}

// isUnsure reports whether the state has a secret of which nothing is known.
func (m *secretModel) isUnsure() bool { return m.SecretID.IsNull() && m.Version.ValueInt64() == 0 }

func isAmbiguous(err error) bool { return errors.Is(err, client.ErrAmbiguous) }
