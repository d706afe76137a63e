package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

// stormIssuer stays the same, wherever the server listens.
const stormIssuer = "http://127.0.0.1:8484"

// stormServer takes certificates from a proxy, which the test is: so it needs
// no TLS.
func stormServer(database string) []string {
	return []string{"--database", database, "--issuer", stormIssuer, "--trusted-proxy", "127.0.0.1/32"}
}

// way is a kind of credential: where it is managed, and how the audit names it.
type way struct {
	path           string
	create, revoke audit.Action
}

var ways = []way{
	{"secrets", audit.SecretCreate, audit.SecretRevoke},
	{"keys", audit.PublicKeyCreate, audit.PublicKeyRevoke},
	{"certificates", audit.CertificateCreate, audit.CertificateRevoke},
}

// proof is what an agent has: one of the three.
type proof struct {
	secret      string
	key         *ecdsa.PrivateKey
	kid         string
	certificate []byte // DER
}

// form is that of a login; with a key, of one that can be sent once.
func (p proof) form(t *testing.T, agent string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {agent}}
	switch {
	case p.secret != "":
		form.Set("client_secret", p.secret)
	case p.key != nil:
		opts := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", p.kid)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, opts)
		if err != nil {
			t.Error(err)
			return form
		}
		now := time.Now().Unix()
		claims, _ := json.Marshal(map[string]any{"iss": agent, "sub": agent, "aud": stormIssuer, "jti": rand.Text(), "iat": now, "exp": now + 1800})
		signed, err := signer.Sign(claims)
		if err != nil {
			t.Error(err)
			return form
		}
		text, _ := signed.CompactSerialize()
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", text)
	}
	return form
}

// make adds a credential to an agent; nil when that was not answered.
func (w *weather) make(t *testing.T, by way, agent string) *lived {
	made := &lived{way: by, agent: agent}
	path := "/api/server/v1/agents/" + agent + "/" + by.path
	var answer struct{ SecretID, SecretValue, KID, ID string }
	send := func(body any) bool {
		text, _ := json.Marshal(body)
		return w.send(t, "POST", path, string(text), &answer) == http.StatusCreated
	}
	if by.path == "secrets" {
		if !send(struct{}{}) {
			return nil
		}
		made.id, made.proof.secret = answer.SecretID, answer.SecretValue
		return made
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Error(err)
		return nil
	}
	if by.path == "keys" {
		public, err := keys.New(key.Public())
		if err != nil || !send(map[string]any{"jwk": public.JWK()}) {
			return nil
		}
		made.id, made.proof.key, made.proof.kid = answer.KID, key, answer.KID
		return made
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil || !send(map[string]string{"certificatePem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}) {
		return nil
	}
	made.id, made.proof.certificate = answer.ID, der
	return made
}
