package cli_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// pair is a key pair with a certificate, in files.
type pair struct{ key, public, cert string }

// newPair makes one; change may alter the certificate.
func newPair(t testing.TB, change ...func(*x509.Certificate)) pair {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "tf"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, DNSNames: []string{"localhost"},
	}
	for _, c := range change {
		c(template)
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return pair{pemFile(t, "PRIVATE KEY", pkcs8(t, private)), pemFile(t, "PUBLIC KEY", pkix8(t, private.Public())), pemFile(t, "CERTIFICATE", cert)}
}

func pkcs8(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pkix8(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pemFile(t testing.TB, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), strings.ReplaceAll(strings.ToLower(kind), " ", "_")+".pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// proof is what a configuration reads.
func (p pair) proof(t testing.TB, kind string) client.Proof {
	t.Helper()
	text := client.ProofText{PrivateKey: secret.New("file:" + p.key)}
	if kind == "certificate" {
		text = client.ProofText{Certificate: p.cert, Key: secret.New("file:" + p.key)}
	}
	proof, err := text.Read(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// web is a browser of the server that shows the certificate of a pair; none for
// the zero pair.
func (h *house) web(t testing.TB, p pair) *http.Client {
	t.Helper()
	cfg := h.trust(t)
	if p.cert != "" {
		own, err := tls.LoadX509KeyPair(p.cert, p.key)
		if err != nil {
			t.Fatal(err)
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	transport := &http.Transport{TLSClientConfig: cfg}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// A management client works all the same, whatever it signs in with: one token
// for all who ask at once, and another when it was ended.
func TestSignIn_managementClient(t *testing.T) {
	h := newHouse(t, "--tls-self-signed")
	for _, kind := range []string{"key", "certificate"} {
		t.Run(kind, func(t *testing.T) {
			p := newPair(t)
			given := "--public-key-file=" + p.public
			if kind == "certificate" {
				given = "--certificate-file=" + p.cert
			}
			made := makeClient(t, h.database, kind, "--scope-set", "terraform", given)
			c, err := client.New(client.Config{
				BaseURL: h.url, MaxRetries: -1, TLS: h.trust(t), Auth: client.SignIn(made.ID, p.proof(t, kind), api.ScopeAgentList, api.ScopeAgentView, api.ScopeCredentialView),
			})
			if err != nil {
				t.Fatal(err)
			}
			bot, err := h.client.CreateAgent(t.Context(), newBot("of "+kind))
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for range 16 {
				all.Go(func() {
					if _, err := c.Agent(t.Context(), bot.ID); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if n := h.logins(t, made.ID); n != 1 {
				t.Errorf("%d logins of one client, want 1", n)
			}
			// The secret that it has too is replaced at once: every token ends.
			if out, err := command(t, "client", "rotate", made.ID, "--database", h.database, "--grace", "0s"); err != nil {
				t.Fatal(out)
			}
			if _, err := c.Agent(t.Context(), bot.ID); err != nil {
				t.Errorf("after its tokens ended: %v", err)
			}
			if n := h.logins(t, made.ID); n != 2 {
				t.Errorf("%d logins of one client, want 2", n)
			}
			other, err := client.New(client.Config{BaseURL: h.url, MaxRetries: -1, TLS: h.trust(t), Auth: client.SignIn(made.ID, newPair(t).proof(t, kind))})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.Agent(t.Context(), bot.ID); err == nil || !strings.Contains(err.Error(), "invalid_client") {
				t.Errorf("with another %s: %v", kind, err)
			}
		})
	}
}

// logins are the tokens that a client got.
func (h *house) logins(t testing.TB, id string) int {
	t.Helper()
	out, err := command(t, "audit", "tail", "--database", h.database, "--actor", "client:"+id, "--action", "token.issue", "--outcome", "done", "-n", "100")
	if err != nil {
		t.Fatal(out)
	}
	return strings.Count(out, "\n")
}

// The command signs in by each, and what it gets by a certificate is bound to
// that: nobody else can use it, at the management API neither.
func TestToken_certificate(t *testing.T) {
	h := newHouse(t, "--tls-self-signed")
	p, q := newPair(t), newPair(t)
	bot, err := h.client.CreateAgent(t.Context(), newBot("bot"))
	if err != nil {
		t.Fatal(err)
	}
	text := readFile(t, p.cert)
	if _, err := h.client.AddCertificate(t.Context(), bot.ID, api.CertificateRequest{CertificatePEM: text}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.client.AddKey(t.Context(), bot.ID, api.KeyRequest{PublicKeyPEM: readFile(t, p.public)}); err != nil {
		t.Fatal(err)
	}
	tf := makeClient(t, h.database, "tf", "--scope-set", "view", "--no-secret", "--certificate-file", p.cert, "--public-key-file", p.public)
	common := []string{"--endpoint", h.url, "--ca-certificate", h.certificate()}
	token := func(args ...string) (string, error) {
		return command(t, slices.Concat([]string{"token"}, common, args)...)
	}
	byCert := []string{"--client-cert", p.cert, "--client-key", p.key}
	for _, tt := range []struct {
		id    []string
		bound bool
	}{
		{slices.Concat([]string{"--agent-id", bot.ID}, byCert), true},
		{[]string{"--agent-id", bot.ID, "--private-key-file", p.key}, false},
		{slices.Concat([]string{"--client-id", tf.ID, "--scope", api.ScopeAgentList}, byCert), true},
		{[]string{"--client-id", tf.ID, "--scope", api.ScopeAgentList, "--private-key-file", p.key}, false},
	} {
		out, err := token(append(tt.id, "--json")...)
		var got struct {
			Token string `json:"access_token"`
			Life  int    `json:"expires_in"`
			Scope string `json:"scope"`
		}
		if err != nil || json.Unmarshal([]byte(out), &got) != nil || got.Life != 600 {
			t.Fatalf("token %v: %v\n%s", tt.id, err, out)
		}
		told := h.introspect(t, got.Token).text
		if has := strings.Contains(told, `"cnf":{"x5t#S256":"`); has != tt.bound || !strings.Contains(told, `"active":true`) {
			t.Errorf("token %v is introspected as %s", tt.id, told)
		}
		if tt.id[0] == "--agent-id" {
			continue
		}
		for name, who := range map[string]struct {
			pair pair
			want int
		}{"with its certificate": {p, 200}, "without one": {pair{}, 401}, "with another": {q, 401}} {
			want := who.want
			if !tt.bound {
				want = 200
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+api.PathAgents, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+got.Token)
			answer, err := h.web(t, who.pair).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("the management API answers %d to a token %s, want %d (bound: %v)", answer.StatusCode, name, want, tt.bound)
			}
		}
	}
	out, err := token(slices.Concat([]string{"--client-id", tf.ID, "--env"}, byCert)...)
	if err != nil || !strings.HasPrefix(out, "AGENTCREDS_ACCESS_TOKEN=eyJ") {
		t.Errorf("token --env: %v %s", err, out)
	}

	old := newPair(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	locked := pemFile(t, "ENCRYPTED PRIVATE KEY", []byte("x"))
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"without a key", []string{"--client-cert", p.cert}, []string{"--client-cert and --client-key are needed together"}},
		{"key without a certificate", []string{"--client-key", p.key}, []string{"--client-cert and --client-key are needed together"}},
		{"beside a private key", append([]string{"--private-key-file", p.key}, byCert...), []string{"exclude each other"}},
		{"key of another", []string{"--client-cert", p.cert, "--client-key", q.key}, []string{"use the private key in " + q.key, "not the key of the certificate"}},
		{"encrypted key", []string{"--client-cert", p.cert, "--client-key", locked}, []string{"use the private key in " + locked, "it is encrypted"}},
		{"expired", []string{"--client-cert", old.cert, "--client-key", old.key}, []string{"use the certificate in " + old.cert, "it expired at"}},
		{"certificate that is a key", []string{"--client-cert", p.key, "--client-key", p.key}, []string{"use the certificate in " + p.key, `"PRIVATE KEY", not "CERTIFICATE"`}},
		{"no file", []string{"--client-cert", "nosuch", "--client-key", p.key}, []string{"read the certificate: open nosuch"}},
		{"not registered", []string{"--client-cert", q.cert, "--client-key", q.key}, []string{"401 invalid_client", "neither expired nor revoked"}},
	} {
		out, err := token(append([]string{"--agent-id", bot.ID}, tt.args...)...)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(out, want) {
				t.Errorf("%s: %v %s, want %q in it", tt.name, err, out, want)
			}
		}
		if strings.Contains(out, "BEGIN") {
			t.Errorf("%s: it shows %s", tt.name, out)
		}
	}

	// The commands sign in by what the provider takes.
	root := makeClient(t, h.database, "root", "--scope-set", "admin", "--no-secret", "--certificate-file", q.cert)
	for name, env := range map[string]struct {
		vars []string
		want string
	}{
		"certificate":   {[]string{"AGENTCREDS_CLIENT_CERTIFICATE=" + q.cert, "AGENTCREDS_CLIENT_KEY=file:" + q.key}, `"name":"root"`},
		"nothing":       {nil, "AGENTCREDS_CLIENT_ID is set, and nothing to sign in with"},
		"half":          {[]string{"AGENTCREDS_CLIENT_CERTIFICATE=" + q.cert}, "client_key cannot be used: it is neither PEM text nor file:NAME"},
		"another's key": {[]string{"AGENTCREDS_PRIVATE_KEY=file:" + q.key}, "invalid_client"},
	} {
		cmd := program(t, append([]string{"client", "list", "--json"}, common...)...)
		cmd.Env = append(cmd.Env, append(env.vars, "AGENTCREDS_CLIENT_ID="+root.ID)...)
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), env.want) {
			t.Errorf("client list with %s: %s, want %q", name, out, env.want)
		}
	}
}
