package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

// certificates is how the server is asked about certificates.
func (r *certificateResource) certificates() credentials {
	c := r.client()
	return credentials{
		read: func(ctx context.Context, agentID, id string) (api.Secret, error) {
			found, err := c.Certificate(ctx, agentID, id)
			return as(certificateAsSecret, found, err)
		},
		expire: func(ctx context.Context, agentID, id string, end int64) (api.Secret, error) {
			found, err := c.ExpireCertificate(ctx, agentID, id, end)
			return as(certificateAsSecret, found, err)
		},
		revoke: c.RevokeCertificate,
	}
}

func certificateAsSecret(c api.Certificate) api.Secret {
	return api.Secret{
		SecretID: c.ID, ExpiresAt: c.ExpiresAt, CreatedAt: c.CreatedAt, Status: c.Status, Latest: c.Latest,
		CreatedBy: c.CreatedBy, FirstUsedAt: c.FirstUsedAt, LastUsedAt: c.LastUsedAt,
	}
}

// first adds a certificate that replaces none of the state. One that an
// interrupted create of this principal left, which nobody has used, is taken
// for it: so a create that is repeated never makes two.
func (r *certificateResource) first(ctx context.Context, srv client.Server, m *certificateModel, o certificateOffer) error {
	agentID := m.AgentID.ValueString()
	listed, err := r.client().Certificates(ctx, agentID)
	if err != nil {
		return err
	}
	now, err := r.client().Now(ctx)
	if err == nil {
		err = o.ended(now)
	}
	if err != nil {
		return err
	}
	left := slices.IndexFunc(listed, func(c api.Certificate) bool {
		return c.Status == api.Active && o.is(c) && c.CreatedBy == srv.Principal && c.FirstUsedAt == 0
	})
	m.Previous = noPreviousCertificate()
	var c api.Certificate
	if left >= 0 {
		// So that one that is replaced by this, under create_before_destroy,
		// does not end it.
		o.request.Claim = true
		c, err = r.client().PutCertificate(ctx, agentID, listed[left].ID, o.request, "")
	} else {
		c, err = r.put(ctx, agentID, o, listed)
	}
	if errors.Is(err, api.ErrBlocked) { // it may get a certificate, but on no condition
		c, err = r.put(ctx, agentID, o, nil)
	}
	if err == nil {
		m.setCertificate(c, 0, now)
	}
	return err
}

// put sends a certificate under an id that is made here, so that the request can
// be repeated until it is answered. listed is what there is, newest first: when
// another has been added since, nothing is done; nil: whatever there is.
func (r *certificateResource) put(ctx context.Context, agentID string, o certificateOffer, listed []api.Certificate) (api.Certificate, error) {
	newest := ""
	if listed != nil {
		newest = client.NoSecretYet
	}
	id := o.id()
	for i, c := range listed {
		if i == 0 {
			newest = c.ID
		}
		if o.form == givenForm && c.Status == api.Active && o.is(c) {
			return c, fmt.Errorf("it has that certificate already, since %s; to manage it here, import it by %s/%s",
				time.UnixMilli(c.CreatedAt).UTC().Format(time.RFC3339), agentID, c.SerialNumber)
		}
	}
	if id == "" {
		id = uuid.NewString()
	}
	c, err := r.client().PutCertificate(ctx, agentID, id, o.request, newest)
	if err == nil && c.Status != api.Active {
		return c, fmt.Errorf("it has, or had, the certificate %s, which is %s; it is not taken twice: give another one", c.ID, c.Status)
	}
	return c, err
}

// settle decides what an update does, by the clock where the plan could not.
func (r *certificateResource) settle(ctx context.Context, m, state *certificateModel, f facts, o certificateOffer) (decision, error) {
	what := m.decide(state, f, o)
	if what == rotateIt {
		return what, nil
	}
	now, err := r.client().Now(ctx)
	m.keepComputed(state)
	m.ReadyForRenewal = state.ReadyForRenewal
	switch {
	case err != nil:
	case what == askTheClock && m.due(now):
		what = rotateIt
	case what == askTheClock:
		m.ReadyForRenewal = types.BoolValue(false)
	case o.form == givenForm && !sameDuration(m.EarlyRenewal, state.EarlyRenewal):
		m.ReadyForRenewal = types.BoolValue(m.due(now))
	}
	return what, err
}

// renew adds the next certificate and lets the old one live on for its grace.
// Where the agent has no room for it, the one before the old one makes room:
// certificates that are not of this state are never touched.
func (r *certificateResource) renew(ctx context.Context, srv client.Server, m, state *certificateModel, o certificateOffer) error {
	agentID, old := state.AgentID.ValueString(), state.CertificateID.ValueString()
	now, err := r.client().Now(ctx)
	if err == nil {
		err = o.ended(now)
	}
	if err != nil {
		return err
	}
	listed, err := r.client().Certificates(ctx, agentID)
	if err != nil {
		return err
	}
	former := api.Certificate{CreatedAt: state.Version.ValueInt64()}
	if i := slices.IndexFunc(listed, func(c api.Certificate) bool { return c.ID == old }); i >= 0 {
		former = listed[i]
	}
	end := now.Add(m.grace()).Unix()
	if former.ExpiresAt != 0 {
		end = min(end, former.ExpiresAt)
	}
	// What an interrupted renewal of this principal left is the next one.
	left := slices.IndexFunc(listed, func(c api.Certificate) bool {
		return c.Status == api.Active && o.is(c) && c.CreatedBy == srv.Principal && c.CreatedAt > former.CreatedAt && c.ID != old
	})
	var c api.Certificate
	if left >= 0 {
		if c = listed[left]; former.Status == api.Active {
			_, err = r.client().ExpireCertificate(ctx, agentID, old, end)
		}
	} else {
		c, err = r.replace(ctx, m, state, o, replacement{former, end, listed, now})
	}
	if err != nil {
		return err
	}
	m.setCertificate(c, state.Version.ValueInt64(), now)
	m.Previous = noPreviousCertificate()
	if former.Live() && end > now.Unix() {
		m.setPrevious(old, state.SerialNumber, end)
	}
	return nil
}

// replacement is what a renewal finds: the certificate before, until when it
// lives, and all that there are.
type replacement struct {
	former api.Certificate
	end    int64
	listed []api.Certificate
	now    time.Time
}

func (r *certificateResource) replace(ctx context.Context, m, state *certificateModel, o certificateOffer, w replacement) (api.Certificate, error) {
	agentID, before := state.AgentID.ValueString(), state.previousID()
	if w.former.Live() {
		o.request.Previous = &api.RetireCertificate{ID: w.former.ID, ExpiresAt: max(1, w.end)}
	}
	// A grace that is shortened in the same breath is shortened for all.
	if m.movesGrace(state) && over(state.added(), m.grace(), w.now) {
		o.request.Revoke = []string{before}
	}
	c, err := r.put(ctx, agentID, o, w.listed)
	if before == "" && w.former.Status == api.Retiring {
		before = w.former.ID // another has superseded it
	}
	if errors.Is(err, api.ErrLimit) && before != "" && len(o.request.Revoke) == 0 {
		o.request.Revoke = []string{before}
		c, err = r.put(ctx, agentID, o, w.listed)
	}
	return c, err
}

// move shifts the end that a changed grace moves. Repeating it does no harm.
func (r *certificateResource) move(ctx context.Context, m, state *certificateModel) error {
	if !m.movesGrace(state) {
		return nil
	}
	o := state.owned()
	o.grace = m.grace()
	now, moved, err := moveEnd(ctx, r.certificates(), o, state.added())
	if moved {
		m.setPrevious(now.SecretID, state.previousText("serial_number"), now.ExpiresAt)
	}
	return err
}

// end revokes the certificate and its predecessor. One that a newer one has
// replaced gets its grace instead; one that another resource has claimed since,
// under create_before_destroy, is that one's.
func (r *certificateResource) end(ctx context.Context, m *certificateModel) error {
	a, err := r.client().ReadAgent(ctx, m.AgentID.ValueString())
	if err != nil {
		return err
	}
	for _, c := range security(a).Certificates {
		if c.ID == m.CertificateID.ValueString() && c.CreatedAt > m.Version.ValueInt64() {
			return nil
		}
	}
	return r.withdraw(ctx, r.certificates(), m.owned())
}

// look takes on what the server says of the certificate and of its predecessor.
// Whatever became of it, the resource stays: its version must not start anew.
func (r *certificateResource) look(ctx context.Context, srv client.Server, a api.Agent, m *certificateModel, f *facts) error {
	id, listed := m.CertificateID.ValueString(), security(a).Certificates
	now, err := r.client().Now(ctx)
	if err != nil {
		return err
	}
	f.Store, f.Blocked, f.Status = srv.StoreID, a.Blocked(), gone
	c := api.Certificate{}
	if i := slices.IndexFunc(listed, func(c api.Certificate) bool { return c.ID == id }); i >= 0 {
		c = listed[i]
	} else if c, err = r.client().Certificate(ctx, a.ID, id); err != nil && !isGone(err) {
		return err
	}
	if err == nil {
		if c.Live() { // else there may be less to tell than is known
			m.describe(c)
		}
		if m.Version.IsNull() {
			m.Version = types.Int64Value(c.CreatedAt)
		}
		if f.Status = c.Status; c.Status == api.Active {
			f.Status = ""
		}
	}
	m.ReadyForRenewal = types.BoolValue(m.due(now))
	secrets := make([]api.Secret, len(listed))
	for i, other := range listed {
		secrets[i] = certificateAsSecret(other)
		switch {
		case other.ID != m.previousID():
		case other.Status == api.Revoked:
			m.Previous = noPreviousCertificate() // whatever end it had, it opens nothing
		default:
			m.setPrevious(other.ID, optional(other.SerialNumber), other.ExpiresAt)
		}
	}
	f.MakesRoom = crowded(secrets, m.previousID(), srv.MaxSecrets)
	f.noteUses(secrets, now, id, m.previousID())
	f.noteLast(a, now, aCertificate, id, m.previousID())
	return nil
}
