package authority_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// chainOf is certificates in PEM as a connection shows them.
func chainOf(t testing.TB, text string) (out [][]byte) {
	t.Helper()
	for rest := []byte(text); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return out
		}
		out = append(out, b.Bytes)
	}
}

func showing(l authority.Login, chain [][]byte) authority.Login {
	l.Secret, l.Method, l.Certificates = secret.Text{}, authority.TLSClientAuth, chain
	return l
}

// clientOnly is what a certificate of a client has.
var clientOnly = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}

// Every way to refuse a certificate: its own reason in the audit, and no token;
// and beside them those that are good, with tokens that are bound to them.
func TestCertificate_login(t *testing.T) {
	foreign, stranger := newRoot(t, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), "foreign"), newRoot(t, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), "stranger")
	roots := x509.NewCertPool()
	roots.AddCert(foreign.cert)
	w := newCA(t, authority.CAConfig{Own: true, Roots: roots})
	o := &office{w, w.issuer(t, authority.IssuerConfig{})}
	now := o.clock.Now()
	end := now.Add(time.Hour)
	signedBot, givenBot, namedBot, bare := o.bot(t, authority.AgentChange{}), o.bot(t, authority.AgentChange{}), o.bot(t, authority.AgentChange{}), o.bot(t, authority.AgentChange{})
	at := func(l authority.Login) authority.Rotation { return authority.Rotation{AgentID: l.ID} }
	signed := o.issue(t, authority.NewCertificate{Rotation: at(signedBot), ID: "signed", RequestPEM: csr(t, "ES256"), Life: 2 * time.Hour})
	self := func(pair string, template x509.Certificate) string {
		key := pairs()[pair]
		template.NotBefore, template.ExtKeyUsage = now.Add(-time.Hour), clientOnly
		return selfSigned(t, template, key)
	}
	mine, changed := self("ES384", x509.Certificate{NotAfter: end}), self("ES384", x509.Certificate{NotAfter: end.Add(time.Minute)})
	o.issue(t, authority.NewCertificate{Rotation: at(givenBot), ID: "given", CertificatePEM: mine})
	o.issue(t, authority.NewCertificate{Rotation: at(namedBot), ID: "named", Subject: authority.Subject{DNS: "bot.example"}})
	leaf := func(change func(*x509.Certificate)) x509.Certificate {
		c := x509.Certificate{NotAfter: end, ExtKeyUsage: clientOnly, DNSNames: []string{"bot.example"}, KeyUsage: x509.KeyUsageDigitalSignature}
		if change != nil {
			change(&c)
		}
		return c
	}
	named := foreign.sign(t, leaf(nil), "ES512")
	middle := func(pathLen int, not bool) root {
		text := foreign.sign(t, x509.Certificate{
			Subject: pkix.Name{CommonName: "middle"}, NotAfter: end, IsCA: !not, BasicConstraintsValid: true, MaxPathLen: pathLen, MaxPathLenZero: pathLen == 0 && !not,
			KeyUsage: x509.KeyUsageCertSign,
		}, "other")
		return root{parsed(t, text), nil}
	}

	wrong := o.bot(t, authority.AgentChange{AuthMethods: &[]string{authority.SelfSignedTLSClientAuth}})
	onlyOther := o.issue(t, authority.NewCertificate{Rotation: at(wrong), RequestPEM: csr(t, "EdDSA")})
	gone := o.bot(t, authority.AgentChange{})
	revoked := o.issue(t, authority.NewCertificate{Rotation: at(gone), ID: "revoked", RequestPEM: csr(t, "ES256")})
	if err := o.RevokeCertificate(t.Context(), admin, gone.ID, "revoked", nil); err != nil {
		t.Fatal(err)
	}
	retired := o.issue(t, authority.NewCertificate{Rotation: at(gone), ID: "retired", RequestPEM: csr(t, "ES384")})
	if _, err := o.ExpireCertificate(t.Context(), admin, gone.ID, "retired", o.clock.in(-time.Second)); err != nil {
		t.Fatal(err)
	}
	blocked := o.bot(t, authority.AgentChange{})
	ofBlocked := o.issue(t, authority.NewCertificate{Rotation: at(blocked), RequestPEM: csr(t, "ES256")})
	o.change(t, blocked.ID, authority.AgentChange{Active: new(false)})

	single := middle(0, false)
	single.key = pairsEC("other")
	noCA := middle(0, true)
	noCA.key = pairsEC("other")
	bounded := root{parsed(t, foreign.sign(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "bounded"}, NotAfter: end, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomains: []string{"elsewhere.example"}, PermittedDNSDomainsCritical: true,
	}, "other")), pairsEC("other")}
	reasons := map[string]bool{}
	for _, tt := range []struct {
		name   string
		login  authority.Login
		chain  string
		reason string // "" is good
	}{
		{"signed here", signedBot, signed.Certificate, ""},
		{"signed here, with its chain", signedBot, signed.Certificate + signed.Chain, ""},
		{"given", givenBot, mine, ""},
		{"named", namedBot, named, ""},
		{"named, by an intermediate", namedBot, single.sign(t, leaf(nil), "ES512") + certificateText(single.cert), ""},
		{"named, one of many", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "other.example") }), "ES512"), ""},

		{"of another agent, signed", givenBot, signed.Certificate, "none of its live ones"},
		{"of another agent, given", signedBot, mine, "none of its live ones"},
		{"agent without any", bare, named, "none of its live ones"},
		{"given, another of the same key", givenBot, changed, "none of its live ones"},
		{"revoked", gone, revoked.Certificate, `"revoked" is REVOKED`},
		{"retired, after its grace", gone, retired.Certificate, `"retired" is EXPIRED`},
		{"blocked agent", blocked, ofBlocked.Certificate, "the agent is blocked"},
		{"method that it may not use", wrong, onlyOther.Certificate, "may not use tls_client_auth"},
		{"no extended key usage", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), "ES512"), "no extended key usage"},
		{"a CA's own", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), "ES512"), "it is a CA's"},
		{"not for signatures", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }), "ES512"), "without digitalSignature"},
		{"beyond the names of its CA", namedBot, bounded.sign(t, leaf(nil), "ES512") + certificateText(bounded.cert), "not permitted"},
		{"with an extension that must be understood", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		}), "ES512"), "unhandled critical extension"},
		{"expired", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) }), "ES512"), "it expired at"},
		{"not yet valid", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) }), "ES512"), "not valid before"},
		{"for servers", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), "ES512"), "not for clients"},
		{"for something unknown", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) {
			c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{1, 2, 3}}
		}), "ES512"), "not for clients"},
		{"another CA", namedBot, stranger.sign(t, leaf(nil), "ES512"), "unknown authority"},
		{"another CA, which is shown", namedBot, stranger.sign(t, leaf(nil), "ES512") + certificateText(stranger.cert), "unknown authority"},
		{"the server's own CA", namedBot, signed.Certificate, "unknown authority"},
		{"self-signed, with the name", namedBot, self("ES512", x509.Certificate{NotAfter: end, DNSNames: []string{"bot.example"}}), "unknown authority"},
		{"intermediate is missing", namedBot, single.sign(t, leaf(nil), "ES512"), "unknown authority"},
		{"intermediate is no CA", namedBot, noCA.sign(t, leaf(nil), "ES512") + certificateText(noCA.cert), "chain does not hold"},
		{"chain longer than allowed", namedBot, longer(t, single, leaf(nil)), "too many intermediates"},
		{"chain of seven", namedBot, strings.Repeat(named, 7), "7 certificates"},
		{"chain with rubbish", namedBot, named + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "certificate 2 of its chain"},
		{"rubbish", namedBot, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "cannot be read"},
		{"another name", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) { c.DNSNames = []string{"bot.example.org"} }), "ES512"), "does not name"},
		{"a wildcard", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) { c.DNSNames = []string{"*.example"} }), "ES512"), "does not name"},
		{"the name as a common name", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) {
			c.DNSNames, c.Subject = nil, pkix.Name{CommonName: "bot.example"}
		}), "ES512"), "does not name"},
		{"the name as a URI", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) {
			c.DNSNames, c.URIs = nil, []*url.URL{{Scheme: "https", Host: "bot.example"}}
		}), "ES512"), "does not name"},
		{"an address", namedBot, foreign.sign(t, leaf(func(c *x509.Certificate) {
			c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(192, 0, 2, 1)}
		}), "ES512"), "does not name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := showing(tt.login, chainOf(t, tt.chain))
			l.Address = tt.name
			before := len(o.trail(t))
			token, err := o.Login(t.Context(), l)
			entries := o.trail(t)[before:]
			last := entries[len(entries)-1]
			if tt.reason != "" {
				wantRefusal(t, err, authority.BadLogin)
				if len(entries) != 1 || last.Outcome != audit.Refused || !strings.Contains(last.Reason, tt.reason) {
					t.Errorf("the entry is %+v, want the reason %q", last, tt.reason)
				}
				method := authority.TLSClientAuth
				if isSelfSigned := tt.chain == mine || tt.chain == changed || strings.HasPrefix(tt.name, "self-signed"); isSelfSigned {
					method = authority.SelfSignedTLSClientAuth
				}
				if last.Detail["method"] != method {
					t.Errorf("the method of the refusal is %s, want %s", last.Detail["method"], method)
				}
				reasons[last.Reason] = true
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := o.Inspect(t.Context(), token.Value)
			if err != nil || c.Confirmation == nil || c.Confirmation.X5T != last.Detail["x5t#S256"] || last.Target == "" {
				t.Errorf("the token has %+v, the entry is %+v, %v", c.Confirmation, last, err)
			}
			want := authority.TLSClientAuth
			if tt.login.ID == givenBot.ID {
				want = authority.SelfSignedTLSClientAuth
			}
			if last.Detail["method"] != want {
				t.Errorf("the method is %s, want %s", last.Detail["method"], want)
			}
			bound := c.Confirmation.X5T
			if _, err := o.CallerByToken(t.Context(), token.Value, bound); err != nil {
				t.Errorf("with its certificate: %v", err)
			}
			for _, other := range []string{"", bound + "x"} {
				_, err := o.CallerByToken(t.Context(), token.Value, other)
				wantRefusal(t, err, authority.BadToken)
			}
		})
	}
	if len(reasons) < 15 {
		t.Errorf("%d different reasons", len(reasons))
	}

	// The token goes with the record that it was made by.
	token := o.in(t, showing(namedBot, chainOf(t, named)))
	if err := o.RevokeCertificate(t.Context(), admin, namedBot.ID, "named", nil); err != nil {
		t.Fatal(err)
	}
	o.wantActive(t, "after its subject was revoked", token, false)
	if _, err := o.Login(t.Context(), showing(authority.Login{ID: idOne}, chainOf(t, named))); true {
		wantRefusal(t, err, authority.BadLogin)
	}
}

// longer is a chain with one more intermediate than the other one allows.
func longer(t *testing.T, over root, leaf x509.Certificate) string {
	t.Helper()
	text := over.sign(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "lower"}, NotAfter: over.cert.NotAfter, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, "ES256")
	lower := root{parsed(t, text), pairsEC("ES256")}
	return lower.sign(t, leaf, "ES512") + text + certificateText(over.cert)
}
