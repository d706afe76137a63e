package cli_test

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// sent is an answer of the token API.
type sent struct {
	status int
	text   string
}

func (a sent) refused() bool {
	return a.status == http.StatusUnauthorized && a.text == `{"error":"invalid_client","error_description":"client authentication failed"}`+"\n"
}

// post sends a form over a connection of its own, with a certificate.
func (h *house) postBy(t testing.TB, path string, form url.Values, header http.Header, shown ...tls.Certificate) sent {
	t.Helper()
	cfg := h.trust(t)
	if cfg != nil {
		// Whatever it is, it is shown: a client would keep back what does not suit.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &append(shown, tls.Certificate{})[0], nil
		}
	}
	transport := &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return sent{answer.StatusCode, string(text)}
}

// grantBy asks for a token with a certificate.
func (h *house) grantBy(t testing.TB, id string, header http.Header, shown ...tls.Certificate) sent {
	t.Helper()
	return h.postBy(t, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {id}}, header, shown...)
}

// with makes an agent that has one certificate, or trusts a subject.
func (h *house) with(t testing.TB, name string, req api.CertificateRequest) (id string, made api.Certificate) {
	t.Helper()
	id, _ = h.newAgent(t, name)
	made, err := h.client.AddCertificate(t.Context(), id, req)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return id, made
}

// lastReason is why the last login of an agent was refused, and how it was tried.
func (h *house) lastReason(t *testing.T, id string) (reason, method string) {
	t.Helper()
	for _, e := range slices.Backward(entries(t, h.database)) {
		if e.AgentID == id && e.Action == audit.TokenIssue && e.Outcome == audit.Refused {
			return e.Reason, e.Detail["method"]
		}
	}
	return "", ""
}

// Certificates that are refused, over TLS against the whole server: nothing is
// told outside, and each has its own reason in the audit.
func TestMutualTLS_refused(t *testing.T) {
	foreign, stranger := newMadeCA(t, "foreign"), newMadeCA(t, "stranger")
	h := newHouse(t, "--tls-self-signed", "--tls-client-ca", foreign.file(t))
	one := foreign.below(t, func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	two := one.below(t, nil)
	noCA := foreign.below(t, func(c *x509.Certificate) { c.IsCA, c.MaxPathLen = false, 0 })
	named := foreign.below(t, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"elsewhere.example"}, true
	})
	forServers := foreign.below(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	given := alone(t, nil)
	csr, key := requestOf(t)
	_, theirs := h.with(t, "somebody else", api.CertificateRequest{CSRPEM: csr})
	dns, spiffe := api.CertificateRequest{Subject: &api.Subject{DNS: "bot.example"}}, &url.URL{Scheme: "spiffe", Host: "a.example", Path: "/bot"}
	by := func(change func(*x509.Certificate)) tls.Certificate { return foreign.leaf(t, change) }
	reasons := map[string]string{}
	for _, tt := range []struct {
		name   string
		has    api.CertificateRequest // what the agent has
		shown  tls.Certificate
		reason string
		method string // "" is tls_client_auth
	}{
		{"expired", dns, by(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "it expired at", ""},
		{"not yet valid", dns, by(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) }), "not valid before", ""},
		{"for servers", dns, by(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), "has no clientAuth", ""},
		{"for nothing", dns, by(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), "no extended key usage", ""},
		{"another CA", dns, stranger.leaf(t, nil), "unknown authority", ""},
		{"another CA of the same name", dns, newMadeCA(t, "foreign").leaf(t, nil), "candidate authority certificate", ""},
		{"self-signed with the name", dns, alone(t, nil), "unknown authority", "self_signed_tls_client_auth"},
		{"another self-signed", api.CertificateRequest{CertificatePEM: inPEM(given)}, alone(t, nil), "none of its live ones", "self_signed_tls_client_auth"},
		{"self-signed, expired", api.CertificateRequest{CertificatePEM: inPEM(given)}, alone(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }), "it expired at", "self_signed_tls_client_auth"},
		{"another DN", api.CertificateRequest{Subject: &api.Subject{DN: "CN=bot,O=Example"}}, by(func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "bot", Organization: []string{"example"}} }), "does not name the subject", ""},
		{"another DNS name", dns, by(func(c *x509.Certificate) { c.DNSNames = []string{"bot.example.org"} }), "does not name the subject", ""},
		{"a wildcard", dns, by(func(c *x509.Certificate) { c.DNSNames = []string{"*.example"} }), "does not name the subject", ""},
		{"the name as common name", dns, by(func(c *x509.Certificate) { c.DNSNames, c.Subject = nil, pkix.Name{CommonName: "bot.example"} }), "does not name the subject", ""},
		{"another URI", api.CertificateRequest{Subject: &api.Subject{URI: "spiffe://a.example/bot2"}}, by(func(c *x509.Certificate) { c.URIs = []*url.URL{spiffe} }), "does not name the subject", ""},
		{"another address", api.CertificateRequest{Subject: &api.Subject{IP: "192.0.2.1"}}, by(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 10)} }), "does not name the subject", ""},
		{"another mail", api.CertificateRequest{Subject: &api.Subject{Email: "bot@a.example"}}, by(func(c *x509.Certificate) { c.EmailAddresses = []string{"bot@b.example"} }), "does not name the subject", ""},
		{"chain longer than its CA allows", dns, two.leaf(t, nil), "too many intermediates", ""},
		{"chain of seven", dns, long(foreign.leaf(t, nil)), "7 certificates", ""},
		{"intermediate is missing", dns, cut(one.leaf(t, nil)), "unknown authority", ""},
		{"intermediate is no CA", dns, noCA.leaf(t, nil), "parent certificate cannot sign", ""},
		{"intermediate is for servers", dns, forServers.leaf(t, nil), "incompatible key usage", ""},
		{"beyond the names of its CA", dns, named.leaf(t, nil), "is not permitted by any constraint", ""},
		{"a CA's", dns, by(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), "it is a CA's", ""},
		{"not for signatures", dns, by(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), "without digitalSignature", ""},
		{"what must be understood", dns, by(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}}
		}), "unhandled critical extension", ""},
		{"a weak key", dns, foreign.sign(t, clientTemplate(nil), short), "1024 bits", ""},
		{"of another agent", dns, pairOf(t, theirs.CertificatePEM, key), "certificate signed by unknown authority", ""},
		{"of another agent, and nothing of its own", api.CertificateRequest{CertificatePEM: inPEM(given)}, pairOf(t, theirs.CertificatePEM, key), "none of its live ones", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, _ := h.with(t, tt.name, tt.has)
			if a := h.grantBy(t, id, nil, tt.shown); !a.refused() {
				t.Errorf("%d %s", a.status, a.text)
			}
			reason, method := h.lastReason(t, id)
			if want := cmp.Or(tt.method, "tls_client_auth"); method != want {
				t.Errorf("it was tried by %s, want %s", method, want)
			}
			if !strings.Contains(reason, tt.reason) {
				t.Errorf("the reason is %q, want %q", reason, tt.reason)
			}
			reasons[reason] = tt.name
		})
	}
	if len(reasons) < 18 {
		t.Errorf("%d different reasons", len(reasons))
	}
	// All that differs is what the row says: this is good.
	for name, tt := range map[string]struct {
		has   api.CertificateRequest
		shown tls.Certificate
	}{
		"DNS":          {dns, by(nil)},
		"intermediate": {dns, one.leaf(t, nil)},
		"DN":           {api.CertificateRequest{Subject: &api.Subject{DN: "CN=bot,O=Example"}}, by(func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "bot", Organization: []string{"Example"}} })},
		"URI":          {api.CertificateRequest{Subject: &api.Subject{URI: spiffe.String()}}, by(func(c *x509.Certificate) { c.URIs = []*url.URL{spiffe} })},
		"IP":           {api.CertificateRequest{Subject: &api.Subject{IP: "192.0.2.1"}}, by(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} })},
		"mail":         {api.CertificateRequest{Subject: &api.Subject{Email: "bot@a.example"}}, by(func(c *x509.Certificate) { c.EmailAddresses = []string{"bot@a.example"} })},
		"given":        {api.CertificateRequest{CertificatePEM: inPEM(given)}, given},
	} {
		id, _ := h.with(t, "good "+name, tt.has)
		if a := h.grantBy(t, id, nil, tt.shown); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

// introspect asks about a token as a resource server does.
func (h *house) introspect(t testing.TB, token string) sent {
	t.Helper()
	pair := base64.StdEncoding.EncodeToString([]byte(h.inspector.ID + ":" + h.inspector.Secret))
	return h.postBy(t, "/oauth2/introspect", url.Values{"token": {token}}, http.Header{"Authorization": {"Basic " + pair}})
}

func (h *house) patch(t testing.TB, id, path string, value any) {
	t.Helper()
	if _, err := h.client.PatchAgent(t.Context(), id, []api.Operation{api.Replace(path, value)}); err != nil {
		t.Fatal(err)
	}
}

// long repeats a certificate.
func long(c tls.Certificate) tls.Certificate {
	for len(c.Certificate) < 7 {
		c.Certificate = append(c.Certificate, c.Certificate[0])
	}
	return c
}

// cut leaves those behind the first away.
func cut(c tls.Certificate) tls.Certificate {
	c.Certificate = c.Certificate[:1]
	return c
}

// The life of a certificate that the server signed: renewed with an overlap in
// which both are good, revoked, its agent blocked, its method taken away; and
// what is refused then has its reason.
func TestMutualTLS_life(t *testing.T) {
	h := newHouse(t, "--tls-self-signed")
	csr, key := requestOf(t)
	id, first := h.with(t, "renewed", api.CertificateRequest{CSRPEM: csr})
	old := pairOf(t, first.CertificatePEM+first.CAChainPEM, key)
	good := func(what string, shown tls.Certificate) string {
		t.Helper()
		a := h.grantBy(t, id, nil, shown)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", what, a.status, a.text)
		}
		return accessToken(t, a.text)
	}
	bad := func(what string, shown tls.Certificate, reason string) {
		t.Helper()
		if a := h.grantBy(t, id, nil, shown); !a.refused() {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
		if got, method := h.lastReason(t, id); !strings.Contains(got, reason) || method != "tls_client_auth" {
			t.Errorf("%s: by %s the reason is %q, want %q", what, method, got, reason)
		}
	}
	byOld := good("the first", old)
	csr2, key2 := requestOf(t)
	second, err := h.client.AddCertificate(t.Context(), id, api.CertificateRequest{
		CSRPEM: csr2, Previous: &api.RetireCertificate{ID: first.ID, ExpiresAt: time.Now().Add(time.Hour).Unix()},
	})
	if err != nil {
		t.Fatal(err)
	}
	next := pairOf(t, second.CertificatePEM, key2)
	good("the old one in its grace", old)
	byNext := good("the new one", next)
	if _, err := h.client.ExpireCertificate(t.Context(), id, first.ID, time.Now().Add(-time.Second).Unix()); err != nil {
		t.Fatal(err)
	}
	bad("the old one after its grace", old, fmt.Sprintf("%q is EXPIRED", first.ID))
	if !strings.Contains(h.introspect(t, byOld).text, `"active":true`) {
		t.Error("the end of a grace ended a token")
	}
	if err := h.client.RevokeCertificate(t.Context(), id, second.ID, ""); err != nil {
		t.Fatal(err)
	}
	bad("revoked", next, fmt.Sprintf("%q is REVOKED", second.ID))
	if h.introspect(t, byNext).text != `{"active":false}`+"\n" {
		t.Error("the token of a revoked certificate is active")
	}
	csr3, key3 := requestOf(t)
	third, err := h.client.AddCertificate(t.Context(), id, api.CertificateRequest{CSRPEM: csr3})
	if err != nil {
		t.Fatal(err)
	}
	last := pairOf(t, third.CertificatePEM, key3)
	h.patch(t, id, api.SchemaCredentials+":allowedAuthMethods", []string{"self_signed_tls_client_auth", "private_key_jwt"})
	bad("the method is not allowed", last, "may not use tls_client_auth")
	h.patch(t, id, api.SchemaCredentials+":allowedAuthMethods", []string{"tls_client_auth"})
	good("the method is allowed", last)
	h.patch(t, id, "active", false)
	bad("blocked", last, "the agent is blocked")
}
