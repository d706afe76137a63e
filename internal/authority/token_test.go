package authority_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// verify checks a token by the published keys with a library that is not the
// one that signs, and reads the keys with none at all.
func (o *office) verify(t *testing.T, token authority.Token) *jwt.Token {
	t.Helper()
	set, err := o.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys := publicKeys(t, set.JSON)
	parsed, err := jwt.Parse(token.Value.Reveal(), func(j *jwt.Token) (any, error) {
		return keys[kidOf(j)], nil
	}, jwt.WithIssuer(issuerURL), jwt.WithTimeFunc(o.clock.Now), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithValidMethods([]string{"ES256", "EdDSA", "RS256"}))
	if err != nil {
		t.Fatalf("another library refuses the token: %v", err)
	}
	return parsed
}

// kidOf is the id of the key that a token names.
func kidOf(j *jwt.Token) string {
	kid, _ := j.Header["kid"].(string)
	return kid
}

// publicKeys reads a JWK Set by the letter of RFC 7518 §6 and RFC 8037 §2.
func publicKeys(t *testing.T, set []byte) map[string]crypto.PublicKey {
	t.Helper()
	var parsed struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(set, &parsed); err != nil {
		t.Fatal(err)
	}
	out := map[string]crypto.PublicKey{}
	for _, k := range parsed.Keys {
		if _, private := k["d"]; private || k["use"] != "sig" || k["kid"] == "" || k["alg"] == "" {
			t.Errorf("the key has the members %v", k)
		}
		number := func(name string) *big.Int { return new(big.Int).SetBytes(unbase64(t, k[name])) }
		switch k["kty"] {
		case "EC":
			point := slices.Concat([]byte{4}, unbase64(t, k["x"]), unbase64(t, k["y"])) // SEC 1 §2.3.3
			public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
			if err != nil {
				t.Fatal(err)
			}
			out[k["kid"]] = public
		case "OKP":
			out[k["kid"]] = ed25519.PublicKey(unbase64(t, k["x"]))
		case "RSA":
			out[k["kid"]] = &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}
		}
	}
	return out
}

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The claims are those of RFC 9068 and no others, for every algorithm.
func TestToken_claims(t *testing.T) {
	for _, alg := range authority.Algorithms {
		t.Run(alg, func(t *testing.T) {
			o := newOffice(t, alg)
			bot := o.bot(t, authority.AgentChange{Scopes: &[]string{"read", "write", "internal_agent_mgt_view", "*"}, Audiences: &[]string{"https://api.example"}})
			bot.Scopes = []string{"write", "internal_agent_mgt_view", "write", "*", "admin"}
			token := o.in(t, bot)
			parsed := o.verify(t, token)
			if parsed.Header["typ"] != "at+jwt" || parsed.Header["alg"] != alg || len(parsed.Header) != 3 {
				t.Errorf("the header is %v, want typ, alg and kid", parsed.Header)
			}
			now := float64(o.clock.Now().Unix())
			want := jwt.MapClaims{
				"iss": issuerURL, "sub": bot.ID, "client_id": bot.ID, "aud": issuerURL, "scope": "write", "jti": token.ID, "aut": "AGENT",
				"iat": now, "exp": now + 600, "agentcreds_epoch": 0.0, "agentcreds_credential": o.get(t, bot.ID).Secrets[0].ID,
			}
			if diff := cmp.Diff(want, parsed.Claims); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if token.Life != 10*time.Minute || token.Scope != "write" {
				t.Errorf("the token lives %v, with the scope %q", token.Life, token.Scope)
			}
			c, err := o.Inspect(t.Context(), token.Value)
			if err != nil || c.Subject != bot.ID || !c.Agent() || c.Scope != "write" || c.ID != token.ID {
				t.Errorf("Inspect = %+v, %v", c, err)
			}
			o.clock.Add(10*time.Minute - time.Second)
			o.wantActive(t, "a second before the end", token, true)
			o.clock.Add(time.Second)
			o.wantActive(t, "at the end", token, false)
		})
	}
}

// Scopes are the intersection; audiences are the subject's, or refused.
func TestToken_grant(t *testing.T) {
	o := newOffice(t, "")
	api := "https://api.example"
	bot := o.bot(t, authority.AgentChange{Scopes: &[]string{"read", "internal_token_introspect"}, Audiences: &[]string{api, issuerURL + "/manage"}})
	tf := o.terraform(t, "internal_agent_mgt_view", "internal_agent_mgt_list")
	for _, tt := range []struct {
		name      string
		login     authority.Login
		scopes    string
		audiences []string
		scope     string
		want      []string // audiences; nil refused
	}{
		{"nothing asked", bot, "", nil, "", []string{issuerURL}},
		{"owned", bot, "read", nil, "read", []string{issuerURL}},
		{"twice", bot, "read read", nil, "read", []string{issuerURL}},
		{"not owned", bot, "write", nil, "", []string{issuerURL}},
		{"OpenID's", bot, "openid offline_access", nil, "", []string{issuerURL}},
		{"OpenID's, and owned", bot, "openid read", nil, "read", []string{issuerURL}},
		{"only internal scopes", bot, "internal_token_introspect", nil, "", []string{issuerURL}},
		{"client, not owned", tf, "internal_agent_mgt_delete", nil, "", []string{issuerURL + "/manage"}},
		{"an agent gets no internal scope", bot, "read internal_token_introspect", nil, "read", []string{issuerURL}},
		{"everything", bot, "*", nil, "", []string{issuerURL}},
		{"own audience", bot, "read", []string{api}, "read", []string{api}},
		{"two audiences", bot, "", []string{api, issuerURL, api}, "", []string{api, issuerURL}},
		{"another audience", bot, "", []string{"https://other.example"}, "", nil},
		{"one of two", bot, "", []string{api, "https://other.example"}, "", nil},
		{"an agent never manages", bot, "", []string{issuerURL + "/manage"}, "", nil},
		{"empty audience", bot, "", []string{""}, "", nil},
		{"client", tf, "internal_agent_mgt_view internal_x", nil, "internal_agent_mgt_view", []string{issuerURL + "/manage"}},
		{"client, its audience", tf, "", []string{issuerURL + "/manage"}, "", []string{issuerURL + "/manage"}},
		{"client, another audience", tf, "", []string{issuerURL}, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.login.Scopes, tt.login.Audiences = strings.Fields(tt.scopes), tt.audiences
			before := len(o.trail(t))
			token, err := o.Login(t.Context(), tt.login)
			if tt.want == nil {
				wantRefusal(t, err, authority.BadTarget)
				if e := o.trail(t)[before:]; len(e) != 1 || e[0].Reason == "" {
					t.Errorf("the refusal left %+v", e)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := o.Inspect(t.Context(), token.Value)
			if err != nil || !slices.Equal(c.Audience, tt.want) || c.Scope != tt.scope || token.Scope != tt.scope {
				t.Errorf("scope %q, audiences %v, %v; want %q, %v", c.Scope, c.Audience, err, tt.scope, tt.want)
			}
		})
	}
}

// A token of ours has one form: no byte of it can be changed, added or left out.
func TestInspect_altered(t *testing.T) {
	for _, alg := range authority.Algorithms {
		o := newOffice(t, alg)
		text := o.in(t, o.bot(t, authority.AgentChange{})).Value.Reveal()
		for at := range len(text) {
			for _, c := range []byte{'A', 'B', '-', '.', text[at] ^ 1, text[at] + 1, '\n', ' ', 0, '='} {
				for name, altered := range map[string]string{
					"replaced": text[:at] + string(c) + text[at+1:], "added": text[:at] + string(c) + text[at:], "cut": text[:at],
				} {
					if altered == text {
						continue
					}
					if _, err := o.Inspect(t.Context(), secret.New(altered)); err == nil {
						t.Fatalf("%s: byte %d %s by %q is accepted", alg, at, name, c)
					}
				}
				if alg != "ES256" {
					break // the form is the same for all
				}
			}
		}
	}
}

// Tokens that others made with what is public are not ours.
func TestInspect_forged(t *testing.T) {
	o := newOffice(t, "")
	bot := o.bot(t, authority.AgentChange{})
	token := o.verify(t, o.in(t, bot))
	set, err := o.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, foreign, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	other := newOffice(t, "")
	other.in(t, other.bot(t, authority.AgentChange{}))
	forge := func(method jwt.SigningMethod, key any, header map[string]any) string {
		j := jwt.NewWithClaims(method, token.Claims)
		j.Header["kid"], j.Header["typ"] = token.Header["kid"], "at+jwt"
		maps.Copy(j.Header, header)
		text, err := j.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for name, text := range map[string]string{
		"alg none":                    forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"HS256 by the public key":     forge(jwt.SigningMethodHS256, []byte(set.JSON), nil),
		"foreign key":                 forge(jwt.SigningMethodEdDSA, foreign, nil),
		"foreign key, named as ES256": forge(jwt.SigningMethodEdDSA, foreign, map[string]any{"alg": "ES256"}),
		"kid of nobody":               forge(jwt.SigningMethodEdDSA, foreign, map[string]any{"kid": "../keys"}),
		"its own jwk":                 forge(jwt.SigningMethodEdDSA, foreign, map[string]any{"jwk": map[string]string{"kty": "OKP"}}),
		"another store":               other.in(t, other.bot(t, authority.AgentChange{})).Value.Reveal(),
		"empty":                       "",
		"dots":                        "..",
		"five parts":                  "a.b.c.d.e",
		"JSON":                        `{"payload":"","signatures":[]}`,
		"long":                        strings.Repeat("a", 1<<20),
	} {
		if _, err := o.Inspect(t.Context(), secret.New(text)); err == nil {
			t.Errorf("%s is accepted", name)
		} else {
			wantRefusal(t, err, authority.BadToken)
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(uint16(3), byte(1))
	f.Add(uint16(500), byte(0x80))
	o := newOffice(f, "")
	text := o.in(f, o.bot(f, authority.AgentChange{})).Value.Reveal()
	f.Fuzz(func(t *testing.T, at uint16, flip byte) {
		altered := []byte(text)
		altered[int(at)%len(altered)] ^= flip
		if _, err := o.Inspect(t.Context(), secret.New(string(altered))); (err == nil) != (string(altered) == text) {
			t.Errorf("byte %d flipped by %x: %v", int(at)%len(altered), flip, err)
		}
	})
}
