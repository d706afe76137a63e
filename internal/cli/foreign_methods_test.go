package cli_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// foreignPair is a certificate and its key, in PEM.
type foreignPair struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// foreignAgent has everything that one can sign in with.
type foreignAgent struct {
	ID     string      `json:"id"`
	Secret string      `json:"secret"`
	Key    string      `json:"key"`     // private, PEM
	Signed foreignPair `json:"signed"`  // by the CA of the server
	Given  foreignPair `json:"given"`   // of its own
	Other  foreignPair `json:"unknown"` // registered nowhere
	CA     string      `json:"ca"`      // of the server's own certificate
}

// newForeignAgent makes an agent, and gives it all that.
func newForeignAgent(t *testing.T, h *house) foreignAgent {
	t.Helper()
	bot := newBot("every way")
	bot.Extension = &api.AgentSecurity{Scopes: []string{"read"}, Audiences: []string{foreignAPI}}
	made, err := h.client.CreateAgent(t.Context(), bot)
	if err != nil {
		t.Fatal(err)
	}
	key, given, other := newPair(t), newPair(t), newPair(t)
	csr, private := requestOf(t)
	if _, err := h.client.AddKey(t.Context(), made.ID, api.KeyRequest{PublicKeyPEM: readFile(t, key.public)}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.client.AddCertificate(t.Context(), made.ID, api.CertificateRequest{CertificatePEM: readFile(t, given.cert)}); err != nil {
		t.Fatal(err)
	}
	signed, err := h.client.AddCertificate(t.Context(), made.ID, api.CertificateRequest{CSRPEM: csr})
	if err != nil {
		t.Fatal(err)
	}
	return foreignAgent{
		ID: made.ID, Secret: made.Password.Reveal(), Key: readFile(t, key.key), CA: readFile(t, h.certificate()),
		Signed: foreignPair{signed.CertificatePEM, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8(t, private)}))},
		Given:  foreignPair{readFile(t, given.cert), readFile(t, given.key)},
		Other:  foreignPair{readFile(t, other.cert), readFile(t, other.key)},
	}
}

// TestForeign_methods: openid-client and oauth4webapi get tokens by every way to
// authenticate.
func TestForeign_methods(t *testing.T) {
	dir := scripts(t)
	h := newHouse(t, "--tls-self-signed")
	told, err := json.Marshal(map[string]any{
		"issuer": h.url, "audience": foreignAPI, "agent": newForeignAgent(t, h), "gateway": foreignUser{h.inspector.ID, h.inspector.Secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "methods.mjs"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "NO_PROXY=*", "NODE_EXTRA_CA_CERTS=" + h.certificate()}
	cmd.Stdin = strings.NewReader(string(told))
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "all is as it should be\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(h.text(), "PRIVATE KEY") {
		t.Error("a key is in the log of the server")
	}
}

// TestForeign_oauth2: Go's own client library gets tokens by every way, with an
// assertion that golang-jwt made.
func TestForeign_oauth2(t *testing.T) {
	h := newHouse(t, "--tls-self-signed")
	agent := newForeignAgent(t, h)
	block, _ := pem.Decode([]byte(agent.Key))
	private, err := jwt.ParseECPrivateKeyFromPEM(pem.EncodeToMemory(block))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method string
		web          *http.Client
		change       func(*clientcredentials.Config)
		bound        bool
	}{
		{"basic", "client_secret_basic", h.web(t, pair{}), func(c *clientcredentials.Config) {
			c.ClientSecret, c.AuthStyle = agent.Secret, oauth2.AuthStyleInHeader
		}, false},
		{"post", "client_secret_post", h.web(t, pair{}), func(c *clientcredentials.Config) {
			c.ClientSecret, c.AuthStyle = agent.Secret, oauth2.AuthStyleInParams
		}, false},
		{"key", "private_key_jwt", h.web(t, pair{}), func(c *clientcredentials.Config) {
			c.AuthStyle = oauth2.AuthStyleInParams
			c.EndpointParams.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			c.EndpointParams.Set("client_assertion", assertionOf(t, private, agent.ID, h.url))
		}, false},
		{"signed certificate", "tls_client_auth", h.web(t, filesOf(t, agent.Signed)), func(c *clientcredentials.Config) { c.AuthStyle = oauth2.AuthStyleInParams }, true},
		{"given certificate", "self_signed_tls_client_auth", h.web(t, filesOf(t, agent.Given)), func(c *clientcredentials.Config) { c.AuthStyle = oauth2.AuthStyleInParams }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := clientcredentials.Config{ClientID: agent.ID, TokenURL: h.url + api.PathToken, Scopes: []string{"read"}, EndpointParams: url.Values{}}
			tt.change(&cfg)
			token, err := cfg.Token(context.WithValue(t.Context(), oauth2.HTTPClient, tt.web))
			if err != nil {
				t.Fatal(err)
			}
			told := h.introspect(t, token.AccessToken).text
			if !strings.Contains(told, `"active":true`) || strings.Contains(told, `"x5t#S256"`) != tt.bound {
				t.Errorf("the token is introspected as %s", told)
			}
			out, err := command(t, "audit", "tail", "--database", h.database, "--agent", agent.ID, "--action", "token.issue", "-n", "1")
			if err != nil || !strings.Contains(out, "method="+tt.method) {
				t.Errorf("the audit has %s, want %s", out, tt.method)
			}
		})
	}
	cfg := clientcredentials.Config{ClientID: agent.ID, TokenURL: h.url + api.PathToken, AuthStyle: oauth2.AuthStyleInParams}
	if _, err := cfg.Token(context.WithValue(t.Context(), oauth2.HTTPClient, h.web(t, filesOf(t, agent.Other)))); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("with a certificate that is registered nowhere: %v", err)
	}
}

// assertionOf is an assertion that golang-jwt signed.
func assertionOf(t testing.TB, private crypto.Signer, id, issuer string) string {
	t.Helper()
	now := time.Now()
	text, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
		Issuer: id, Subject: id, Audience: jwt.ClaimStrings{issuer}, ID: rand.Text(), IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
	}).SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// filesOf puts a certificate and its key into files.
func filesOf(t testing.TB, p foreignPair) pair {
	t.Helper()
	var out pair
	for _, each := range []struct{ to, text *string }{{&out.cert, &p.Cert}, {&out.key, &p.Key}} {
		block, _ := pem.Decode([]byte(*each.text))
		if block == nil {
			t.Fatal("there is no PEM")
		}
		*each.to = pemFile(t, block.Type, block.Bytes)
	}
	return out
}
