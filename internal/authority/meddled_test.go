package authority_test

import (
	"context"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// meddled is a store to which something happens just before an update: when that
// is, is not in our hands otherwise.
type meddled struct {
	store.Store
	before func()
}

func (m *meddled) Update(ctx context.Context, fn func(store.Tx) ([]audit.Event, error)) error {
	if before := m.before; before != nil {
		m.before = nil
		before()
	}
	return m.Store.Update(ctx, fn)
}

// Once it is answered that an agent may not use a method, nobody gets a token by
// it, who began before that either.
func TestLogin_methodTakenAway(t *testing.T) {
	o := newOffice(t, "")
	bot := o.keyed(t)
	login := func() authority.Login {
		return asserting(bot, es256(`{"alg":"ES256","kid":"k1"}`, o.claims(bot.ID, nil), "ES256"))
	}
	o.in(t, login()) // there is a signing key
	s := &meddled{Store: o.store}
	a, err := authority.New(authority.Config{Store: s, Now: o.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	i := (&world{Authority: a}).issuer(t, authority.IssuerConfig{})
	s.before = func() { o.change(t, bot.ID, authority.AgentChange{DisplayName: new("another name")}) }
	if _, err := i.Login(t.Context(), login()); err != nil || s.before != nil {
		t.Errorf("another change at this moment: %v", err)
	}
	s.before = func() {
		o.change(t, bot.ID, authority.AgentChange{AuthMethods: &[]string{"client_secret_basic"}})
	}
	_, err = i.Login(t.Context(), login())
	wantRefusal(t, err, authority.BadLogin)
	if all := o.trail(t); all[len(all)-1].Outcome != audit.Refused {
		t.Errorf("the last entry is %+v", all[len(all)-1])
	}
}

// Nor is anybody accepted, without a token, by a key that was revoked before.
func TestAuthenticate_revokedMeanwhile(t *testing.T) {
	o := newOffice(t, "")
	bot := o.keyed(t)
	s := &meddled{Store: o.store, before: func() {
		if err := o.RevokePublicKey(t.Context(), admin, bot.ID, "k1", nil); err != nil {
			t.Error(err)
		}
	}}
	a, err := authority.New(authority.Config{Store: s, Now: o.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	login := asserting(bot, es256(`{"alg":"ES256","kid":"k1"}`, o.claims(bot.ID, nil), "ES256"))
	_, err = (&world{Authority: a}).issuer(t, authority.IssuerConfig{}).Authenticate(t.Context(), login)
	wantRefusal(t, err, authority.BadLogin)
	if all := o.trail(t); all[len(all)-1].Outcome != audit.Refused {
		t.Errorf("the last entry is %+v", all[len(all)-1])
	}
}
