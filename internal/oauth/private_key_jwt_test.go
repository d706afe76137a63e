package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
)

const bearerType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// keyed is an agent that logs in with a key.
type keyed struct {
	user
	key *ecdsa.PrivateKey
	url string // the issuer
}

func (o *office) keyed(t testing.TB, change authority.AgentChange) keyed {
	t.Helper()
	k := keyed{user: o.bot(t, change), url: o.url}
	var err error
	if k.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(jose.JSONWebKey{Key: k.key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.AddPublicKey(t.Context(), admin, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: k.id}, ID: "k1", JWK: text})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// assertion is one more, made by golang-jwt.
func (k keyed) assertion(t testing.TB) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
		Issuer: k.id, Subject: k.id, Audience: jwt.ClaimStrings{k.url}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(time.Now()), ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute)),
	})
	token.Header["kid"] = "k1"
	text, err := token.SignedString(k.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPrivateKeyJWT(t *testing.T) {
	o := newOffice(t)
	bot := o.keyed(t, authority.AgentChange{Scopes: &[]string{"read"}})
	grant := func(pairs ...string) request {
		return request{path: "/oauth2/token", body: form(append([]string{"grant_type", "client_credentials"}, pairs...)...)}
	}
	with := func(pairs ...string) request {
		return grant(append([]string{"client_assertion_type", bearerType, "client_assertion", bot.assertion(t)}, pairs...)...)
	}
	got := o.do(t, with("scope", "read"))
	if got.status != 200 || got.json["scope"] != "read" || got.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", got.status, got.text)
	}
	token, _ := got.json["access_token"].(string)
	if got := o.do(t, with("client_id", bot.id)); got.status != 200 {
		t.Errorf("with the client_id: %d %s", got.status, got.text)
	}
	about := form("client_assertion_type", bearerType, "client_assertion", bot.assertion(t), "token", token)
	if got := o.do(t, request{path: "/oauth2/revoke", body: about}); got.status != 200 {
		t.Errorf("revoke: %d %s", got.status, got.text)
	}
	if got := o.do(t, request{path: "/oauth2/introspect", body: about}); got.status != 401 {
		t.Errorf("the same assertion again: %d %s", got.status, got.text)
	}

	other := o.bot(t, authority.AgentChange{})
	used := bot.assertion(t)
	if got := o.do(t, grant("client_assertion_type", bearerType, "client_assertion", used)); got.status != 200 {
		t.Fatal(got.text)
	}
	parts := strings.Split(bot.assertion(t), ".")
	var refused []answer
	for name, tt := range map[string]struct {
		request request
		status  int
		code    string
	}{
		"used before":          {grant("client_assertion_type", bearerType, "client_assertion", used), 401, "invalid_client"},
		"another client_id":    {with("client_id", other.id), 401, "invalid_client"},
		"unknown client_id":    {with("client_id", "nobody"), 401, "invalid_client"},
		"not signed":           {grant("client_assertion_type", bearerType, "client_assertion", parts[0]+"."+parts[1]+"."), 401, "invalid_client"},
		"nonsense":             {grant("client_assertion_type", bearerType, "client_assertion", "x"), 401, "invalid_client"},
		"of nobody":            {grant("client_assertion_type", bearerType, "client_assertion", keyed{user{"nobody", ""}, bot.key, o.url}.assertion(t)), 401, "invalid_client"},
		"another server":       {grant("client_assertion_type", bearerType, "client_assertion", keyed{bot.user, bot.key, o.url + "/oauth2/token"}.assertion(t)), 401, "invalid_client"},
		"SAML":                 {grant("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "client_assertion", "x"), 401, "invalid_client"},
		"no type":              {grant("client_assertion", "x"), 400, "invalid_request"},
		"no assertion":         {grant("client_assertion_type", bearerType), 400, "invalid_request"},
		"with a secret too":    {with("client_id", bot.id, "client_secret", bot.secret), 400, "invalid_request"},
		"twice":                {request{path: "/oauth2/token", body: with().body + "&client_assertion=x"}, 400, "invalid_request"},
		"with Basic too":       {request{path: "/oauth2/token", body: with().body, header: bot.basic()}, 400, "invalid_request"},
		"with a token too":     {request{path: "/oauth2/introspect", body: form("client_assertion", "x", "token", token), header: bearer(token)}, 400, "invalid_request"},
		"too large":            {grant("client_assertion_type", bearerType, "client_assertion", strings.Repeat("a", 64<<10)), 413, "invalid_request"},
		"audience of no right": {with("resource", "https://other.example"), 400, "invalid_target"},
	} {
		got := o.do(t, tt.request)
		if got.status != tt.status || got.json["error"] != tt.code {
			t.Errorf("%s: %d %s, want %d %s", name, got.status, got.text, tt.status, tt.code)
		}
		if tt.code == "invalid_client" {
			refused = append(refused, got)
		}
	}
	for _, a := range refused {
		if a.text != refused[0].text || a.header.Get("WWW-Authenticate") != "" {
			t.Errorf("refusals differ: %s and %s", a.text, refused[0].text)
		}
	}
}

// Whoever leaves client_id out has the reason in the audit too, as long as the
// assertion says of whom it is.
func TestPrivateKeyJWT_reason(t *testing.T) {
	o := newOffice(t)
	bot := o.keyed(t, authority.AgentChange{})
	parts := strings.Split(bot.assertion(t), ".")
	coded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for text, reason := range map[string]string{
		coded(`{"alg":"none"}`) + "." + parts[1] + ".":             "alg is none",
		coded(`{"alg":"HS256"}`) + "." + parts[1] + "." + parts[2]: "symmetric",
		parts[0] + "." + coded(`{"sub":"`+bot.id+`"}`) + ".AA":     "has no iss",
		coded(`{"alg":"ES256"}`) + "." + parts[1] + "." + parts[2]: "signature is not by",
	} {
		lines := o.left(t, func() {
			o.do(t, request{path: "/oauth2/token", body: form("grant_type", "client_credentials", "client_assertion_type", bearerType, "client_assertion", text)}).
				wantError(t, 401, "invalid_client")
		})
		if len(lines) != 1 || !strings.HasPrefix(lines[0], bot.id+" token.issue refused") || !strings.Contains(lines[0], reason) {
			t.Errorf("the audit has %q, want the reason %q", lines, reason)
		}
	}
}

// Who shows nothing, or what is for nobody, finds the reason in the audit.
func TestToken_unfit(t *testing.T) {
	o := newOffice(t)
	bot := o.keyed(t, authority.AgentChange{})
	for body, reason := range map[string]string{
		form("client_id", bot.id): "nothing is shown",
		form("client_id", bot.id, "client_secret", "", "client_assertion", ""):                                                          "nothing is shown",
		form("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "client_assertion", bot.assertion(t)): `saml2-bearer" is not possible`,
	} {
		lines := o.left(t, func() {
			o.do(t, request{path: "/oauth2/token", body: form("grant_type", "client_credentials") + "&" + body}).wantError(t, 401, "invalid_client")
		})
		if len(lines) != 1 || !strings.HasPrefix(lines[0], bot.id+" token.issue refused") || !strings.Contains(lines[0], reason) {
			t.Errorf("the audit has %q, want the reason %q", lines, reason)
		}
	}
	if lines := o.left(t, func() {
		o.do(t, request{path: "/oauth2/token", body: form("grant_type", "client_credentials")}).wantError(t, 401, "invalid_client")
	}); len(lines) != 0 {
		t.Errorf("of nobody the audit has %q", lines)
	}
}

// One assertion, sixteen requests: one token.
func TestPrivateKeyJWT_once(t *testing.T) {
	o := newOffice(t)
	bot := o.keyed(t, authority.AgentChange{})
	body := form("grant_type", "client_credentials", "client_assertion_type", bearerType, "client_assertion", bot.assertion(t))
	status := make([]int, 16)
	var wg sync.WaitGroup
	for n := range status {
		wg.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.url+"/oauth2/token", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			status[n] = answer.StatusCode
			_ = answer.Body.Close()
		})
	}
	wg.Wait()
	slices.Sort(status)
	if status[0] != 200 || status[1] == 200 {
		t.Errorf("the answers are %v, want one 200", status)
	}
}

// Where there are secrets alone, a good assertion is nothing that anybody reads,
// and the certificate of a connection is not looked at.
func TestSecretsOnly(t *testing.T) {
	o := newOfficeOf(t, authority.Config{}, oauth.Config{SecretsOnly: true, Certificates: func(*http.Request) [][]byte {
		t.Error("certificates are asked for")
		return nil
	}})
	bot := o.keyed(t, authority.AgentChange{})
	for _, body := range []string{
		form("grant_type", "client_credentials", "client_assertion_type", bearerType, "client_assertion", bot.assertion(t)),
		form("grant_type", "client_credentials", "client_id", bot.id),
	} {
		o.do(t, request{path: "/oauth2/token", body: body}).wantError(t, 401, "invalid_client")
	}
	if got := o.do(t, request{path: "/oauth2/token", body: form("grant_type", "client_credentials"), header: bot.basic()}); got.status != 200 {
		t.Errorf("with its secret: %d %s", got.status, got.text)
	}
	m := o.do(t, request{method: http.MethodGet, path: "/.well-known/oauth-authorization-server", contentType: "-"})
	for _, word := range []string{authority.PrivateKeyJWT, "signing_alg_values_supported\":[\"ES", "tls", "revocation_endpoint_auth_signing"} {
		if strings.Contains(strings.ReplaceAll(m.text, "id_token_signing", ""), word) {
			t.Errorf("the metadata has %s: %s", word, m.text)
		}
	}
}

// The metadata says which methods and algorithms there are, at each endpoint.
func TestMetadata_privateKeyJWT(t *testing.T) {
	o := newOffice(t)
	m := o.do(t, request{method: http.MethodGet, path: "/.well-known/oauth-authorization-server", contentType: "-"}).json
	for _, endpoint := range []string{"token", "introspection", "revocation"} {
		methods, _ := m[endpoint+"_endpoint_auth_methods_supported"].([]any)
		algs, _ := m[endpoint+"_endpoint_auth_signing_alg_values_supported"].([]any)
		if !slices.Contains(methods, any(authority.PrivateKeyJWT)) || len(algs) != len(keys.Algorithms) || slices.Contains(algs, any("none")) {
			t.Errorf("%s: %v, %v", endpoint, methods, algs)
		}
	}
}
