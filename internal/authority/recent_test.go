package authority_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// What is remembered of an agent that logged in never outlives a change that
// another process made: the next token is by what is true then.
func TestRecent(t *testing.T) {
	o := newOffice(t, "")
	other := o.beside(t)
	first := authority.AgentChange{Scopes: &[]string{"read", "write"}, Audiences: &[]string{"https://one.example"}}
	for _, tt := range []struct {
		name   string
		change func(id string) error // by the other process
		ask    func(l *authority.Login)
		refuse authority.Kind // "" when there is a token
		check  func(t *testing.T, c authority.Claims)
	}{
		{"fewer scopes", func(id string) error {
			_, err := other.ChangeAgent(t.Context(), admin, id, authority.AgentChange{Scopes: &[]string{"read"}})
			return err
		}, func(l *authority.Login) { l.Scopes = []string{"read", "write"} }, 0, func(t *testing.T, c authority.Claims) {
			if c.Scope != "read" {
				t.Errorf("the token has the scopes %q", c.Scope)
			}
		}},
		{"another audience", func(id string) error {
			_, err := other.ChangeAgent(t.Context(), admin, id, authority.AgentChange{Audiences: &[]string{"https://two.example"}})
			return err
		}, func(l *authority.Login) { l.Audiences = []string{"https://one.example"} }, authority.BadTarget, nil},
		{"another audience, asked for", func(id string) error {
			_, err := other.ChangeAgent(t.Context(), admin, id, authority.AgentChange{Audiences: &[]string{"https://two.example"}})
			return err
		}, func(l *authority.Login) { l.Audiences = []string{"https://two.example"} }, 0, func(t *testing.T, c authority.Claims) {
			if c.Audience[0] != "https://two.example" {
				t.Errorf("the token is for %v", c.Audience)
			}
		}},
		{"another way to sign in", func(id string) error {
			_, err := other.ChangeAgent(t.Context(), admin, id, authority.AgentChange{AuthMethods: &[]string{"private_key_jwt"}})
			return err
		}, nil, authority.BadLogin, nil},
		{"blocked", func(id string) error {
			_, err := other.ChangeAgent(t.Context(), admin, id, authority.AgentChange{Active: new(false)})
			return err
		}, nil, authority.BadLogin, nil},
		{"secret revoked", func(id string) error {
			return other.RevokeSecret(t.Context(), admin, id, other.get(t, id).Secrets[0].ID, nil)
		}, nil, authority.BadLogin, nil},
		{"deleted", func(id string) error { return other.DeleteAgent(t.Context(), admin, id, "") }, nil, authority.BadLogin, nil},
		{"secret expired", func(id string) error {
			_, _, err := other.AddSecret(t.Context(), admin, authority.NewSecret{
				AgentID: id, Previous: &authority.Retire{ID: other.get(t, id).Secrets[0].ID, Expires: o.clock.in(time.Minute)},
			})
			o.clock.Add(2 * time.Minute)
			return err
		}, nil, authority.BadLogin, nil},
		{"nothing changed", func(string) error { return nil }, nil, 0, func(*testing.T, authority.Claims) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := o.bot(t, first)
			o.in(t, l)
			o.in(t, l)
			if err := tt.change(l.ID); err != nil {
				t.Fatal(err)
			}
			if tt.ask != nil {
				tt.ask(&l)
			}
			token, err := o.Login(t.Context(), l)
			if tt.check == nil {
				wantRefusal(t, err, tt.refuse)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := o.Inspect(t.Context(), token.Value)
			if err != nil {
				t.Fatal(err)
			}
			tt.check(t, c)
		})
	}
}

// A key that another process withdrew signs nothing more.
func TestRecent_signingKey(t *testing.T) {
	o := newOffice(t, "")
	other := o.beside(t)
	bot := o.bot(t, authority.AgentChange{})
	o.in(t, bot)
	if err := other.RevokeSigningKey(t.Context(), admin, o.kids(t)[0]); err != nil {
		t.Fatal(err)
	}
	o.wantActive(t, "a token after the key was withdrawn", o.in(t, bot), true)
	o.wantActive(t, "the one after", o.in(t, bot), true)
}

// Nor is a key that is remembered good for longer than its record, whichever
// process changed that, and whenever it does.
func TestRecent_key(t *testing.T) {
	o := newOffice(t, "")
	other := o.beside(t)
	retire := func(id string) error {
		_, err := other.ExpirePublicKey(t.Context(), admin, id, "k1", o.clock.in(time.Minute))
		return err
	}
	for _, tt := range []struct {
		name   string
		change func(id string) error
		by     string // the pair that signs then
		refuse authority.Kind
	}{
		{"nothing changed", func(string) error { return nil }, "ES256", 0},
		{"revoked by another process", func(id string) error { return other.RevokePublicKey(t.Context(), admin, id, "k1", nil) }, "ES256", authority.BadLogin},
		{"revoked here", func(id string) error { return o.RevokePublicKey(t.Context(), admin, id, "k1", nil) }, "ES256", authority.BadLogin},
		{"blocked", func(id string) error {
			_, err := other.ChangeAgent(t.Context(), admin, id, authority.AgentChange{Active: new(false)})
			return err
		}, "ES256", authority.BadLogin},
		{"deleted", func(id string) error { return other.DeleteAgent(t.Context(), admin, id, "") }, "ES256", authority.BadLogin},
		{"expires in a minute", retire, "ES256", 0},
		{"expired", func(id string) error {
			if err := retire(id); err != nil {
				return err
			}
			if _, err := o.Login(t.Context(), o.signed(authority.Login{ID: id}, "ES256")); err != nil {
				return err
			}
			o.clock.Add(2 * time.Minute) // of which no store knows
			return nil
		}, "ES256", authority.BadLogin},
		{"a second one", func(id string) error {
			other.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: id}, ID: "k2"}, "other")
			return nil
		}, "other", 0},
		{"another's", func(string) error { return nil }, "other", authority.BadLogin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := o.keyed(t)
			o.in(t, o.signed(l, "ES256"))
			o.in(t, o.signed(l, "ES256"))
			if err := tt.change(l.ID); err != nil {
				t.Fatal(err)
			}
			l = o.signed(l, tt.by)
			if _, err := o.Login(t.Context(), l); tt.refuse != 0 {
				wantRefusal(t, err, tt.refuse)
				return
			} else if err != nil {
				t.Fatal(err)
			}
			_, err := o.Login(t.Context(), l)
			wantRefusal(t, err, authority.BadLogin) // an assertion is good once
		})
	}
}
