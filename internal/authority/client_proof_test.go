package authority_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// equipped makes a management client that has no secret.
func (o *office) equipped(t testing.TB, name string, proof authority.ClientProof) authority.Login {
	t.Helper()
	c, value, err := o.CreateClient(t.Context(), admin, authority.NewClient{Name: name, Scopes: []string{"manage"}, NoSecret: true, Proof: proof})
	if err != nil || !value.IsZero() || len(c.Secrets) != 0 || len(c.Keys) == 0 {
		t.Fatalf("CreateClient = %+v, %v", c, err)
	}
	return authority.Login{ID: c.ID, Address: "192.0.2.3", Scopes: []string{"manage"}}
}

// signed is the login with an assertion by one of the pairs.
func (o *office) signed(l authority.Login, pair string) authority.Login {
	l.Method = authority.PrivateKeyJWT
	return asserting(l, es256(`{"alg":"ES256"}`, o.claims(l.ID, nil), pair))
}

// Management clients sign in by what agents sign in by: keys, certificates, and
// subjects, each refused for the same reasons.
func TestClientProof_login(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	foreign, roots := newRoot(t, start, "foreign"), x509.NewCertPool()
	roots.AddCert(foreign.cert)
	w := newCA(t, authority.CAConfig{Own: true, Roots: roots})
	o := &office{w, w.issuer(t, authority.IssuerConfig{})}
	end := o.clock.Now().Add(time.Hour)
	own := func(pair string, change func(*x509.Certificate)) string {
		c := x509.Certificate{NotBefore: o.clock.Now().Add(-time.Hour), NotAfter: end, ExtKeyUsage: clientOnly}
		if change != nil {
			change(&c)
		}
		return selfSigned(t, c, pairs()[pair])
	}
	mine := own("ES384", nil)
	byKey := o.equipped(t, "by key", authority.ClientProof{PublicKeyPEM: publicPEM(t, "ES256")})
	byCert := o.equipped(t, "by certificate", authority.ClientProof{CertificatePEM: mine})
	byName := o.equipped(t, "by name", authority.ClientProof{Subject: authority.Subject{DNS: "tf.example"}})
	named := foreign.sign(t, x509.Certificate{NotAfter: end, ExtKeyUsage: clientOnly, DNSNames: []string{"tf.example"}}, "ES512")
	short := o.equipped(t, "short", authority.ClientProof{CertificatePEM: own("ES512", func(c *x509.Certificate) { c.NotAfter = o.clock.Now().Add(time.Second) })})
	bySecret := o.terraform(t, "manage")
	for _, tt := range []struct {
		name, method, reason string
		login                authority.Login
	}{
		{"key", authority.PrivateKeyJWT, "", o.signed(byKey, "ES256")},
		{"certificate", authority.SelfSignedTLSClientAuth, "", showing(byCert, chainOf(t, mine))},
		{"subject", authority.TLSClientAuth, "", showing(byName, chainOf(t, named))},
		{"another key", "", "is not by", o.signed(byKey, "other")},
		{"no key", "", "there is no live key", o.signed(byCert, "ES256")},
		{"key of none", "", "there is no live key", o.signed(bySecret, "ES256")},
		{"another certificate", "", "none of its live ones", showing(byCert, chainOf(t, own("ES384", nil)))},
		{"certificate of none", "", "none of its live ones", showing(bySecret, chainOf(t, mine))},
		{"certificate where a key is", "", "none of its live ones", showing(byKey, chainOf(t, mine))},
		{"another name", "", "does not name", showing(byName, chainOf(t, foreign.sign(t, x509.Certificate{NotAfter: end, ExtKeyUsage: clientOnly, DNSNames: []string{"x.example"}}, "ES512")))},
		{"its own CA", "", "unknown authority", showing(byName, chainOf(t, own("ES512", func(c *x509.Certificate) { c.DNSNames = []string{"tf.example"} })))},
		{"no secret", "", "none of its live ones", authority.Login{ID: byKey.ID, Secret: secret.Generate(), Method: "client_secret_post", Address: "192.0.2.4"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.login.Address = tt.name
			before := len(o.trail(t))
			token, err := o.Login(t.Context(), tt.login)
			entries := o.trail(t)[before:]
			last := entries[len(entries)-1]
			if tt.reason != "" {
				wantRefusal(t, err, authority.BadLogin)
				if last.Outcome != audit.Refused || !strings.Contains(last.Reason, tt.reason) || last.Actor != "client:"+tt.login.ID {
					t.Errorf("the entry is %+v, want the reason %q", last, tt.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := o.Inspect(t.Context(), token.Value)
			if err != nil || c.Agent() || len(c.Audience) != 1 || c.Audience[0] != o.ManagementAudience() || c.Scope != "manage" || last.Detail["method"] != tt.method {
				t.Errorf("the token says %+v, %v; the entry %+v", c, err, last)
			}
			if bound := c.Confirmation != nil; bound != (tt.method != authority.PrivateKeyJWT) {
				t.Errorf("it is bound: %v", bound)
			}
		})
	}
	again := o.signed(byKey, "ES256")
	o.in(t, again)
	_, err := o.Login(t.Context(), again)
	wantRefusal(t, err, authority.BadLogin)
	o.clock.Add(2 * time.Second)
	_, err = o.Login(t.Context(), showing(short, chainOf(t, own("ES512", nil))))
	wantRefusal(t, err, authority.BadLogin)
}

// A client goes from a secret to a key, to another key and to a certificate,
// without a moment in which it cannot sign in.
func TestClientProof_rotation(t *testing.T) {
	o := newOffice(t, "")
	tf := o.terraform(t, "manage")
	rotate := func(n authority.ClientRotation) authority.Client {
		t.Helper()
		c, value, err := o.RotateClient(t.Context(), admin, tf.ID, n)
		if err != nil || value.IsZero() == n.Secret {
			t.Fatalf("RotateClient(%+v) = %v", n, err)
		}
		return c
	}
	refused := func(n authority.ClientRotation, kind authority.Kind) {
		t.Helper()
		_, _, err := o.RotateClient(t.Context(), admin, tf.ID, n)
		wantKind(t, err, kind)
	}
	key := func(pair string) authority.ClientProof {
		return authority.ClientProof{PublicKeyPEM: publicPEM(t, pair)}
	}
	no := func(l authority.Login) {
		t.Helper()
		_, err := o.Login(t.Context(), l)
		wantRefusal(t, err, authority.BadLogin)
	}
	token := o.in(t, tf)
	refused(authority.ClientRotation{EndSecrets: true}, authority.Invalid)
	refused(authority.ClientRotation{}, authority.Invalid)
	refused(authority.ClientRotation{EndKeys: true, EndCertificates: true, EndSecrets: true, Grace: time.Hour}, authority.Invalid)
	refused(authority.ClientRotation{Proof: authority.ClientProof{PublicKeyPEM: "x"}}, authority.Weak)
	refused(authority.ClientRotation{Proof: authority.ClientProof{Alg: "ES256"}}, authority.Invalid)
	refused(authority.ClientRotation{Proof: authority.ClientProof{CertificatePEM: "x", Subject: authority.Subject{DNS: "a.example"}}}, authority.Invalid)

	c := rotate(authority.ClientRotation{Proof: key("ES256")})
	if len(c.Keys) != 1 || len(c.Secrets) != 1 || c.Keys[0].Expires != 0 {
		t.Errorf("a key beside the secret is %+v", c)
	}
	o.wantActive(t, "a key came", token, true)
	refused(authority.ClientRotation{Proof: key("ES256")}, authority.UsedID)
	o.in(t, tf)
	o.in(t, o.signed(tf, "ES256"))

	rotate(authority.ClientRotation{EndSecrets: true, Grace: time.Minute})
	o.in(t, tf)
	o.clock.Add(time.Minute)
	no(tf)
	o.wantActive(t, "the grace of the secret is over", token, true)

	rotate(authority.ClientRotation{Proof: key("other"), Grace: time.Minute})
	both := o.in(t, o.signed(tf, "ES256"))
	o.in(t, o.signed(tf, "other"))
	o.clock.Add(time.Minute)
	no(o.signed(tf, "ES256"))
	o.in(t, o.signed(tf, "other"))
	o.wantActive(t, "the grace of the key is over", both, true)

	cert := selfSigned(t, x509.Certificate{NotBefore: o.clock.Now().Add(-time.Hour), NotAfter: o.clock.Now().Add(time.Hour), ExtKeyUsage: clientOnly}, pairs()["ES384"])
	c = rotate(authority.ClientRotation{Proof: authority.ClientProof{CertificatePEM: cert}, EndKeys: true})
	if len(c.Keys) != 1 || c.Keys[0].Expires != o.clock.in(time.Hour) || len(c.Secrets) != 0 {
		t.Errorf("a certificate instead of the key is %+v", c)
	}
	no(o.signed(tf, "other"))
	o.in(t, showing(tf, chainOf(t, cert)))
	o.wantActive(t, "the key ended at once", both, false)
	refused(authority.ClientRotation{EndCertificates: true, Grace: time.Minute}, authority.Invalid)
	if c := rotate(authority.ClientRotation{Secret: true, EndCertificates: true}); len(c.Keys) != 0 || len(c.Secrets) != 1 {
		t.Errorf("a secret instead of the certificate is %+v", c)
	}
	for _, n := range []authority.NewClient{{Name: "nothing", NoSecret: true}, {Name: "private", Proof: authority.ClientProof{PublicKeyPEM: "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"}}} {
		if _, _, err := o.CreateClient(t.Context(), admin, n); err == nil {
			t.Errorf("CreateClient(%s) works", n.Name)
		}
	}
}
