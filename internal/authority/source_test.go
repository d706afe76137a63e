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
	try("a", "ES256", "it is down, and they are not asked for again", 0)
	o.clock.Add(time.Minute)
	p.err = nil
	for text, says := range map[string]string{
		``: "not JSON", `[]`: "JSON object", `{"keys":{}}`: "no JWK Set", `{}`: "no JWK Set", `{"keys":[{"kty":"oct","k":"AA"}]}`: "no key in it",
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

// During a move from one place to another both are asked.
func TestSource_rotation(t *testing.T) {
	o := newOffice(t, "")
	old, next := &published{}, &published{}
	old.set(t, "a", "ES256")
	next.set(t, "b", "other")
	i := o.issuer(t, authority.IssuerConfig{Fetch: func(ctx context.Context, where string) ([]byte, error) {
		if strings.HasSuffix(where, "old") {
			return old.fetch(ctx, where)
		}
		return next.fetch(ctx, where)
	}})
	bot := o.bot(t, authority.AgentChange{})
	bot.Secret, bot.Method = secret.Text{}, "private_key_jwt"
	for _, where := range []string{"old", "new"} {
		_, err := o.AddPublicKey(t.Context(), admin, authority.NewPublicKey{
			Rotation: authority.Rotation{AgentID: bot.ID}, ID: where, Source: "https://agent.example/" + where,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for kid, pair := range map[string]string{"a": "ES256", "b": "other"} {
		if _, err := i.Login(t.Context(), asserting(bot, byLibrary(t, "ES256", kid, o.claims(bot.ID, nil), pairs()[pair]))); err != nil {
			t.Errorf("%s: %v", kid, err)
		}
	}
	if _, err := o.Login(t.Context(), asserting(bot, byLibrary(t, "ES256", "a", o.claims(bot.ID, nil), pairs()["ES256"]))); err == nil || !strings.Contains(err.Error(), "fetches no jwks_uri") {
		t.Errorf("without a fetch: %v", err)
	}
}
