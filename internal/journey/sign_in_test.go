//go:build unix

package journey_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// selfSigned is a certificate of a pair, of its own making, in PEM.
func (p pair) selfSigned(t testing.TB) string {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "mine"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, p.private.Public(), p.private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// pem is the private key.
func (p pair) pem(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// TestJourney_signIn: the provider works without any secret: it signs in by a key,
// then by a certificate; and so does the agent whose token a run takes, which is
// revoked at its end. What is not registered is refused, and no key is shown.
func TestJourney_signIn(t *testing.T) {
	t.Parallel()
	config := func(tokens string) string {
		return header + `
resource "agentcreds_agent" "bot" {
  display_name = "Bot"
  scopes       = ["read"]
}

resource "agentcreds_agent_key" "bot" {
  agent_id       = agentcreds_agent.bot.id
  public_key_pem = file("agent.pub")
}

resource "agentcreds_agent_certificate" "bot" {
  agent_id        = agentcreds_agent.bot.id
  certificate_pem = file("agent.crt")
}
` + tokens
	}
	w := newWorkspace(t, config(""))
	s, _ := tlsServe(t, w)
	defer s.stop()
	agent, tf, stranger := newPair(), newPair(), newPair()
	w.write("agent.pub", agent.public)
	w.write("agent.crt", agent.selfSigned(t))
	w.write("agent.pem", agent.pem(t))
	w.write("tf.pub", tf.public)
	w.write("tf.crt", tf.selfSigned(t))
	out, err := exec.Command(tools(t).provider, "client", "create", "--database", w.path(database), "--name", "tf", "--scope-set", "terraform",
		"--public-key-file", w.path("tf.pub"), "--certificate-file", w.path("tf.crt"), "--no-secret", "--json").Output()
	var made struct {
		ID string `json:"client_id"`
	}
	if err != nil || json.Unmarshal(out, &made) != nil {
		t.Fatalf("client create: %v\n%s", err, out)
	}
	common := []string{"AGENTCREDS_ENDPOINT=" + s.url, "AGENTCREDS_CLIENT_ID=" + made.ID, "AGENTCREDS_CA_CERTIFICATE=" + w.path(database+".tls-cert")}
	as := func(more ...string) { w.env = append(common[:len(common):len(common)], more...) }
	shows := func(r result) {
		t.Helper()
		for _, p := range []pair{agent, tf, stranger} {
			if line := strings.Split(p.pem(t), "\n")[1]; strings.Contains(r.stdout+r.stderr, line) {
				t.Errorf("a private key is shown: %s", r)
			}
		}
	}
	as("AGENTCREDS_PRIVATE_KEY=" + stranger.pem(t))
	r := w.run("apply")
	if shows(r); r.code != 1 || !strings.Contains(r.stderr, "invalid_client") {
		t.Errorf("by a key that is not registered: %s", r)
	}
	as("AGENTCREDS_PRIVATE_KEY=" + tf.pem(t))
	shows(w.must("apply"))
	w.settled()
	as("AGENTCREDS_CLIENT_CERTIFICATE="+w.path("tf.crt"), "AGENTCREDS_CLIENT_KEY="+stranger.pem(t))
	r = w.run("plan")
	if shows(r); r.code != 1 || !strings.Contains(r.stderr, "client_key") || !strings.Contains(r.stderr, "not the key of the certificate") {
		t.Errorf("with the key of another: %s", r)
	}
	as("AGENTCREDS_CLIENT_CERTIFICATE="+w.path("tf.crt"), "AGENTCREDS_CLIENT_KEY="+tf.pem(t), "TF_LOG_PROVIDER=trace")
	w.write("main.tf", config(`
ephemeral "agentcreds_agent_token" "by_key" {
  agent_id    = agentcreds_agent.bot.id
  private_key = file("agent.pem")
  scopes      = ["read"]
}

ephemeral "agentcreds_agent_token" "by_certificate" {
  agent_id           = agentcreds_agent.bot.id
  client_certificate = file("agent.crt")
  client_key         = file("agent.pem")
}

resource "terraform_data" "use" {
  provisioner "local-exec" {
    command     = "test -n \"$A\" && test -n \"$B\""
    environment = {
      A = ephemeral.agentcreds_agent_token.by_key.access_token
      B = ephemeral.agentcreds_agent_token.by_certificate.access_token
    }
  }
}
`))
	shows(w.must("apply"))
	id := w.state().agentIDs()[0]
	trail, err := exec.Command(tools(t).provider, "audit", "tail", "--database", w.path(database), "--outcome", "done", "--json", "-n", "1000").Output()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(string(trail)) {
		var e struct {
			Action, Actor string
			Detail        map[string]string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("the audit has %s: %v", line, err)
		}
		if e.Action == "token.issue" || e.Action == "token.revoke" {
			count[strings.TrimSuffix(e.Actor, ":"+id)+" "+e.Action+" "+e.Detail["method"]]++
		}
	}
	for _, want := range []string{"agent token.issue private_key_jwt", "agent token.issue self_signed_tls_client_auth",
		"client:" + made.ID + " token.issue private_key_jwt", "client:" + made.ID + " token.issue self_signed_tls_client_auth"} {
		if count[want] == 0 {
			t.Errorf("there is no %s among %v", want, count)
		}
	}
	if issued := count["agent token.issue private_key_jwt"] + count["agent token.issue self_signed_tls_client_auth"]; count["agent token.revoke "] != issued {
		t.Errorf("%d tokens of the agent were revoked, want %d: %v", count["agent token.revoke "], issued, count)
	}
	shows(w.must("destroy"))
}
