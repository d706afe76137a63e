//go:build unix

package journey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// agentKey is the key pair that an agent made for itself, and the request for a
// certificate that it hands out.
func agentKey(t *testing.T) (private crypto.Signer, csr string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, private)
	if err != nil {
		t.Fatal(err)
	}
	return private, pemText("CERTIFICATE REQUEST", der)
}

// selfSigned is a certificate that the agent made itself.
func selfSigned(t *testing.T) string {
	t.Helper()
	private, _ := agentKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(72 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("CERTIFICATE", der)
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// leafOf is the certificate of a text in PEM.
func leafOf(t testing.TB, text string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("%q is not PEM", text)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withCertificate declares an agent and what is written of its certificate.
func withCertificate(agent, certificate string) string {
	return fmt.Sprintf("resource \"agentcreds_agent\" %[1]q {\n  display_name = %[1]q\n}\nresource \"agentcreds_agent_certificate\" %[1]q {\n  agent_id = agentcreds_agent.%[1]s.id\n%[2]s\n}\n", agent, certificate)
}

func heredoc(name, text string) string { return name + " = <<EOT\n" + text + "EOT\n" }

// certificateForms are an agent with each form of a certificate.
func certificateForms(t *testing.T) string {
	t.Helper()
	_, csr := agentKey(t)
	_, other := agentKey(t)
	var config strings.Builder
	config.WriteString(header)
	for name, form := range map[string]string{
		"request": heredoc("csr_pem", csr), "written": heredoc("csr_pem_wo", other) + "csr_pem_wo_version = 1", "given": heredoc("certificate_pem", selfSigned(t)),
		"dn": `subject_dn = "CN=bot,O=Example"`, "dns": `san_dns = "bot.example"`, "uri": `san_uri = "spiffe://example/bot"`,
		"ip": `san_ip = "192.0.2.7"`, "mail": `san_email = "bot@example.com"`,
	} {
		config.WriteString(withCertificate(name, form))
	}
	return config.String()
}

// TestJourney_certificateForms: after each form of a certificate there is nothing
// more to do, twice, and a destroy leaves nothing; embedded, and with serve.
func TestJourney_certificateForms(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"embedded", "serve"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, certificateForms(t))
			if place == "serve" {
				s := serve(t, w.path("server.db"))
				w.env = s.env(s.url)
				defer s.stop()
			}
			w.must("apply")
			w.settled()
			w.settled("-refresh=false")
			if made := w.state().attributes("agentcreds_agent_certificate"); len(made) != 8 {
				t.Errorf("there are %d certificates", len(made))
			}
			w.must("destroy")
		})
	}
}

// secured is a server that speaks TLS, and who trusts it.
type secured struct {
	*server
	roots *x509.CertPool
}

func serveTLS(t *testing.T, w *workspace) secured {
	t.Helper()
	s := secured{serve(t, w.path(database), "--tls-self-signed"), x509.NewCertPool()}
	trusted := w.path(database + ".tls-cert")
	text, err := os.ReadFile(trusted) //nolint:gosec // made by the server
	if err != nil || !s.roots.AppendCertsFromPEM(text) {
		t.Fatalf("the certificate of the server: %v", err)
	}
	w.env = append(s.env(s.url), "AGENTCREDS_CA_CERTIFICATE="+trusted)
	return s
}

// client connects as whoever has the certificate and its key; nil for nobody.
func (s secured) client(c *tls.Certificate) *http.Client {
	config := &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}
	if c != nil {
		config.Certificates = []tls.Certificate{*c}
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: config}}
}

// login gets a token by mutual TLS, and says to which certificate it is bound.
func (s secured) login(agentID string, private crypto.Signer, chain string) (status int, bound string) {
	s.t.Helper()
	pair := tls.Certificate{PrivateKey: private}
	for rest := []byte(chain); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		pair.Certificate = append(pair.Certificate, block.Bytes)
	}
	resp, err := s.client(&pair).PostForm(s.url+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {agentID}})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		s.t.Fatal(err)
	}
	var claims struct {
		Confirmation map[string]string `json:"cnf"`
	}
	if parts := strings.Split(answer.Token, "."); len(parts) == 3 {
		body, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil {
			err = json.Unmarshal(body, &claims)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return resp.StatusCode, claims.Confirmation["x5t#S256"]
}

// revoked reads the revocation list that a certificate names, checks who signed
// it, and reports whether the certificate is on it.
func (s secured) revoked(certificate, chain string) bool {
	s.t.Helper()
	leaf := leafOf(s.t, certificate)
	if len(leaf.CRLDistributionPoints) != 1 {
		s.t.Fatalf("the certificate names the lists %v", leaf.CRLDistributionPoints)
	}
	resp, err := s.client(nil).Get(leaf.CRLDistributionPoints[0])
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	der, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(leafOf(s.t, chain)); err != nil {
		s.t.Error(err)
	}
	for _, one := range list.RevokedCertificateEntries {
		if one.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
			return true
		}
	}
	return false
}

// TestJourney_certificate is the life of a certificate: signed, used, renewed with
// an overlap, imported elsewhere, and revoked.
func TestJourney_certificate(t *testing.T) {
	t.Parallel()
	private, csr := agentKey(t)
	w := newWorkspace(t, header)
	s := serveTLS(t, w)
	config := func(more string) {
		w.write("main.tf", header+withCertificate("bot", heredoc("csr_pem", csr)+"validity = \"2160h\"\n"+more))
	}
	now := func() map[string]any { return w.state().attributes("agentcreds_agent_certificate")[0] }
	chain := func(c map[string]any) string { return text(c["certificate_pem"]) + text(c["ca_chain_pem"]) }
	works := func(what string, c map[string]any, want int) {
		t.Helper()
		status, bound := s.login(text(c["agent_id"]), private, chain(c))
		if status != want || status == http.StatusOK && bound != c["thumbprint_sha256"] {
			t.Errorf("%s: the login came to %d with a token for %q, want %d", what, status, bound, want)
		}
	}
	config("")
	w.must("apply")
	w.settled()
	first := now()
	works("the first", first, http.StatusOK)

	// All but a second of its life is early: it is due, and renewed.
	config(`early_renewal = "2159h59m59s"`)
	for end := time.Now().Add(time.Minute); now()["serial_number"] == first["serial_number"]; {
		if time.Now().After(end) {
			t.Fatal("it is not renewed")
		}
		w.must("apply")
	}
	config(`early_renewal = "240h"`)
	w.must("apply")
	w.settled()
	second := now()
	works("the renewed", second, http.StatusOK)
	previous, _ := second["previous"].(map[string]any)
	if previous["serial_number"] == first["serial_number"] {
		works("the one before", first, http.StatusOK)
	}
	config(lines(`early_renewal = "240h"`, `grace_period = "0s"`))
	w.must("apply")
	w.settled()
	works("the one before, without a grace", first, http.StatusUnauthorized)
	works("the renewed", second, http.StatusOK)

	id := text(second["agent_id"])
	other := newWorkspace(t, header+lines(
		"import {", "to = agentcreds_agent_certificate.bot", fmt.Sprintf("id = %q", id+"/"+text(second["serial_number"])), "}",
		`resource "agentcreds_agent_certificate" "bot" {`, fmt.Sprintf("agent_id = %q", id), heredoc("csr_pem", csr), "}"))
	other.env = w.env
	other.must("apply")
	other.settled()
	if got := other.state().attributes("agentcreds_agent_certificate")[0]; got["serial_number"] != second["serial_number"] || got["version"] != second["version"] {
		t.Errorf("imported: %v", got)
	}

	if s.revoked(text(second["certificate_pem"]), text(second["ca_chain_pem"])) {
		t.Error("the list has a certificate that is good")
	}
	w.must("destroy", "-target=agentcreds_agent_certificate.bot")
	works("the revoked", second, http.StatusUnauthorized)
	if !s.revoked(text(second["certificate_pem"]), text(second["ca_chain_pem"])) {
		t.Error("the list does not have the certificate that was revoked")
	}
	w.must("destroy")
	s.stop()
}

// TestJourney_certificateLost: every answer to the request for a certificate is
// lost after the server did it; the next apply takes what is there.
func TestJourney_certificateLost(t *testing.T) {
	t.Parallel()
	_, csr := agentKey(t)
	w := newWorkspace(t, header+withCertificate("bot", heredoc("csr_pem", csr)))
	faulty := serve(t, w.path(database), "--fault", "PUT /api/server/v1/agents/*/certificates/*: lost-after-commit")
	good := serve(t, w.path(database))
	w.env = faulty.env(faulty.url)
	if r := w.run("apply"); r.code == 0 {
		t.Fatalf("the apply succeeded: %s", r)
	}
	var answer struct {
		List []struct{ SerialNumber, Status string }
	}
	listed := func() {
		t.Helper()
		answer.List = nil
		good.get("/api/server/v1/agents/"+good.agents()[0].ID+"/certificates", &answer)
		if len(answer.List) != 1 || answer.List[0].Status != "ACTIVE" {
			t.Fatalf("the certificates are %v", answer.List)
		}
	}
	listed()
	w.env = good.env(good.url)
	w.must("apply")
	w.settled()
	listed()
	if got := w.state().attributes("agentcreds_agent_certificate")[0]; got["serial_number"] != answer.List[0].SerialNumber {
		t.Errorf("the state has %v, the server %v", got["serial_number"], answer.List)
	}
	faulty.stop()
	good.stop()
}
