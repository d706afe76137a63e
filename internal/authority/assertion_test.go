package authority_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// pairs is a key pair for every kind of key.
var pairs = sync.OnceValue(func() map[string]crypto.Signer {
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	r, err2 := rsa.GenerateKey(rand.Reader, 2048)
	p256, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, err4 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, err5 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	other, err6 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"EdDSA": ed, "RSA": r, "ES256": p256, "ES384": p384, "ES512": p521, "other": other}
})

// publicPEM is the public half of one of them.
func publicPEM(t testing.TB, pair string) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(pairs()[pair].Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// key gives an agent the public half of one of the pairs.
func (w *world) key(t testing.TB, n authority.NewPublicKey, pair string) authority.PublicKey {
	t.Helper()
	n.PEM = publicPEM(t, pair)
	k, err := w.AddPublicKey(t.Context(), admin, n)
	if err != nil {
		t.Fatalf("AddPublicKey: %v", err)
	}
	return k
}

var b64 = base64.RawURLEncoding.EncodeToString

// es256 signs any two texts with a P-256 key, as no library would.
func es256(header, claims, pair string) string {
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, pairsEC(pair), sum[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + b64(signature)
}

// claims are those of a good assertion, changed. A nil value removes one.
func (w *world) claims(agentID string, change map[string]any) string {
	now := w.clock.Now().Unix()
	all := map[string]any{"iss": agentID, "sub": agentID, "aud": issuerURL, "iat": now, "exp": now + 300, "jti": rand.Text()}
	maps.Copy(all, change)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// keyed is an agent with a P-256 key, and the login of who has its other half.
func (o *office) keyed(t testing.TB) authority.Login {
	t.Helper()
	bot := o.bot(t, authority.AgentChange{})
	o.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: bot.ID}, ID: "k1"}, "ES256")
	bot.Secret, bot.Method = secret.Text{}, "private_key_jwt"
	return bot
}

func asserting(l authority.Login, text string) authority.Login {
	l.Assertion = secret.New(text)
	return l
}

// Every way to refuse an assertion: one answer outside, its own reason in the
// audit, and no token. Beside each, what is as far as possible from it and good.
func TestAssertion_refused(t *testing.T) {
	o := newOffice(t, "")
	bot, other := o.keyed(t), o.bot(t, authority.AgentChange{})
	o.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: other.ID}, ID: "theirs"}, "other")
	id := bot.ID
	o.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: id}, ID: "rsa", Alg: "PS256"}, "RSA")
	const header = `{"alg":"ES256","kid":"k1"}`
	now := o.clock.Now().Unix()
	signed := func(change map[string]any) string { return es256(header, o.claims(id, change), "ES256") }
	headed := func(h string) string { return es256(h, o.claims(id, nil), "ES256") }
	claimed := func(c string) string { return es256(header, c, "ES256") }
	good := signed(nil)
	parts := strings.Split(good, ".")
	hs256 := func(key []byte) string {
		text := b64([]byte(`{"alg":"HS256","kid":"k1"}`)) + "." + b64([]byte(o.claims(id, nil)))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		return text + "." + b64(mac.Sum(nil))
	}
	base := strings.TrimSuffix(o.claims(id, nil), "}")
	big := strings.Repeat("a", 257)

	reasons := map[string]string{}
	for _, tt := range []struct{ name, text, reason string }{
		{"aud is missing", signed(map[string]any{"aud": nil}), "no aud"},
		{"aud of another server", signed(map[string]any{"aud": "https://other.example"}), `aud is "https://other.example"`},
		{"aud is the token endpoint", signed(map[string]any{"aud": issuerURL + "/oauth2/token"}), `/oauth2/token" and not the issuer`},
		{"aud with a slash", signed(map[string]any{"aud": issuerURL + "/"}), `example/" and not`},
		{"aud in other case", signed(map[string]any{"aud": strings.ToUpper(issuerURL)}), `HTTPS://AUTH`},
		{"aud is a list of two", signed(map[string]any{"aud": []string{issuerURL, "https://other.example"}}), "names 2 servers"},
		{"aud is a list of none", signed(map[string]any{"aud": []string{}}), "names 0 servers"},
		{"aud is a list of another", signed(map[string]any{"aud": []string{"https://list.example"}}), "list.example"},
		{"aud is a number", signed(map[string]any{"aud": 1}), "neither a string nor a list"},
		{"aud twice", claimed(base + `,"aud":"` + issuerURL + `"}`), "twice"},
		{"aud is a list with null", signed(map[string]any{"aud": []any{nil}}), "neither a string nor a list"},
		{"aud is a list in a list", signed(map[string]any{"aud": []any{[]string{issuerURL}}}), "neither a string nor a list"},
		{"aud is null", claimed(strings.Replace(o.claims(id, nil), `"`+issuerURL+`"`, "null", 1)), "neither a string nor a list"},
		{"aud is empty", signed(map[string]any{"aud": ""}), `aud is ""`},
		{"aud is the issuer twice", signed(map[string]any{"aud": []string{issuerURL, issuerURL}}), "names 2 servers"},
		{"aud is the management API", signed(map[string]any{"aud": issuerURL + "/manage"}), `/manage" and not the issuer`},
		{"iss is missing", signed(map[string]any{"iss": nil}), "no iss"},
		{"iss is another", signed(map[string]any{"iss": other.ID}), "iss is not its sub"},
		{"iss is a number", signed(map[string]any{"iss": 1}), "iss is not a string"},
		{"sub is missing", signed(map[string]any{"sub": nil}), "no sub"},
		{"of another agent, by this one's key", es256(header, o.claims(other.ID, nil), "ES256"), "sub is not the client_id"},
		{"exp is missing", signed(map[string]any{"exp": nil}), "no exp"},
		{"exp is a string", signed(map[string]any{"exp": fmt.Sprint(now + 300)}), "exp is not a time"},
		{"exp is negative", signed(map[string]any{"exp": -1}), "exp is not a time"},
		{"exp is beyond reckoning", claimed(strings.Replace(o.claims(id, nil), fmt.Sprint(now+300), "1e300", 1)), "exp is not a time"},
		{"exp is past", signed(map[string]any{"exp": now - 300, "iat": now - 600}), "expired at"},
		{"exp is past by the skew", signed(map[string]any{"exp": now - 30}), "expired at"},
		{"exp is zero", signed(map[string]any{"exp": 0, "iat": nil}), "expired at 1970"},
		{"exp is null", signed(map[string]any{"exp": json.RawMessage("null")}), "exp is not a time"},
		{"nbf is not yet, by a second", signed(map[string]any{"nbf": now + 31}), "not valid before"},
		{"iat is not yet, by a second", signed(map[string]any{"iat": now + 31}), "which is not yet"},
		{"from iat to exp more than an hour", signed(map[string]any{"iat": now - 1800, "exp": now + 1831}), "for longer than 1h"},
		{"exp in more than an hour", signed(map[string]any{"exp": now + 3631}), "more than 1h"},
		{"exp in two days", signed(map[string]any{"exp": now + 172800}), "more than 1h"},
		{"exp in milliseconds", signed(map[string]any{"exp": (now + 300) * 1000}), "not a time"},
		{"nbf is not yet", signed(map[string]any{"nbf": now + 61}), "not valid before"},
		{"nbf is a list", signed(map[string]any{"nbf": []int{1}}), "nbf is not a time"},
		{"iat is not yet", signed(map[string]any{"iat": now + 61}), "which is not yet"},
		{"iat is long past", signed(map[string]any{"iat": now - 7200}), "for longer than 1h"},
		{"jti is missing", signed(map[string]any{"jti": nil}), "no jti"},
		{"jti is empty", signed(map[string]any{"jti": ""}), "no jti"},
		{"jti is a number", signed(map[string]any{"jti": 1}), "jti is not a string"},
		{"jti is too long", signed(map[string]any{"jti": big}), "longer than 256"},
		{"a claim twice", claimed(base + `,"jti":"again"}`), "twice"},
		{"claims are a list", claimed(`[]`), "its claims"},
		{"claims are not JSON", claimed(`x`), "its claims"},
		{"claims are not UTF-8", claimed(base + ",\"x\":\"\xff\"}"), "UTF-8"},
		{"something behind the claims", claimed(o.claims(id, nil) + `{}`), "behind it"},

		{"alg is none", b64([]byte(`{"alg":"none","kid":"k1"}`)) + "." + parts[1] + ".", "alg is none"},
		{"alg is nOnE, with a signature", headed(`{"alg":"nOnE","kid":"k1"}`), "alg is none"},
		{"alg is missing", headed(`{"kid":"k1"}`), "no alg"},
		{"HS256 with the public key", hs256([]byte(publicPEM(t, "ES256"))), "symmetric"},
		{"HS512 with the public key as JWK", headed(`{"alg":"HS512","kid":"k1"}`), `"HS512" is symmetric`},
		{"alg that nobody knows", headed(`{"alg":"ES256K","kid":"k1"}`), "not possible"},
		{"alg in lower case", headed(`{"alg":"es256","kid":"k1"}`), "not possible"},
		{"alg of another key", headed(`{"alg":"RS256","kid":"k1"}`), "alg is RS256"},
		{"RS256 where PS256 is registered", byLibrary(t, "RS256", "rsa", o.claims(id, nil), pairs()["RSA"]), "is for [PS256]"},
		{"alg of another curve", headed(`{"alg":"ES384","kid":"k1"}`), "alg is ES384"},
		{"alg is a number", headed(`{"alg":1}`), "alg in its header is not a string"},
		{"jku", headed(`{"alg":"ES256","kid":"k1","jku":"https://evil.example"}`), "has jku"},
		{"x5u", headed(`{"alg":"ES256","kid":"k1","x5u":"https://evil.example"}`), "has x5u"},
		{"x5c", headed(`{"alg":"ES256","kid":"k1","x5c":["AA"]}`), "has x5c"},
		{"jwk", es256(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256"}}`, o.claims(id, nil), "other"), "has jwk"},
		{"crit that nobody knows", headed(`{"alg":"ES256","kid":"k1","crit":["exp"],"exp":1}`), "has crit"},
		{"crit is empty", headed(`{"alg":"ES256","kid":"k1","crit":[]}`), "has crit"},
		{"b64 is false", headed(`{"alg":"ES256","kid":"k1","b64":false}`), "has b64"},
		{"b64 is true", headed(`{"alg":"ES256","kid":"k1","b64":true}`), "has b64"},
		{"compressed", headed(`{"alg":"ES256","kid":"k1","zip":"DEF"}`), "has zip"},
		{"nested", es256(`{"alg":"ES256","kid":"k1","cty":"JWT"}`, good, "ES256"), "nested"},
		{"typ of an access token", headed(`{"alg":"ES256","kid":"k1","typ":"at+jwt"}`), "at+jwt"},
		{"typ is a number", headed(`{"alg":"ES256","kid":"k1","typ":1}`), "typ in its header"},
		{"header member twice", headed(`{"alg":"ES256","kid":"k1","alg":"none"}`), "twice"},
		{"header is not JSON", headed(`x`), "its header"},

		{"kid is unknown", headed(`{"alg":"ES256","kid":"nobody"}`), `"nobody" is none of its live keys`},
		{"kid is a path", headed(`{"alg":"ES256","kid":"../../k1"}`), `"../../k1" is none`},
		{"kid is empty of characters", headed(`{"alg":"ES256","kid":"\u0000"}`), `\x00`},
		{"kid is a number", headed(`{"alg":"ES256","kid":1}`), "kid in its header"},
		{"kid of another agent", es256(`{"alg":"ES256","kid":"theirs"}`, o.claims(id, nil), "other"), `"theirs" is none`},
		{"key of another agent", es256(header, o.claims(id, nil), "other"), "signature is not by"},
		{"key of another agent, no kid", es256(`{"alg":"ES256"}`, o.claims(id, nil), "other"), "not by a live key"},
		{"signature of another text", parts[0] + "." + b64([]byte(o.claims(id, nil))) + "." + parts[2], "signature is not by"},
		{"signature of zeros", parts[0] + "." + parts[1] + "." + b64(make([]byte, 64)), "signature is not by"},
		{"signature with r = s = the order", parts[0] + "." + parts[1] + "." + b64(slices.Concat(elliptic.P256().Params().N.Bytes(), elliptic.P256().Params().N.Bytes())), "signature is not by"},
		{"signature too long", parts[0] + "." + parts[1] + "." + b64(make([]byte, 65)), "signature is not by"},
		{"signature of another key's kind", parts[0] + "." + parts[1] + "." + b64(make([]byte, 256)), "signature is not by"},
		{"signed by RS256, said to be PS256", headerAs(t, byOther(t, "RS256", "rsa", o.claims(id, nil), pairs()["RSA"]), `{"alg":"PS256","kid":"rsa"}`), `not by the key "rsa"`},
		{"signature is cut", parts[0] + "." + parts[1] + "." + parts[2][:80], "signature is not by"},
		{"signature in DER", parts[0] + "." + parts[1] + "." + inDER(t, parts[0]+"."+parts[1]), "signature is not by"},
		{"no signature", parts[0] + "." + parts[1] + ".", "no signature"},
		{"two parts", parts[0] + "." + parts[1], "three parts"},
		{"four parts", good + ".", "three parts"},
		{"five parts", good + "..", "encrypted"},
		{"JSON form", `{"payload":"` + parts[1] + `"}`, "three parts"},
		{"padded", parts[0] + "." + parts[1] + "." + parts[2] + "==", "base64url"},
		{"line end in it", parts[0] + "." + parts[1] + "." + parts[2] + "\n", "base64url"},
		{"huge", signed(map[string]any{"x": strings.Repeat("a", 64<<10)}), "longer than 65536"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := asserting(bot, tt.text)
			l.Address = tt.name // a throttle of its own
			before := len(o.trail(t))
			token, err := o.Login(t.Context(), l)
			wantRefusal(t, err, authority.BadLogin)
			entries := o.trail(t)[before:]
			if !token.Value.IsZero() || len(entries) != 1 {
				t.Fatalf("a token %v and %d entries, want none and one", token, len(entries))
			}
			e := entries[0]
			if e.Action != audit.TokenIssue || e.Outcome != audit.Refused || e.AgentID != id || e.Detail["method"] != "private_key_jwt" ||
				!strings.Contains(e.Reason, tt.reason) {
				t.Errorf("the entry is %+v, want the reason %q", e, tt.reason)
			}
			reasons[e.Reason] = tt.name
		})
	}
	if len(reasons) < 60 {
		t.Errorf("%d different reasons, want at least 60", len(reasons))
	}
	o.in(t, asserting(bot, good)) // none of them spent it
}

// headerAs is an assertion with another header, and its signature.
func headerAs(t *testing.T, text, header string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, ".")
	if !ok {
		t.Fatalf("%q is no assertion", text)
	}
	return b64([]byte(header)) + "." + rest
}

// inDER signs a text as X.509 does, not as JOSE does.
func inDER(t *testing.T, text string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	der, err := pairs()["ES256"].Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return b64(der)
}

// What is at the bounds is good.
func TestAssertion_accepted(t *testing.T) {
	o := newOffice(t, "")
	bot := o.keyed(t)
	now := o.clock.Now().Unix()
	const header = `{"alg":"ES256","kid":"k1"}`
	thumb := o.keyOf(t, bot.ID, "k1").Thumbprint
	for name, text := range map[string]string{
		"no kid":             es256(`{"alg":"ES256"}`, o.claims(bot.ID, nil), "ES256"),
		"kid is thumbprint":  es256(`{"alg":"ES256","kid":"`+thumb+`"}`, o.claims(bot.ID, nil), "ES256"),
		"typ of 7523bis":     es256(`{"alg":"ES256","kid":"k1","typ":"client-authentication+jwt"}`, o.claims(bot.ID, nil), "ES256"),
		"typ, long form":     es256(`{"alg":"ES256","typ":"application/client-authentication+jwt"}`, o.claims(bot.ID, nil), "ES256"),
		"typ of old":         es256(`{"alg":"ES256","kid":"k1","typ":"JWT"}`, o.claims(bot.ID, nil), "ES256"),
		"aud in a list":      es256(header, o.claims(bot.ID, map[string]any{"aud": []string{issuerURL}}), "ES256"),
		"expired within":     es256(header, o.claims(bot.ID, map[string]any{"exp": now - 29}), "ES256"),
		"an hour":            es256(header, o.claims(bot.ID, map[string]any{"exp": now + 3600}), "ES256"),
		"an hour and skew":   es256(header, o.claims(bot.ID, map[string]any{"exp": now + 3630}), "ES256"),
		"hour from iat":      es256(header, o.claims(bot.ID, map[string]any{"iat": now - 1800, "exp": now + 1830}), "ES256"),
		"iat at the skew":    es256(header, o.claims(bot.ID, map[string]any{"iat": now + 30}), "ES256"),
		"nbf at the skew":    es256(header, o.claims(bot.ID, map[string]any{"nbf": now + 30}), "ES256"),
		"iat a bit ahead":    es256(header, o.claims(bot.ID, map[string]any{"iat": now + 8}), "ES256"),
		"nbf a bit ahead":    es256(header, o.claims(bot.ID, map[string]any{"nbf": now + 8}), "ES256"),
		"no iat":             es256(header, o.claims(bot.ID, map[string]any{"iat": nil}), "ES256"),
		"fractions":          es256(header, o.claims(bot.ID, map[string]any{"exp": float64(now) + 300.5}), "ES256"),
		"jti of 256":         es256(header, o.claims(bot.ID, map[string]any{"jti": strings.Repeat("j", 256)}), "ES256"),
		"more claims":        es256(header, o.claims(bot.ID, map[string]any{"x": []any{1, map[string]any{"y": nil}}}), "ES256"),
		"more in the header": es256(`{"alg":"ES256","kid":"k1","x5t":"AA","future":{}}`, o.claims(bot.ID, nil), "ES256"),
	} {
		before := len(o.trail(t))
		token, err := o.Login(t.Context(), asserting(bot, text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		o.wantActive(t, name, token, true)
		entries := o.trail(t)[before:]
		last := entries[len(entries)-1]
		if last.Target != "k1" || last.Detail["method"] != "private_key_jwt" || last.AgentID != bot.ID {
			t.Errorf("%s: the entry is %+v", name, last)
		}
	}
	// An older client names the token endpoint, where that is allowed.
	const place = issuerURL + "/oauth2/token"
	const nullURL = "https://null.example" // it is no null
	old := o.issuer(t, authority.IssuerConfig{Audiences: []string{place, nullURL}})
	for _, tt := range []struct {
		aud  any
		good bool
	}{
		{place, true}, {[]string{place}, true}, {issuerURL, true}, {[]string{issuerURL}, true}, {[]string{nullURL}, true},
		{[]string{issuerURL, place}, false}, {place + "/", false}, {issuerURL + "/oauth2", false}, {"https://other.example/oauth2/token", false},
	} {
		_, err := old.Login(t.Context(), asserting(bot, es256(header, o.claims(bot.ID, map[string]any{"aud": tt.aud}), "ES256")))
		if tt.good != (err == nil) {
			t.Errorf("with the legacy audience, %v: %v", tt.aud, err)
		}
	}
}

func (w *world) keyOf(t testing.TB, agentID, kid string) authority.PublicKey {
	t.Helper()
	k, err := w.PublicKey(t.Context(), agentID, kid)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// An assertion is good once: for sixteen at once, after a restart, and until it
// has expired. The jti is the agent's own.
func TestAssertion_once(t *testing.T) {
	o := newOffice(t, "")
	bot := o.keyed(t)
	shared := o.bot(t, authority.AgentChange{})
	o.key(t, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: shared.ID}, ID: "k1"}, "ES256")
	shared.Secret, shared.Method = secret.Text{}, "private_key_jwt"
	const header = `{"alg":"ES256","kid":"k1"}`
	exp := o.clock.Now().Add(time.Minute).Unix()
	text := es256(header, o.claims(bot.ID, map[string]any{"jti": "one", "exp": exp}), "ES256")

	second := o.issuer(t, authority.IssuerConfig{})
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for n := range errs {
		wg.Go(func() {
			l := asserting(bot, text)
			l.Address = fmt.Sprint(n)
			by := []*authority.Issuer{o.Issuer, second}[n%2]
			_, errs[n] = by.Login(t.Context(), l)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantRefusal(t, err, authority.BadLogin)
		if !strings.Contains(err.Error(), "jti was used before") {
			t.Errorf("who lost was refused for %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 16 got a token, want one", won)
	}
	// Another signature, other claims: it is the jti that counts.
	again := asserting(bot, es256(header, o.claims(bot.ID, map[string]any{"jti": "one"}), "ES256"))
	_, err := o.Login(t.Context(), again)
	wantRefusal(t, err, authority.BadLogin)
	// Another agent may use the same jti.
	o.in(t, asserting(shared, es256(header, o.claims(shared.ID, map[string]any{"jti": "one"}), "ES256")))
	// Another process, on a store that was opened again.
	w := o.restart(t)
	late := w.issuer(t, authority.IssuerConfig{})
	for range 3 {
		_, err = late.Login(t.Context(), asserting(bot, text))
		wantRefusal(t, err, authority.BadLogin)
		o.clock.Add(25 * time.Second) // up to 15 s after it expired, which the skew allows
	}
	if e := o.trail(t); strings.Contains(fmt.Sprint(e), `"one"`) {
		t.Error("the audit names the jti")
	}
	// Authentication without a token spends it too.
	spent := asserting(bot, es256(header, o.claims(bot.ID, map[string]any{"jti": "two"}), "ES256"))
	if _, err := o.Authenticate(t.Context(), spent); err != nil {
		t.Fatal(err)
	}
	if e := o.trail(t); e[len(e)-1].Action != audit.LoginAccept || e[len(e)-1].Target != "k1" {
		t.Errorf("the entry is %+v", e[len(e)-1])
	}
	for _, try := range []func() error{
		func() error { _, err := o.Authenticate(t.Context(), spent); return err },
		func() error { _, err := o.Login(t.Context(), spent); return err },
	} {
		wantRefusal(t, try(), authority.BadLogin)
	}
}

// An assertion that was used is refused also by a server over the same store whose
// clock is behind, where it has not expired yet.
func TestAssertion_onceByClocksApart(t *testing.T) {
	o := newOffice(t, "")
	bot, other := o.keyed(t), o.keyed(t)
	const header = `{"alg":"ES256","kid":"k1"}`
	used := asserting(bot, es256(header, o.claims(bot.ID, map[string]any{"exp": o.clock.Now().Add(time.Minute).Unix()}), "ES256"))
	behind := &world{clock: &clock{now: o.clock.Now().Add(time.Minute)}, path: o.path}
	behind = behind.restart(t)
	o.in(t, used)
	o.clock.Add(3 * time.Minute)
	o.in(t, asserting(other, es256(header, o.claims(other.ID, nil), "ES256"))) // marks that are too old go
	_, err := behind.issuer(t, authority.IssuerConfig{}).Login(t.Context(), used)
	wantRefusal(t, err, authority.BadLogin)
}

// restart is another process on the same store.
func (w *world) restart(t testing.TB) *world {
	t.Helper()
	s := openStore(t, w.path, w.clock)
	a, err := authority.New(authority.Config{Store: s, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return &world{Authority: a, store: s, clock: w.clock, path: w.path}
}
