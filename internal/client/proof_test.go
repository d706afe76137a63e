package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

func newKey(t testing.TB) secret.Text {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// tenant is a WSO2 server whose issuer is its token URL, and which answers the
// first request for a token late: "not now".
func tenant(issuer string) *fake {
	tokens := 0
	return wso2(func(w http.ResponseWriter, r *http.Request) {
		switch here := "http://" + r.Host + "/t/acme"; {
		case r.URL.Path == "/t/acme/oauth2/token/.well-known/openid-configuration":
			told := issuer
			if told == "" {
				told = here + api.PathToken
			}
			reply(w, 200, map[string]string{"issuer": told, "token_endpoint": here + api.PathToken})
		case strings.Contains(r.URL.Path, ".well-known"):
			status(404)(w, r)
		case strings.HasSuffix(r.URL.Path, api.PathToken):
			if tokens++; tokens == 1 {
				status(503, "Retry-After", "0")(w, r)
				return
			}
			reply(w, 200, map[string]any{"access_token": "token-1", "token_type": "Bearer", "expires_in": 600})
		default:
			replyAgent(w, r)
		}
	})
}

// Each attempt has an assertion of its own, for the issuer of the server alone,
// which ends in a minute by the clock of the server; the server is asked about
// itself once.
func TestKeyProof(t *testing.T) {
	f := tenant("")
	proof, err := client.KeyProof(newKey(t), "")
	if err != nil {
		t.Fatal(err)
	}
	c := f.over(t, func(cfg *client.Config) { cfg.BaseURL += "/t/acme"; cfg.Auth = client.SignIn("app 1", proof) })
	for range 2 {
		if _, err := c.Agent(t.Context(), "a1"); err != nil {
			t.Fatal(err)
		}
	}
	used, asked := map[string]bool{}, 0
	for _, r := range f.requests() {
		if strings.Contains(r.path, "openid-configuration") && strings.Contains(r.path, api.PathToken) {
			asked++
		}
		if !strings.HasSuffix(r.path, api.PathToken) {
			continue
		}
		form, err := url.ParseQuery(r.body)
		if err != nil || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Get("grant_type") != "client_credentials" {
			t.Fatalf("the form is %v, %v", form, err)
		}
		if r.header.Get("Authorization") != "" || form.Has("client_secret") {
			t.Error("it shows something else too")
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(form.Get("client_assertion"), ".")[1])
		var claims struct {
			Iss, Sub, Aud, Jti string
			Iat, Exp           int64
		}
		if err != nil || json.Unmarshal(payload, &claims) != nil {
			t.Fatalf("the claims are %s, %v", payload, err)
		}
		if claims.Iss != "app 1" || claims.Sub != "app 1" || claims.Aud != c.BaseURL()+api.PathToken || claims.Exp-claims.Iat != 60 || used[claims.Jti] || len(claims.Jti) < 20 {
			t.Errorf("the claims are %s", payload)
		}
		used[claims.Jti] = true
	}
	if len(used) != 2 || asked != 1 {
		t.Errorf("%d assertions and %d questions, want 2 and 1", len(used), asked)
	}
	if text := fmt.Sprintf("%v %+v %#v", proof, client.SignIn("app 1", proof), c); strings.Contains(text, "PRIVATE") || strings.Contains(text, "ecdsa") {
		t.Errorf("the proof prints as %s", text)
	}
}

// What is signed for one server must not be had by another: nothing is sent.
func TestKeyProof_elsewhere(t *testing.T) {
	proof, err := client.KeyProof(newKey(t), "ES256")
	if err != nil {
		t.Fatal(err)
	}
	for _, issuer := range []string{"https://other.example.com", "https://other.example.com/t/acme/oauth2/token", "acme"} {
		f := tenant(issuer)
		c := f.over(t, func(cfg *client.Config) { cfg.BaseURL += "/t/acme"; cfg.Auth = client.SignIn("app", proof) })
		_, err := c.Agent(t.Context(), "a1")
		there, ok := errors.AsType[*client.ElsewhereError](err)
		if err == nil || ok != (issuer != "acme") || ok && there.There != "https://other.example.com" {
			t.Errorf("with the issuer %s: %v", issuer, err)
		}
		for _, r := range f.requests() {
			if r.method == http.MethodPost {
				t.Errorf("with the issuer %s it sends %s", issuer, r.path)
			}
		}
	}
	f := reference(status(404))
	c := f.over(t, func(cfg *client.Config) { cfg.Auth = client.SignIn("app", proof) })
	if _, err := c.Agent(t.Context(), "a1"); !errors.Is(err, client.ErrNoMetadata) {
		t.Errorf("without metadata: %v", err)
	}
}

// A certificate is for connections: where there are none it is refused, before
// anything is sent.
func TestCertificateProof_transport(t *testing.T) {
	text := client.ProofText{Certificate: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", Key: newKey(t)}
	if _, err := text.Read(time.Now()); err == nil || !strings.HasPrefix(err.Error(), "client_certificate cannot be used: it cannot be read: it is not PEM") {
		t.Errorf("Read = %v", err)
	}
	if _, err := (client.ProofText{Key: secret.New("x")}).Read(time.Now()); err == nil || !strings.HasPrefix(err.Error(), "client_key cannot be used") {
		t.Errorf("Read = %v", err)
	}
}
