package oauth_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// WSO2's SDKs ask for the scope openid, whatever they are told, and fail
// without an ID token in the answer. It opens nothing here.
func TestIDToken(t *testing.T) {
	s := newStudio(t)
	bot := s.bot(t, authority.AgentChange{Scopes: &[]string{"read"}})
	watcher := s.client(t, "watcher", "internal_token_introspect")
	a := s.exchange(t, s.code(t, bot, "scope", "openid read", "nonce", "n-1"))
	text, _ := a.json["id_token"].(string)
	if a.status != 200 || a.json["scope"] != "read" {
		t.Fatalf("%d %s", a.status, a.text)
	}
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	header := signed.Signatures[0].Protected
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(s.do(t, request{method: "GET", path: "/oauth2/jwks"}).text), &set); err != nil {
		t.Fatal(err)
	}
	keys := set.Key(header.KeyID)
	if len(keys) != 1 || header.ExtraHeaders[jose.HeaderType] != "JWT" {
		t.Fatalf("the header is %+v", header)
	}
	payload, err := signed.Verify(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(c))
	if want := []string{"aud", "aut", "exp", "iat", "iss", "nonce", "sub"}; !slices.Equal(names, want) {
		t.Errorf("the claims are %v, want %v", names, want)
	}
	for name, want := range map[string]any{"iss": s.url, "sub": bot.id, "aud": appID, "aut": "AGENT", "nonce": "n-1"} {
		if c[name] != want {
			t.Errorf("%s is %v, want %v", name, c[name], want)
		}
	}
	if from, _ := c["iat"].(float64); c["exp"] != from+authority.DefaultTokenLife.Seconds() {
		t.Errorf("it holds from %v to %v", c["iat"], c["exp"])
	}
	if got := s.do(t, request{path: "/oauth2/introspect", header: watcher.basic(), body: form("token", text)}); got.text != "{\"active\":false}\n" {
		t.Errorf("it passes for an access token: %s", got.text)
	}
}

// Who does not ask for it gets none, what is asked for has bounds, and an agent
// needs no scope for it.
func TestIDToken_none(t *testing.T) {
	s := newStudio(t)
	bot := s.bot(t, authority.AgentChange{Scopes: &[]string{"read"}})
	for _, scope := range []string{"read", "", "read openid2", "read OpenID"} {
		if a := s.exchange(t, s.code(t, bot, "scope", scope)); a.status != 200 || a.json["id_token"] != nil {
			t.Errorf("scope %q: %d %s", scope, a.status, a.text)
		}
	}
	if a := s.do(t, request{path: "/oauth2/token", header: bot.basic(), body: form("grant_type", "client_credentials", "scope", "openid")}); a.status != 200 || a.json["id_token"] != nil {
		t.Errorf("client credentials: %d %s", a.status, a.text)
	}
	none := s.bot(t, authority.AgentChange{})
	if a := s.exchange(t, s.code(t, none, "scope", "openid profile internal_login")); a.status != 200 || a.json["id_token"] == nil || a.json["scope"] != "" {
		t.Errorf("what WSO2's SDK asks for by itself, by an agent without scopes: %d %s", a.status, a.text)
	}
	if a := s.begin(t, "nonce", strings.Repeat("n", 1025)); a.status != 400 || a.json["code"] != "ABA-60001" {
		t.Errorf("a nonce that is too long: %d %s", a.status, a.text)
	}
}
