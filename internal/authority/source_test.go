package authority_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// published is a key set at a jwks_uri, and how often it was fetched.
type published struct {
	text  string
	err   error
	count int
}

func (p *published) fetch(ctx context.Context, _ string) ([]byte, error) {
	p.count++
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return []byte(p.text), p.err
}

// set publishes the public halves of pairs under kids.
func (p *published) set(t *testing.T, kidsAndPairs ...string) {
	t.Helper()
	var all []string
	for i := 0; i < len(kidsAndPairs); i += 2 {
		k, err := keys.New(pairs()[kidsAndPairs[i+1]].Public())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimSuffix(string(k.JWK()), "}")+`,"kid":"`+kidsAndPairs[i]+`"}`)
	}
	p.text = `{"keys":[{"kty":"oct","k":"AA"},` + strings.Join(all, ",") + `]}`
}

// A jwks_uri is asked when an unknown kid comes, once a minute at most; what it
// said is good for five minutes and not a moment longer.
func TestSource(t *testing.T) {
	o := newOffice(t, "")
	p := &published{}
	i := o.issuer(t, authority.IssuerConfig{Fetch: p.fetch})
	bot := o.bot(t, authority.AgentChange{})
	bot.Secret, bot.Method = secret.Text{}, "private_key_jwt"
	k, err := o.AddPublicKey(t.Context(), admin, authority.NewPublicKey{
		Rotation: authority.Rotation{AgentID: bot.ID}, ID: "there", Source: "https://agent.example/jwks",
	})
	if err != nil || k.Source != "https://agent.example/jwks" || p.count != 0 {
		t.Fatalf("AddPublicKey = %+v, %v, after %d fetches", k, err, p.count)
	}
	p.set(t, "a", "ES256")
	try := func(kid, pair string, want string, fetches int) authority.Token {
		t.Helper()
		before := p.count
		token, err := i.Login(t.Context(), asserting(bot, byLibrary(t, "ES256", kid, o.claims(bot.ID, nil), pairs()[pair])))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", kid, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", kid, err, want)
		}
		if p.count-before != fetches {
			t.Errorf("%s: %d fetches, want %d", kid, p.count-before, fetches)
		}
		return token
	}
	try("a", "ES256", "", 1)
	try("a", "ES256", "", 0)
	try("a", "other", "signature is not by", 0)
	p.set(t, "a", "ES256", "b", "other")
	try("b", "other", "not asked again before", 0)
	o.clock.Add(time.Minute)
	try("b", "other", "", 1)
	try("x", "other", "not asked again", 0)
	// It is down: what it said holds for a while, and no longer.
	p.err = errors.New("it is down")
	o.clock.Add(4 * time.Minute)
	try("x", "ES256", "it is down", 1)
	try("a", "ES256", "", 0)
	o.clock.Add(time.Minute)
	try("a", "ES256", "it is down", 1)
	try("a", "ES256", "it is down, not asked again before", 0)
	o.clock.Add(time.Minute)
	p.err = nil
	for text, says := range map[string]string{
		``: "not JSON", `[]`: "JSON object", `{"keys":{}}`: "no JWK Set", `{}`: "no JWK Set", `{"keys":[{"kty":"oct","k":"AA"}]}`: "no key in it that can be used: of the first, it is a symmetric key",
		`{"keys":[]}`: "there is no key in it", `{"keys":[` + strings.Repeat(`{},`, 32) + `{}]}`: "33 keys in it, at most 32",
		`{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ","d":"AQ"}]}`:                                                                          "it is a private key",
		`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"y_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`: "the point is not",
		`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`:                                                                                            "too short", `{"keys":[{"kty":"RSA","n":"` + strings.Repeat("_", 341) + `w","e":"AQ"}]}`: "exponent is too small", `{"keys":[],"keys":[]}`: "twice",
	} {
		p.text = text
		try("a", "ES256", says, 1)
		o.clock.Add(time.Minute)
	}
	// A key is withdrawn, and gone when the set is fetched again.
	p.set(t, "b", "other")
	try("a", "ES256", "has no key for", 1)
	try("b", "other", "", 0)
	// Who goes away does not spoil it for others.
	o.clock.Add(time.Hour)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = i.Login(gone, asserting(bot, byLibrary(t, "ES256", "b", o.claims(bot.ID, nil), pairs()["other"])))
	try("b", "other", "", 1)
	// The record is revoked: nobody is asked, and the tokens end.
	token := try("b", "other", "", 0)
	if err := o.RevokePublicKey(t.Context(), admin, bot.ID, "there", nil); err != nil {
		t.Fatal(err)
	}
	o.wantActive(t, "after the record was revoked", token, false)
	try("b", "other", "none of its live keys", 0)
}

// moving is an agent with a key set at a place, and what fetches it; "/old" has
// the key a, "/new" the key b.
func (o *office) moving(t *testing.T) (*authority.Issuer, authority.Login, func(place string), func() int) {
	t.Helper()
	sets := map[string]*published{"https://agent.example/old": {}, "https://agent.example/new": {}}
	sets["https://agent.example/old"].set(t, "a", "ES256")
	sets["https://agent.example/new"].set(t, "b", "other")
	i := o.issuer(t, authority.IssuerConfig{Fetch: func(ctx context.Context, place string) ([]byte, error) { return sets[place].fetch(ctx, place) }})
	bot := o.bot(t, authority.AgentChange{})
	bot.Secret, bot.Method = secret.Text{}, "private_key_jwt"
	add := func(id string) {
		t.Helper()
		_, err := o.AddPublicKey(t.Context(), admin, authority.NewPublicKey{
			Rotation: authority.Rotation{AgentID: bot.ID}, ID: id, Source: "https://agent.example/" + id,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return i, bot, add, func() int {
		return sets["https://agent.example/old"].count + sets["https://agent.example/new"].count
	}
}

// During a move from one place to another both sets are good, whatever the agent
// signs with; of both together one is fetched in a minute.
func TestSource_move(t *testing.T) {
	for _, named := range []bool{true, false} {
		o := newOffice(t, "")
		i, bot, add, count := o.moving(t)
		kid := func(name string) string {
			if named {
				return name
			}
			return ""
		}
		try := func(name, pair string) error {
			_, err := i.Login(t.Context(), asserting(bot, byLibrary(t, "ES256", kid(name), o.claims(bot.ID, nil), pairs()[pair])))
			return err
		}
		add("old")
		if err := try("a", "ES256"); err != nil {
			t.Fatal(err)
		}
		o.clock.Add(time.Minute)
		add("new")
		at := map[int]int{} // how many were fetched, by the 20 seconds
		for step := range 60 {
			before := count()
			for name, pair := range map[string]string{"a": "ES256", "b": "other"} {
				if err := try(name, pair); err != nil {
					t.Errorf("%s after %d s: %v", name, 20*step, err)
				}
			}
			at[step] = count() - before
			if n := at[step] + at[step-1] + at[step-2]; n > 1 {
				t.Errorf("%d were fetched in a minute", n)
			}
			o.clock.Add(20 * time.Second)
		}
		// Both are too old at once: one of them waits for the next minute.
		o.clock.Add(time.Hour)
		before := count()
		errs := errors.Join(try("a", "ES256"), try("b", "other"))
		if count() != before+1 || errs == nil || !strings.Contains(errs.Error(), "not asked again before") && named {
			t.Errorf("%d were fetched, %v", count()-before, errs)
		}
		if _, err := o.Login(t.Context(), asserting(bot, byLibrary(t, "ES256", "a", o.claims(bot.ID, nil), pairs()["ES256"]))); err == nil || !strings.Contains(err.Error(), "fetches no jwks_uri") {
			t.Errorf("without a fetch: %v", err)
		}
	}
}

// Who names no key can mean one that is registered, or one of his set.
func TestSource_besideKey(t *testing.T) {
	o := newOffice(t, "")
	i, bot, add, count := o.moving(t)
	add("old")
	o.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: bot.ID}, ID: "here"}, "RSA")
	for kid, alg := range map[string]string{"": "ES256", "a": "ES256", "here": "RS256"} {
		pair := map[string]string{"ES256": "ES256", "RS256": "RSA"}[alg]
		if _, err := i.Login(t.Context(), asserting(bot, byLibrary(t, alg, kid, o.claims(bot.ID, nil), pairs()[pair]))); err != nil {
			t.Errorf("kid %q, %s: %v", kid, alg, err)
		}
	}
	if count() != 1 {
		t.Errorf("%d fetches, want one", count())
	}
}

// A key that was revoked here is not brought back by the set that has it.
func TestSource_revokedKey(t *testing.T) {
	o := newOffice(t, "")
	i, bot, add, _ := o.moving(t)
	k := o.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: bot.ID}}, "ES256")
	add("old")
	for _, kid := range []string{"a", k.ID, ""} {
		if _, err := i.Login(t.Context(), asserting(bot, byLibrary(t, "ES256", kid, o.claims(bot.ID, nil), pairs()["ES256"]))); err != nil {
			t.Errorf("before, with kid %q: %v", kid, err)
		}
	}
	if err := o.RevokePublicKey(t.Context(), admin, bot.ID, k.ID, nil); err != nil {
		t.Fatal(err)
	}
	for _, kid := range []string{"a", k.ID, ""} {
		_, err := i.Login(t.Context(), asserting(bot, byLibrary(t, "ES256", kid, o.claims(bot.ID, nil), pairs()["ES256"])))
		if err == nil || !strings.Contains(err.Error(), "the key at its jwks_uri was revoked") {
			t.Errorf("after, with kid %q: %v", kid, err)
		}
	}
}
