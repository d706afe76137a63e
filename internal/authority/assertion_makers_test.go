package authority_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// byLibrary signs claims with go-jose.
func byLibrary(t testing.TB, alg, kid, claims string, key crypto.Signer) string {
	t.Helper()
	opts := (&jose.SignerOptions{}).WithHeader("kid", kid).WithType("client-authentication+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// byOther signs claims with golang-jwt.
func byOther(t testing.TB, alg, kid, claims string, key crypto.Signer) string {
	t.Helper()
	var c jwt.MapClaims
	if err := json.Unmarshal([]byte(claims), &c); err != nil {
		t.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(alg), c)
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// byThird signs claims with jwx.
func byThird(t testing.TB, alg, kid, claims string, key crypto.Signer) string {
	t.Helper()
	a, ok := jwa.LookupSignatureAlgorithm(alg)
	h := jws.NewHeaders()
	if err := errors.Join(h.Set("kid", kid), h.Set("typ", "JWT")); err != nil || !ok {
		t.Fatalf("%s: %v", alg, err)
	}
	text, err := jws.Sign([]byte(claims), jws.WithKey(a, key, jws.WithProtectedHeaders(h)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Three libraries that know nothing of each other make assertions of every
// algorithm, and each is bound to its own.
func TestAssertion_makers(t *testing.T) {
	o := newOffice(t, "")
	for alg, pair := range map[string]string{
		"ES256": "ES256", "ES384": "ES384", "ES512": "ES512", "EdDSA": "EdDSA",
		"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
	} {
		t.Run(alg, func(t *testing.T) {
			bot := o.bot(t, authority.AgentChange{})
			bot.Secret, bot.Method = secret.Text{}, "private_key_jwt"
			k := o.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: bot.ID}, Alg: alg}, pair)
			if k.ID != k.Thumbprint || k.Alg != alg {
				t.Errorf("the kid is %s, the thumbprint %s, the algorithm %s", k.ID, k.Thumbprint, k.Alg)
			}
			for name, make := range map[string]func(testing.TB, string, string, string, crypto.Signer) string{"go-jose": byLibrary, "golang-jwt": byOther, "jwx": byThird} {
				token, err := o.Login(t.Context(), asserting(bot, make(t, alg, k.ID, o.claims(bot.ID, nil), pairs()[pair])))
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				o.wantActive(t, name, token, true)
			}
			for _, other := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
				if pair != "RSA" || other == alg {
					continue
				}
				_, err := o.Login(t.Context(), asserting(bot, byOther(t, other, k.ID, o.claims(bot.ID, nil), pairs()[pair])))
				wantRefusal(t, err, authority.BadLogin)
			}
		})
	}
}

// A key lives as a secret does: its grace, its end, its revocation, the agent's
// block and what it may use; and so do the tokens that were made with it.
func TestAssertion_lives(t *testing.T) {
	o := newOffice(t, "")
	bot := o.keyed(t)
	id := bot.ID
	with := func(kid, pair string) authority.Login {
		return asserting(bot, byLibrary(t, "ES256", kid, o.claims(id, nil), pairs()[pair]))
	}
	old := o.in(t, with("k1", "ES256"))
	o.key(t, authority.NewPublicKey{Rotation: authority.Rotation{
		AgentID: id, Previous: &authority.Retire{ID: "k1", Expires: o.clock.in(4 * time.Minute)},
	}, ID: "k2"}, "other")
	fresh := o.in(t, with("k2", "other"))
	o.in(t, with("k1", "ES256")) // the grace
	o.clock.Add(4 * time.Minute)
	refused := func(what string, l authority.Login, reason string) {
		t.Helper()
		_, err := o.Login(t.Context(), l)
		wantRefusal(t, err, authority.BadLogin)
		if !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, want %s", what, err, reason)
		}
	}
	refused("after the grace", with("k1", "ES256"), `"k1" is EXPIRED`)
	o.wantActive(t, "after the grace", old, true) // the end of a grace ends no token
	if err := o.RevokePublicKey(t.Context(), admin, id, "k2", nil); err != nil {
		t.Fatal(err)
	}
	o.wantActive(t, "after the revocation of its key", fresh, false)
	o.wantActive(t, "after the revocation of another key", old, true)
	refused("revoked", with("k2", "other"), `"k2" is REVOKED`)

	o.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: id}, ID: "k3", Alg: "PS256"}, "RSA")
	third := func() authority.Login {
		return asserting(bot, byOther(t, "PS256", "k3", o.claims(id, nil), pairs()["RSA"]))
	}
	o.change(t, id, authority.AgentChange{AuthMethods: &[]string{"client_secret_basic"}})
	refused("the method is not allowed", third(), "may not use private_key_jwt")
	o.change(t, id, authority.AgentChange{AuthMethods: &[]string{"private_key_jwt"}})
	last := o.in(t, third())
	o.change(t, id, authority.AgentChange{Active: new(false)})
	refused("blocked", third(), "blocked")
	o.wantActive(t, "blocked", last, false)
	o.change(t, id, authority.AgentChange{Active: new(true)})
	if _, err := o.RevokeAgent(t.Context(), admin, id); err != nil {
		t.Fatal(err)
	}
	if k := o.keyOf(t, id, "k3"); k.Status != authority.StatusRevoked {
		t.Errorf("the panic button left the key %s", k.Status)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if k := o.keyOf(t, id, "k3"); k.LastUsed.IsZero() || k.FirstUsed.After(k.LastUsed) {
		t.Errorf("it was used first %v, last %v", k.FirstUsed, k.LastUsed)
	}
}

// FuzzAssertion: what one reader takes for an assertion of somebody, another
// one does too.
func FuzzAssertion(f *testing.F) {
	w := &world{clock: &clock{now: time.Unix(1_772_366_400, 0)}}
	f.Add(es256(`{"alg":"ES256","kid":"k1"}`, w.claims("agent", nil), "other"))
	f.Add(byOther(f, "EdDSA", "k1", w.claims("agent", map[string]any{"aud": []string{"a"}}), pairs()["EdDSA"]))
	f.Add(es256(`{"alg":"ES256"}`, `{"sub":"a","sub":"b"}`, "other"))
	f.Add(".eyJ0Y00iOiJ0XyIsInN1YiI6Im00In0.0") // no header
	f.Fuzz(func(t *testing.T, text string) {
		id := authority.AssertionSubject(secret.New(text))
		if id == "" {
			return
		}
		var c struct {
			jwt.RegisteredClaims
		}
		// Whose it is is told of what is wrong in other ways too, which another
		// reader refuses.
		if _, _, err := jwt.NewParser().ParseUnverified(text, &c); err == nil && c.Subject != id {
			t.Errorf("%q is of %q, and to another of %q", text, id, c.Subject)
		}
		var claims map[string]any
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
		if err := errors.Join(err, json.Unmarshal(payload, &claims)); err != nil || claims["sub"] != id {
			t.Errorf("%q is of %q, and its claims say %v, %v", text, id, claims["sub"], err)
		}
	})
}
