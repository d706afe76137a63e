package authority_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// newCA is a world whose authority signs certificates.
func newCA(t testing.TB, cfg authority.CAConfig) *world {
	t.Helper()
	w := newWorld(t, 2)
	w.Authority = w.signs(t, cfg, w.store)
	return w
}

// signs is an authority that signs certificates, over a store of the world's.
func (w *world) signs(t testing.TB, cfg authority.CAConfig, s store.Store) *authority.Authority {
	t.Helper()
	cfg.CRL = "https://agents.example/crl"
	cfg.Seal = func() (secret.SealKey, error) { return sealKey(t, 1), nil }
	cfg.TrustDomain = "agents.example"
	a, err := authority.New(authority.Config{Store: s, Now: w.clock.Now, CA: cfg})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// csr is a request by one of the pairs, with wishes that nobody grants.
func csr(t testing.TB, pair string) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "root"}, DNSNames: []string{"evil.example"},
		ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}},
	}, pairs()[pair])
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func parsed(t testing.TB, text string) *x509.Certificate {
	t.Helper()
	b, _ := pem.Decode([]byte(text))
	if b == nil {
		t.Fatalf("no PEM: %q", text)
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) issue(t testing.TB, n authority.NewCertificate) authority.Certificate {
	t.Helper()
	c, err := w.AddCertificate(t.Context(), admin, n)
	if err != nil {
		t.Fatalf("AddCertificate: %v", err)
	}
	return c
}

// Of a request the key is taken, and nothing else: the certificate says whose it
// is, for what and for how long, in the server's words.
func TestCertificate_signed(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id := w.agent(t)
	at := authority.Rotation{AgentID: id}
	made := w.issue(t, authority.NewCertificate{Rotation: at, RequestPEM: csr(t, "ES256")})
	c, ca := parsed(t, made.Certificate), parsed(t, made.Chain)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	if _, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: w.clock.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("the certificate does not verify: %v", err)
	}
	if !ca.IsCA || !ca.MaxPathLenZero || ca.MaxPathLen != 0 {
		t.Errorf("the CA has path length %d", ca.MaxPathLen)
	}
	if c.IsCA || len(c.CRLDistributionPoints) != 1 || len(c.DNSNames) != 0 || len(c.URIs) != 1 || c.URIs[0].String() != "spiffe://agents.example/agent/"+id || c.Subject.CommonName != id ||
		len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || c.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("the certificate is of %s, for %v and %v", c.Subject, c.URIs, c.ExtKeyUsage)
	}
	if got := c.NotAfter.Sub(w.clock.Now()); got != authority.DefaultCertificateLife || made.Expires != c.NotAfter.Unix() || made.NotAfter != made.Expires {
		t.Errorf("it lives %s, the record until %d", got, made.Expires)
	}
	if made.Serial != fmt.Sprintf("%x", c.SerialNumber) || made.ID != made.Serial || c.SerialNumber.BitLen() < 128 || len(c.SerialNumber.Bytes()) > 20 {
		t.Errorf("the serial number is %s, %s, %d bits", made.ID, made.Serial, c.SerialNumber.BitLen())
	}
	if all, err := w.CAs(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("there are %d CAs, %v", len(all), err)
	}
	for name, tt := range map[string]struct {
		n    authority.NewCertificate
		kind authority.Kind
	}{
		"nothing":       {authority.NewCertificate{Rotation: at}, authority.Invalid},
		"two":           {authority.NewCertificate{Rotation: at, RequestPEM: csr(t, "ES384"), CertificatePEM: made.Certificate}, authority.Invalid},
		"91 days":       {authority.NewCertificate{Rotation: at, RequestPEM: csr(t, "ES384"), Life: 91 * 24 * time.Hour}, authority.Invalid},
		"a second":      {authority.NewCertificate{Rotation: at, RequestPEM: csr(t, "ES384"), Life: time.Second}, authority.Invalid},
		"a bad CSR":     {authority.NewCertificate{Rotation: at, RequestPEM: publicPEM(t, "ES384")}, authority.Weak},
		"two subjects":  {authority.NewCertificate{Rotation: at, Subject: authority.Subject{DNS: "a.example", IP: "192.0.2.1"}}, authority.Invalid},
		"a wildcard":    {authority.NewCertificate{Rotation: at, Subject: authority.Subject{DNS: "*.example"}}, authority.Invalid},
		"an id":         {authority.NewCertificate{Rotation: at, ID: "a/b", RequestPEM: csr(t, "ES384")}, authority.Invalid},
		"unknown agent": {authority.NewCertificate{Rotation: authority.Rotation{AgentID: idOne}, RequestPEM: csr(t, "ES384")}, authority.NoAgent},
	} {
		_, err := w.AddCertificate(t.Context(), admin, tt.n)
		t.Run(name, func(t *testing.T) { wantKind(t, err, tt.kind) })
	}
}

// Renewal in place with an overlap, and idempotent under an id of the caller's.
func TestCertificate_rotation(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id := w.agent(t)
	first := authority.NewCertificate{Rotation: authority.Rotation{AgentID: id, Latest: new("")}, ID: "first", RequestPEM: csr(t, "ES256")}
	made := w.issue(t, first)
	if again := w.issue(t, first); !again.Again || again.Certificate != made.Certificate {
		t.Errorf("the same again is %+v", again)
	}
	_, err := w.AddCertificate(t.Context(), admin, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, ID: "first", RequestPEM: csr(t, "ES384")})
	wantKind(t, err, authority.UsedID)
	w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{
		AgentID: id, Latest: new("first"), Previous: &authority.Retire{ID: "first", Expires: w.clock.in(time.Hour)},
	}, ID: "second", RequestPEM: csr(t, "ES256")}) // the same key: a renewal
	_, err = w.AddCertificate(t.Context(), admin, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, RequestPEM: csr(t, "ES384")})
	wantKind(t, err, authority.Limit)
	all, err := w.Certificates(t.Context(), id)
	if err != nil || len(all) != 2 || all[0].ID != "second" || all[1].Status != authority.StatusRetiring || all[1].Latest || all[0].Chain == "" {
		t.Errorf("Certificates = %+v, %v", all, err)
	}
	end := w.clock.in(time.Minute)
	if c, err := w.ExpireCertificate(t.Context(), admin, id, "second", end); err != nil || c.Expires != end {
		t.Errorf("ExpireCertificate = %+v, %v", c, err)
	}
	if _, err := w.RevokeAgent(t.Context(), admin, id); err != nil {
		t.Fatal(err)
	}
	if c, err := w.Certificate(t.Context(), id, "first"); err != nil || c.Status != authority.StatusRevoked {
		t.Errorf("after the panic button: %+v, %v", c, err)
	}
}

// What was revoked is on the list at once and until it ends by itself, whatever
// became of the agent.
func TestCertificate_revocationList(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	if _, err := w.RevocationList(t.Context(), ""); err == nil {
		t.Error("a list was made before there is a CA")
	}
	one, two := w.agent(t), w.agent(t)
	first := w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: one}, RequestPEM: csr(t, "ES256"), Life: time.Hour})
	w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: one}, RequestPEM: csr(t, "ES384")})
	third := w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: two}, RequestPEM: csr(t, "ES512")})
	ca := parsed(t, first.Chain)
	last := int64(0)
	list := func(want ...string) []byte {
		t.Helper()
		der, err := w.RevocationList(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range l.RevokedCertificateEntries {
			got = append(got, fmt.Sprintf("%x", e.SerialNumber))
		}
		if err := l.CheckSignatureFrom(ca); err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("on the list are %v, want %v; %v", got, want, err)
		}
		if l.Number.Int64() < last || l.NextUpdate.Sub(w.clock.Now()) < authority.CRLLife/2 {
			t.Errorf("the list has number %v after %d, and is good until %v", l.Number, last, l.NextUpdate)
		}
		last = l.Number.Int64()
		return der
	}
	empty := list()
	if string(list()) != string(empty) {
		t.Error("another list was signed, and nothing was revoked")
	}
	for range 2 {
		if err := w.RevokeCertificate(t.Context(), admin, one, first.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	list(first.Serial)
	if err := w.DeleteAgent(t.Context(), admin, two, ""); err != nil {
		t.Fatal(err)
	}
	list(first.Serial, third.Serial)
	w.clock.Add(time.Hour)
	list(first.Serial, third.Serial) // it has ended, and is on one list more (RFC 5280 §3.3)
	w.clock.Add(authority.CRLLife)
	list(third.Serial)
}

// One ends while another is revoked: as many are on the list, and not the same.
func TestCertificate_revocationListSwap(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id := w.agent(t)
	life := time.Hour
	first := w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, RequestPEM: csr(t, "ES256"), Life: life})
	second := w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, RequestPEM: csr(t, "ES384")})
	serials := func() string {
		t.Helper()
		der, err := w.RevocationList(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		return revokedOn(t, der)
	}
	if err := w.RevokeCertificate(t.Context(), admin, id, first.ID, nil); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(life + authority.CRLLife - time.Minute)
	if got := serials(); got != first.Serial {
		t.Errorf("on the list are %s", got)
	}
	w.clock.Add(2 * time.Minute)
	if err := w.RevokeCertificate(t.Context(), admin, id, second.ID, nil); err != nil {
		t.Fatal(err)
	}
	if got := serials(); got != second.Serial {
		t.Errorf("after the second was revoked, on the list are %s, want %s", got, second.Serial)
	}
}

func revokedOn(t testing.TB, der []byte) string {
	t.Helper()
	l, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range l.RevokedCertificateEntries {
		all = append(all, fmt.Sprintf("%x", e.SerialNumber))
	}
	return strings.Join(all, " ")
}

// A CA that was replaced goes on signing the list of what it signed, which its
// certificates name: the list of another counts for nothing there.
func TestCertificate_revocationListOfBefore(t *testing.T) {
	w := newCA(t, authority.CAConfig{Own: true})
	id := w.agent(t)
	old := w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, RequestPEM: csr(t, "ES256")})
	if _, err := w.CreateCA(t.Context(), admin, "agentcreds"); err != nil {
		t.Fatal(err)
	}
	next := w.issue(t, authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, RequestPEM: csr(t, "ES384")})
	for _, c := range []authority.Certificate{old, next} {
		if err := w.RevokeCertificate(t.Context(), admin, id, c.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []authority.Certificate{old, next} {
		where := parsed(t, c.Certificate).CRLDistributionPoints[0]
		base, ca, _ := strings.Cut(where, "?ca=")
		if base != "https://agents.example/crl" || ca != c.CA {
			t.Errorf("the certificate names the list %s", where)
		}
		der, err := w.RevocationList(t.Context(), ca)
		if err != nil {
			t.Fatal(err)
		}
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.CheckSignatureFrom(parsed(t, c.Chain)); err != nil || revokedOn(t, der) != c.Serial {
			t.Errorf("on the list of its CA are %s, want %s; %v", revokedOn(t, der), c.Serial, err)
		}
	}
	if _, err := w.RevocationList(t.Context(), "nobody"); true {
		wantKind(t, err, authority.NoCA)
	}
}

// What is not a certificate is not kept of a CA that is given: it would be shown
// to everybody who gets one.
func TestCertificate_givenChain(t *testing.T) {
	w := newCA(t, authority.CAConfig{})
	top, stranger := newRoot(t, w.clock.Now(), "root"), newRoot(t, w.clock.Now(), "stranger")
	ca := x509.Certificate{
		Subject: pkix.Name{CommonName: "intermediate"}, NotAfter: w.clock.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	good := top.sign(t, ca, "other")
	forServers, bound := ca, ca
	forServers.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	bound.PermittedURIDomains, bound.PermittedDNSDomainsCritical = []string{"elsewhere.example"}, true
	bare := x509.Certificate{ // x509 adds the id to whatever it knows as a CA
		Subject: ca.Subject, NotAfter: ca.NotAfter, KeyUsage: ca.KeyUsage,
		ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}},
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(pairs()["other"])
	if err != nil {
		t.Fatal(err)
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	for _, tt := range []struct{ name, chain, want string }{
		{"with its key", good + private, `is "PRIVATE KEY"`},
		{"key first", private + good, `is "PRIVATE KEY"`},
		{"with another root", good + certificateText(stranger.cert), "did not sign"},
		{"with something behind", good + "secret words", "not PEM"},
		{"long", good + strings.Repeat(certificateText(top.cert), 6), "more than 6"},
		{"empty", " \n", "not PEM"},
		{"for servers", top.sign(t, forServers, "other"), "no clientAuth"},
		// It would sign certificates, and never a revocation list.
		{"without its key's id", top.sign(t, bare, "other"), "no subject key identifier"},
	} {
		_, err := w.ImportCA(t.Context(), admin, tt.chain, pairs()["other"])
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	made, err := w.ImportCA(t.Context(), admin, good+certificateText(top.cert), pairs()["other"])
	if err != nil || made.Certificate+made.Chain != good+certificateText(top.cert) {
		t.Errorf("it is kept as %s%s, %v", made.Certificate, made.Chain, err)
	}
	// One that may not sign for our names is told at the first certificate.
	if _, err := w.ImportCA(t.Context(), admin, top.sign(t, bound, "other"), pairs()["other"]); err != nil {
		t.Fatal(err)
	}
	ask := authority.NewCertificate{Rotation: authority.Rotation{AgentID: w.agent(t)}, RequestPEM: csr(t, "ES256")}
	_, err = w.AddCertificate(t.Context(), admin, ask)
	wantKind(t, err, authority.NoCA)

	// Nor one whose certificates nobody takes who trusts the root alone.
	above := ca
	single := top.sign(t, above, "other") // of a CA that may have none below it
	above.MaxPathLenZero, above.NotAfter = false, w.clock.Now().Add(time.Minute)
	soon := top.sign(t, above, "other")
	for _, tt := range []struct {
		above string
		after time.Duration
		good  bool
	}{{single, 0, false}, {soon, 0, true}, {soon, 2 * time.Minute, false}} {
		middle := root{parsed(t, tt.above), pairsEC("other")}
		if tt.after == 0 {
			if _, err := w.ImportCA(t.Context(), admin, middle.sign(t, ca, "ES384")+tt.above+certificateText(top.cert), pairs()["ES384"]); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.Add(tt.after)
		ask.Rotation = authority.Rotation{AgentID: w.agent(t)}
		_, err := w.AddCertificate(t.Context(), admin, ask)
		if (err == nil) != tt.good {
			t.Errorf("below %s: %v", middle.cert.Subject, err)
		} else if err != nil {
			wantKind(t, err, authority.NoCA)
		}
	}
}

// No certificate goes beyond its CA, and without a CA there is none.
func TestCertificate_ca(t *testing.T) {
	w := newCA(t, authority.CAConfig{})
	id := w.agent(t)
	ask := authority.NewCertificate{Rotation: authority.Rotation{AgentID: id}, RequestPEM: csr(t, "ES256")}
	_, err := w.AddCertificate(t.Context(), admin, ask)
	wantKind(t, err, authority.NoCA)
	root := newRoot(t, w.clock.Now(), "root")
	chain := root.sign(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "intermediate"}, NotAfter: w.clock.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, "other")
	for name, tt := range map[string]struct{ chain, pair string }{
		"another key":  {chain, "ES256"},
		"no CA":        {root.sign(t, x509.Certificate{NotAfter: w.clock.Now().Add(time.Hour)}, "other"), "other"},
		"an ended one": {root.sign(t, x509.Certificate{NotAfter: w.clock.Now(), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}, "other"), "other"},
		"no PEM":       {"x", "other"},
	} {
		_, err := w.ImportCA(t.Context(), admin, tt.chain, pairs()[tt.pair])
		t.Run(name, func(t *testing.T) { wantKind(t, err, authority.Invalid) })
	}
	if _, err := w.ImportCA(t.Context(), admin, chain+certificateText(root.cert), pairs()["other"]); err != nil {
		t.Fatal(err)
	}
	made := w.issue(t, ask)
	if c := parsed(t, made.Certificate); c.NotAfter.After(parsed(t, chain).NotAfter) || !strings.Contains(made.Chain, certificateText(root.cert)) {
		t.Errorf("it ends at %v, the chain is\n%s", c.NotAfter, made.Chain)
	}
	w.clock.Add(time.Hour)
	ask.RequestPEM = csr(t, "ES384")
	_, err = w.AddCertificate(t.Context(), admin, ask)
	wantKind(t, err, authority.NoCA)
	if _, err := w.CreateCA(t.Context(), admin, "own"); err != nil {
		t.Fatal(err)
	}
	if next := w.issue(t, ask); next.CA == made.CA {
		t.Error("the CA that ended signs on")
	}
}
