package authority_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// What ends the tokens of an agent, and what does not. After each act the
// token of a bystander is as good as before.
func TestRevocation(t *testing.T) {
	ctx := func(t *testing.T) func(err error) {
		return func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name string
		act  func(t *testing.T, o *office, bot authority.Login, credential string)
		ends bool
		back func(t *testing.T, o *office, id string) // undoes it; tokens stay dead
	}{
		{"active false", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.change(t, bot.ID, authority.AgentChange{Active: new(false)})
		}, true, func(t *testing.T, o *office, id string) { o.change(t, id, authority.AgentChange{Active: new(true)}) }},
		{"accountLocked", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.change(t, bot.ID, authority.AgentChange{Locked: new(true)})
		}, true, func(t *testing.T, o *office, id string) { o.change(t, id, authority.AgentChange{Locked: new(false)}) }},
		{"password", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.change(t, bot.ID, authority.AgentChange{Password: chosen()})
		}, true, nil},
		{"revoke the agent", func(t *testing.T, o *office, bot authority.Login, _ string) {
			_, err := o.RevokeAgent(t.Context(), admin, bot.ID)
			ctx(t)(err)
		}, true, func(t *testing.T, o *office, id string) { o.change(t, id, authority.AgentChange{Reinstate: true}) }},
		{"delete", func(t *testing.T, o *office, bot authority.Login, _ string) {
			ctx(t)(o.DeleteAgent(t.Context(), admin, bot.ID, ""))
		}, true, nil},
		{"revoke the secret", func(t *testing.T, o *office, bot authority.Login, credential string) {
			ctx(t)(o.RevokeSecret(t.Context(), admin, bot.ID, credential, nil))
		}, true, nil},
		{"rotate and revoke", func(t *testing.T, o *office, bot authority.Login, credential string) {
			o.add(t, authority.NewSecret{AgentID: bot.ID, Revoke: []string{credential}})
		}, true, nil},
		{"rotate with grace", func(t *testing.T, o *office, bot authority.Login, credential string) {
			o.add(t, authority.NewSecret{AgentID: bot.ID, Previous: &authority.Retire{ID: credential, Expires: o.clock.in(time.Minute)}})
		}, false, nil},
		{"the end of a grace", func(t *testing.T, o *office, bot authority.Login, credential string) {
			o.add(t, authority.NewSecret{AgentID: bot.ID, Previous: &authority.Retire{ID: credential, Expires: o.clock.in(time.Minute)}})
			o.clock.Add(2 * time.Minute)
		}, false, nil},
		{"rotate and revoke after the grace", func(t *testing.T, o *office, bot authority.Login, credential string) {
			o.add(t, authority.NewSecret{AgentID: bot.ID, Previous: &authority.Retire{ID: credential, Expires: o.clock.in(time.Minute)}})
			o.clock.Add(2 * time.Minute)
			o.add(t, authority.NewSecret{AgentID: bot.ID, Revoke: []string{credential}})
		}, true, nil},
		{"revoke another secret", func(t *testing.T, o *office, bot authority.Login, _ string) {
			s := o.add(t, authority.NewSecret{AgentID: bot.ID})
			ctx(t)(o.RevokeSecret(t.Context(), admin, bot.ID, s.ID, nil))
		}, false, nil},
		{"rename", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.change(t, bot.ID, authority.AgentChange{DisplayName: new("other")})
		}, false, nil},
		{"give a role", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.role(t, "r", []string{"b"}, bot.ID)
		}, false, nil},
		{"a scope more for a role", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.changeRole(t, o.role(t, "r", nil, bot.ID), authority.RoleChange{MoreScopes: []string{"b"}, Name: new("s")})
		}, false, nil},
		{"others leave its role", func(t *testing.T, o *office, bot authority.Login, _ string) {
			other := o.agent(t)
			o.changeRole(t, o.role(t, "r", nil, bot.ID, other), authority.RoleChange{Remove: []string{other}})
		}, false, nil},
		{"take a role away", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.changeRole(t, o.role(t, "r", nil, bot.ID), authority.RoleChange{Remove: []string{bot.ID}})
		}, true, nil},
		{"put others in its place in a role", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.changeRole(t, o.role(t, "r", nil, bot.ID), authority.RoleChange{Members: &[]string{o.agent(t)}})
		}, true, nil},
		{"take a scope from its role", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.changeRole(t, o.role(t, "r", []string{"b"}, bot.ID), authority.RoleChange{LessScopes: []string{"b"}})
		}, true, nil},
		{"delete its role", func(t *testing.T, o *office, bot authority.Login, _ string) {
			ctx(t)(o.DeleteRole(t.Context(), admin, o.role(t, "r", nil, bot.ID)))
		}, true, nil},
		{"take scopes away", func(t *testing.T, o *office, bot authority.Login, _ string) {
			o.change(t, bot.ID, authority.AgentChange{Scopes: &[]string{}})
		}, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t, "")
			bot, bystander := o.bot(t, authority.AgentChange{Scopes: &[]string{"a"}}), o.bot(t, authority.AgentChange{})
			token, other := o.in(t, bot), o.in(t, bystander)
			tt.act(t, o, bot, o.get(t, bot.ID).Secrets[0].ID)
			o.wantActive(t, "token", token, !tt.ends)
			o.wantActive(t, "token of another agent", other, true)
			if tt.back != nil {
				tt.back(t, o, bot.ID)
				o.wantActive(t, "token after it was undone", token, false)
			}
		})
	}
}

// One secret's revocation ends its own tokens, and those of the other go on.
func TestRevocation_oneSecret(t *testing.T) {
	o := newOffice(t, "")
	a := o.bot(t, authority.AgentChange{})
	first := o.get(t, a.ID).Secrets[0].ID
	_, value, err := o.AddSecret(t.Context(), admin, authority.NewSecret{AgentID: a.ID})
	if err != nil {
		t.Fatal(err)
	}
	b := a
	b.Secret = value
	ta, tb := o.in(t, a), o.in(t, b)
	if err := o.RevokeSecret(t.Context(), admin, a.ID, first, nil); err != nil {
		t.Fatal(err)
	}
	o.wantActive(t, "token of the revoked secret", ta, false)
	o.wantActive(t, "token of the other", tb, true)
}

// RevokeToken ends one token of the caller's own, for every process.
func TestRevokeToken(t *testing.T) {
	o := newOffice(t, "")
	bot, tf := o.bot(t, authority.AgentChange{}), o.terraform(t)
	one, two, three := o.in(t, bot), o.in(t, bot), o.in(t, tf)
	before, mine := len(o.trail(t)), authority.Caller{ID: bot.ID, Agent: true}
	wantRefusal(t, o.RevokeToken(t.Context(), authority.Caller{ID: tf.ID}, one.Value), authority.Foreign)
	o.wantActive(t, "after another's attempt", one, true)
	for range 2 {
		if err := o.RevokeToken(t.Context(), mine, one.Value); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.RevokeToken(t.Context(), mine, secret.New("none of ours")); err != nil {
		t.Errorf("a token that is none: %v", err)
	}
	o.wantActive(t, "revoked token", one, false)
	o.wantActive(t, "another token of the agent", two, true)
	o.wantActive(t, "a client's", three, true)
	entries := o.trail(t)[before:]
	if len(entries) != 2 || entries[0].Outcome != audit.Refused || entries[0].Actor != authority.ClientPrincipal(tf.ID) || entries[0].AgentID != bot.ID || entries[1].Action != audit.TokenRevoke || entries[1].Detail["jti"] != one.ID {
		t.Errorf("the entries are %+v", entries)
	}
	second := &office{o.world, o.issuer(t, authority.IssuerConfig{})}
	second.wantActive(t, "revoked token at another process", one, false)
	second.wantActive(t, "live token at another process", two, true)
}

// Management clients: a rotation with grace leaves the old secret, one without
// ends it and every token, as does deletion.
func TestClients(t *testing.T) {
	o := newOffice(t, "")
	tf := o.terraform(t, "internal_agent_mgt_view")
	first := o.in(t, tf)
	_, value, err := o.RotateClient(t.Context(), admin, tf.ID, authority.ClientRotation{Secret: true, Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	second := tf
	second.Secret = value
	o.in(t, tf)
	o.in(t, second)
	o.wantActive(t, "token of before, within the grace", first, true)
	o.clock.Add(time.Hour)
	if _, err := o.Login(t.Context(), tf); err == nil {
		t.Error("the old secret works after its grace")
	}
	live := o.in(t, second)
	_, value, err = o.RotateClient(t.Context(), admin, tf.ID, authority.ClientRotation{Secret: true})
	if err != nil {
		t.Fatal(err)
	}
	third := tf
	third.Secret = value
	if _, err := o.Login(t.Context(), second); err == nil {
		t.Error("the old secret works after a rotation without grace")
	}
	o.wantActive(t, "token of before, without grace", live, false)
	last := o.in(t, third)
	clients, err := o.Clients(t.Context())
	if err != nil || len(clients) != 1 || clients[0].Name != "terraform" || len(clients[0].Secrets) != 1 {
		t.Errorf("Clients = %+v, %v", clients, err)
	}
	if err := o.DeleteClient(t.Context(), admin, tf.ID); err != nil {
		t.Fatal(err)
	}
	o.wantActive(t, "token of a deleted client", last, false)
	if _, err := o.Login(t.Context(), third); err == nil {
		t.Error("a deleted client logs in")
	}
	wantKind(t, o.DeleteClient(t.Context(), admin, tf.ID), authority.NoClient)
	_, _, err = o.RotateClient(t.Context(), admin, tf.ID, authority.ClientRotation{Secret: true})
	wantKind(t, err, authority.NoClient)
	o.terraform(t) // the name is free again
	for _, bad := range []struct{ name, scope string }{{"terraform", ""}, {"", ""}, {"a\nb", ""}, {"x", "a b"}, {"x", "\""}, {"x", "\x00"}} {
		var scopes []string
		if bad.scope != "" {
			scopes = []string{bad.scope}
		}
		if _, _, err := o.CreateClient(t.Context(), admin, authority.NewClient{Name: bad.name, Scopes: scopes}); err == nil {
			t.Errorf("CreateClient(%q, %q) works", bad.name, scopes)
		}
	}
	o.wantNoSecret(t, tf.Secret, second.Secret, third.Secret)
}
