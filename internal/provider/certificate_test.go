package provider_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

const (
	certificateType = "agentcreds_agent_certificate"
	anyCertificate  = `^/api/server/v1/agents/[^/]+/certificates/[^/]+$`
)

// pemText is the one block of a PEM text.
func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// newRequest is a request for a certificate of a new key, and the private half
// of that.
func newRequest(t *testing.T) (csr, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := x509.MarshalPKCS8PrivateKey(key)
	return requestOf(t, key, "bot"), pemText("PRIVATE KEY", text)
}

func requestOf(t *testing.T, key any, name string) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("CERTIFICATE REQUEST", der)
}

// selfSigned is a certificate that ends in an hour.
func selfSigned(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("CERTIFICATE", der)
}

// certificates are the statuses of the certificates of an agent.
func (h hand) certificates(agentID string) map[string]api.Status {
	h.t.Helper()
	listed, err := h.Certificates(h.ctx(), agentID)
	h.check("list the certificates", err)
	out := map[string]api.Status{}
	for _, c := range listed {
		out[c.ID] = c.Status
	}
	return out
}

func (p *place) expectCertificates(t *testing.T, agentID string, want map[string]api.Status) {
	t.Helper()
	if got := p.hand(t).certificates(agentID); !maps.Equal(got, want) {
		t.Errorf("the certificates are %v, want %v", got, want)
	}
}

func (m *managed) certificateID() string { return m.state.text("certificate_id") }

// renews are the attributes that a renewal makes anew.
var renews = []string{"ca_chain_pem", "certificate_id", "certificate_pem", "not_after", "not_before", "previous", "serial_number", "thumbprint_sha256", "version"}

// TestCertificateForms: each form comes, settles, rotates into the next one
// with an overlap, and goes.
func TestCertificateForms(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		csr, _ := newRequest(t)
		other, _ := newRequest(t)
		agent := p.newAgent(t, nil)
		m := p.resource(t, certificateType)
		var last string
		var version int64
		want := map[string]api.Status{}
		for _, form := range []attrs{
			{"csr_pem": csr}, {"csr_pem_wo": other, "csr_pem_wo_version": 1}, {"certificate_pem": selfSigned(t)},
			{"subject_dn": "CN=bot,O=Example"}, {"san_dns": "bot.example"}, {"san_uri": "spiffe://example/bot"}, {"san_ip": "192.0.2.7"}, {"san_email": "bot@example.com"},
		} {
			if did := m.apply(agent.owns(form)); did != updates && last != "" || m.state.version() <= version {
				t.Fatalf("%v: %s, %v", form, did, m.state)
			}
			for id, status := range want {
				if status == api.Retiring {
					want[id] = api.Revoked // made room
				}
			}
			if last != "" {
				want[last] = api.Retiring
			}
			last, version = m.certificateID(), m.state.version()
			want[last] = api.Active
			p.expectCertificates(t, agent.id(), want)
		}
		m.apply(nil)
		for id := range want {
			want[id] = api.Revoked
		}
		p.expectCertificates(t, agent.id(), want)
	})
}

// TestCertificateSigned: what the server signs is the agent's, for the key of the
// request, as long as it is asked for.
func TestCertificateSigned(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		csr, _ := newRequest(t)
		agent := p.newAgent(t, nil)
		m := p.resource(t, certificateType)
		m.apply(agent.owns(attrs{"csr_pem": csr, "validity": "2160h"}))
		made, err := keys.FromCertificatePEM([]byte(m.state.text("certificate_pem")))
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(m.state.text("ca_chain_pem")))
		if _, err := made.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
			t.Error(err)
		}
		about(t, "the end", at(t, m.state["not_after"]), time.Now().Add(90*24*time.Hour))
		if m.state.text("serial_number") != made.Serial() || m.state.text("thumbprint_sha256") != made.Fingerprint() || m.state["ready_for_renewal"] != false {
			t.Errorf("the state is %v", m.state)
		}
	})
}

// TestCertificateSameKey: another request for the same key, and another way to
// write the same certificate, change nothing.
func TestCertificateSameKey(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	agent := p.newAgent(t, nil)
	m := p.resource(t, certificateType)
	m.apply(agent.owns(attrs{"csr_pem": requestOf(t, key, "a")}))
	first := m.certificateID()
	for _, form := range []attrs{
		{"csr_pem": requestOf(t, key, "b")}, {"csr_pem_wo": requestOf(t, key, "b"), "csr_pem_wo_version": 7}, {"csr_pem": requestOf(t, key, "b"), "validity": "48h"},
	} {
		if did := m.apply(agent.owns(form)); did != updates || m.certificateID() != first {
			t.Errorf("%v: %s, %v", form, did, m.state)
		}
	}
	given := selfSigned(t)
	m.apply(agent.owns(attrs{"certificate_pem": given}))
	first = m.certificateID()
	if did := m.apply(agent.owns(attrs{"certificate_pem": "# of the bot\n" + given})); did != updates || m.certificateID() != first {
		t.Errorf("the same certificate: %s, %v", did, m.state)
	}
}

// TestCertificateRenewal: when it is time, the plan makes exactly what a renewal
// changes anew, and the old one goes on for its grace.
func TestCertificateRenewal(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	csr, _ := newRequest(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, certificateType)
	config := agent.owns(attrs{"csr_pem": csr, "validity": "240h", "early_renewal": "72h", "grace_period": "48h"})
	m.apply(config)
	ids := []string{m.certificateID()}
	for range 3 {
		p.remote.skew.advance(167 * time.Hour)
		if did := m.apply(config); did != noAction {
			t.Fatalf("before it is time: %s", did)
		}
		p.remote.skew.advance(2 * time.Hour)
		m.refresh()
		if m.state["ready_for_renewal"] != true {
			t.Fatalf("the state is %v", m.state)
		}
		version := m.state.version()
		plan := m.plan(config)
		if got := plan.unknowns(); !slices.Equal(got, renews) || plan.attrs["ready_for_renewal"] != false {
			t.Errorf("the plan makes %v anew, want %v", got, renews)
		}
		if did := m.apply(config); did != updates || m.state.version() <= version {
			t.Errorf("%s, %v", did, m.state)
		}
		want := map[string]api.Status{m.certificateID(): api.Active, ids[len(ids)-1]: api.Retiring}
		for _, id := range ids[:len(ids)-1] {
			want[id] = api.Expired // its grace was over long ago
		}
		p.expectCertificates(t, agent.id(), want)
		previous, _ := m.state["previous"].(attrs)
		about(t, "the end of the old one", at(t, previous["expires_at"]), p.remote.skew.Now().Add(48*time.Hour))
		ids = append(ids, m.certificateID())
	}
	if did := m.apply(config.with("early_renewal", "239h")); did != updates || m.certificateID() != ids[3] {
		t.Errorf("a longer early_renewal before it is time: %s", did)
	}
	p.remote.skew.advance(2 * time.Hour)
	if did := m.apply(config.with("early_renewal", "238h")); did != updates || m.certificateID() == ids[3] {
		t.Errorf("a longer early_renewal when it is time: %s", did)
	}
}

// TestCertificateGrace: grace_period moves the end of the one before, and ends
// it at once when it is none.
func TestCertificateGrace(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a, _ := newRequest(t)
	b, _ := newRequest(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, certificateType)
	m.apply(agent.owns(attrs{"csr_pem": a}))
	first := m.certificateID()
	m.apply(agent.owns(attrs{"csr_pem": b}))
	if did := m.apply(agent.owns(attrs{"csr_pem": b, "grace_period": "1h"})); did != updates {
		t.Error(did)
	}
	previous, _ := m.state["previous"].(attrs)
	about(t, "the end", at(t, previous["expires_at"]), time.Now().Add(time.Hour))
	m.apply(agent.owns(attrs{"csr_pem": a, "grace_period": "0s"}))
	if got := p.hand(t).certificates(agent.id()); got[first] == api.Active || got[m.certificateID()] != api.Active || len(got) != 3 {
		t.Errorf("the certificates are %v", got)
	}
	if live := p.live(t, agent.id()); live != 1 {
		t.Errorf("%d are live", live)
	}
}

// live counts the certificates that open the door.
func (p *place) live(t *testing.T, agentID string) int {
	t.Helper()
	n := 0
	for _, status := range p.hand(t).certificates(agentID) {
		if status == api.Active || status == api.Retiring {
			n++
		}
	}
	return n
}

// TestCertificateHeals: what was revoked, retired or lost is made anew in place;
// of a revoked one the plan says so. A given one is not taken twice.
func TestCertificateHeals(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	csr, _ := newRequest(t)
	given := selfSigned(t)
	for name, form := range map[string]attrs{"request": {"csr_pem": csr}, "name": {"san_dns": "bot.example"}, "given": {"certificate_pem": given}} {
		agent := p.newAgent(t, nil)
		m := p.resource(t, certificateType)
		m.apply(agent.owns(form))
		first, version := m.certificateID(), m.state.version()
		h := p.hand(t)
		h.check("revoke", h.RevokeCertificate(t.Context(), agent.id(), first, ""))
		m.refresh()
		plan := m.plan(agent.owns(form))
		if name == "given" {
			saysAll(t, name, plan.problems.warnings(), "The certificate does not work", "not taken twice")
			if m.does(plan) != noAction {
				t.Errorf("%s: %s", name, m.does(plan))
			}
			m.apply(agent.owns(attrs{"certificate_pem": selfSigned(t)}))
			continue
		}
		saysAll(t, name, plan.problems.warnings(), "A revoked certificate gets a successor", first)
		if did := m.apply(agent.owns(form)); did != updates || m.certificateID() == first || m.state.version() <= version || m.state["previous"] != nil {
			t.Errorf("%s: %s, %v", name, did, m.state)
		}
		p.expectCertificates(t, agent.id(), map[string]api.Status{first: api.Revoked, m.certificateID(): api.Active})
		h.delete(agent.id())
		if m.refresh(); m.state != nil {
			t.Errorf("%s: without its agent there is %v", name, m.state)
		}
	}
	agent := p.newAgent(t, nil)
	m := p.resource(t, certificateType)
	config := agent.owns(attrs{"csr_pem": csr, "validity": "1h"})
	m.apply(config)
	first := m.certificateID()
	p.remote.skew.advance(2 * time.Hour)
	if m.apply(config); m.certificateID() == first {
		t.Error("an expired certificate stays")
	}
	p.expectCertificates(t, agent.id(), map[string]api.Status{first: api.Expired, m.certificateID(): api.Active})
	if plan := m.plan(config); len(plan.problems) > 0 {
		t.Error(plan.problems)
	}
}

// TestCertificateBlocked: nothing is renewed behind the back of whoever blocked
// the agent, and nothing fails.
func TestCertificateBlocked(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	csr, _ := newRequest(t)
	agent := p.newAgent(t, attrs{"enabled": false})
	m := p.resource(t, certificateType)
	config := agent.owns(attrs{"csr_pem": csr})
	m.apply(config)
	first := m.certificateID()
	p.remote.skew.advance(25 * 24 * time.Hour)
	m.refresh()
	plan := m.plan(config)
	saysAll(t, "the plan", plan.problems.warnings(), "The certificate is not renewed", "blocked")
	if m.does(plan) != noAction {
		t.Error(m.does(plan))
	}
	agent.apply(attrs{"display_name": "bot", "enabled": true})
	if m.apply(config); m.certificateID() == first {
		t.Error("the agent is back, and its certificate is not renewed")
	}
}

// TestCertificateLostAnswer: a create and a renewal are carried out, and no
// answer comes. The next apply goes on with what is there: never two.
func TestCertificateLostAnswer(t *testing.T) {
	t.Parallel()
	csr, _ := newRequest(t)
	for name, form := range map[string]attrs{
		"request": {"csr_pem": csr, "validity": "24h"}, "name": {"san_dns": "bot.example"}, "given": {"certificate_pem": selfSigned(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newRemotePlace(t)
			agent := p.newAgent(t, nil)
			m := p.resource(t, certificateType)
			lose := func() {
				p.remote.fail(fault{method: "PUT", path: regexp.MustCompile(anyCertificate), first: true})
				_, d := m.try(agent.owns(form))
				mustSay(t, "a lost answer", d, "Cannot", "not known whether the server did it")
				p.remote.mend()
			}
			lose()
			if n := p.live(t, agent.id()); n != 1 {
				t.Fatalf("%d certificates after a lost create", n)
			}
			m.apply(agent.owns(form))
			if n := len(p.hand(t).certificates(agent.id())); n != 1 {
				t.Fatalf("%d certificates after the create again", n)
			}
			if name != "request" {
				return
			}
			first := m.certificateID()
			p.remote.skew.advance(20 * time.Hour)
			lose()
			m.apply(agent.owns(form))
			p.expectCertificates(t, agent.id(), map[string]api.Status{first: api.Retiring, m.certificateID(): api.Active})
			if previous, _ := m.state["previous"].(attrs); previous["certificate_id"] != first {
				t.Errorf("previous is %v", previous)
			}
		})
	}
}

// TestCertificateReplaced: -replace revokes and makes anew; under
// create_before_destroy the agent always has one that works, used or not.
func TestCertificateReplaced(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	csr, _ := newRequest(t)
	for _, cbd := range []bool{false, true} {
		for _, used := range []bool{false, true} {
			agent := p.newAgent(t, nil)
			m := p.resource(t, certificateType)
			m.cbd = cbd
			m.apply(agent.owns(attrs{"csr_pem": csr}))
			first := m.certificateID()
			if used {
				p.useCertificate(t, agent.id(), first)
			}
			m.taint()
			m.apply(agent.owns(attrs{"csr_pem": csr}))
			got := p.hand(t).certificates(agent.id())
			if got[m.certificateID()] != api.Active {
				t.Errorf("cbd %t, used %t: %v", cbd, used, got)
			}
			if !cbd && got[first] != api.Revoked {
				t.Errorf("the replaced one is %s", got[first])
			}
		}
	}
}

// TestCertificateForeign: what others made is never touched, also when there is
// no room.
func TestCertificateForeign(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	mine, _ := newRequest(t)
	next, _ := newRequest(t)
	theirs := selfSigned(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, certificateType)
	m.apply(agent.owns(attrs{"csr_pem": mine}))
	made, err := p.hand(t).AddCertificate(t.Context(), agent.id(), api.CertificateRequest{CertificatePEM: theirs})
	if err != nil {
		t.Fatal(err)
	}
	if did := m.apply(agent.owns(attrs{"csr_pem": mine})); did != noAction {
		t.Errorf("another certificate: %s", did)
	}
	_, d := m.try(agent.owns(attrs{"csr_pem": next}))
	mustSay(t, "no room", d, "Cannot rotate the agent certificate", "2 live certificates")
	p.expectCertificates(t, agent.id(), map[string]api.Status{m.certificateID(): api.Active, made.ID: api.Active})
	_, d = p.resource(t, certificateType).try(agent.owns(attrs{"certificate_pem": theirs}))
	mustSay(t, "one of others", d, "Cannot add the agent certificate", "import it by "+agent.id()+"/"+made.SerialNumber)
}

// TestCertificateImport: an import adds nothing and rotates nothing, by id,
// serial number and agent.
func TestCertificateImport(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	csr, _ := newRequest(t)
	for _, request := range []api.CertificateRequest{{CSRPEM: csr}, {CertificatePEM: selfSigned(t)}, {Subject: &api.Subject{DNS: "bot.example"}}} {
		agent := p.newAgent(t, nil)
		made, err := p.hand(t).AddCertificate(t.Context(), agent.id(), request)
		if err != nil {
			t.Fatal(err)
		}
		config := agent.owns(attrs{"certificate_pem": request.CertificatePEM})
		switch {
		case request.CSRPEM != "":
			config = agent.owns(attrs{"csr_pem": csr, "early_renewal": "700h"})
		case request.Subject != nil:
			config = agent.owns(attrs{"san_dns": "bot.example"})
		}
		ids := []string{agent.id(), agent.id() + "/" + made.ID}
		if made.SerialNumber != "" {
			ids = append(ids, agent.id()+"/"+made.SerialNumber)
		}
		for _, id := range ids {
			m := p.resource(t, certificateType)
			if d := m.importBy(id); len(d) > 0 {
				t.Fatal(d)
			}
			m.apply(config)
			if m.certificateID() != made.ID || m.state.version() != made.CreatedAt {
				t.Errorf("%s: %v", id, m.state)
			}
		}
		p.expectCertificates(t, agent.id(), map[string]api.Status{made.ID: api.Active})
		for id, want := range map[string]string{"/": "<agent_id>/<serial_number>", "/x": "no ACTIVE certificate with the serial number or id x"} {
			_, d := p.imports(t, certificateType, agent.id()+id, nil)
			mustSay(t, id, d, want)
		}
	}
}

// TestCertificateEphemeral: nothing of a write-only request is kept; one for
// another key counts with its version alone, also when it is time.
func TestCertificateEphemeral(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a, _ := newRequest(t)
	b, _ := newRequest(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, certificateType)
	with := func(csr string, version int) attrs {
		return agent.owns(attrs{"csr_pem_wo": csr, "csr_pem_wo_version": version})
	}
	m.apply(with(a, 1))
	first := m.certificateID()
	if did := m.apply(with(b, 1)); did != noAction {
		t.Errorf("another key of the same version: %s", did)
	}
	p.remote.skew.advance(25 * 24 * time.Hour)
	m.refresh()
	plan := m.plan(with(b, 1))
	saysAll(t, "the plan", plan.problems.warnings(), "The certificate is not renewed", "another key")
	if m.apply(with(a, 1)); m.certificateID() == first {
		t.Error("the same key is not renewed")
	}
	second := m.certificateID()
	if m.apply(with(b, 2)); m.certificateID() == second {
		t.Error("another version changes nothing")
	}
	third := m.certificateID()
	plan = m.plan(with(b, 3)) // as of a request that is read back, and stored only in the apply
	c, _ := newRequest(t)
	if _, d := m.carryOut(with(c, 3), plan); len(d.errors()) > 0 || m.certificateID() == third {
		t.Errorf("a request that is another one in the apply: %s, %v", m.certificateID(), d)
	}
	m.writesNothing("csr_pem_wo", m.state)
}

// TestCertificateEnds: of a given certificate the plan says that it ends soon.
func TestCertificateEnds(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, certificateType)
	config := agent.owns(attrs{"certificate_pem": selfSigned(t)})
	m.apply(config)
	p.remote.skew.advance(50 * time.Minute)
	m.refresh()
	plan := m.plan(config)
	saysAll(t, "the plan", plan.problems.warnings(), "The certificate ends soon")
	if m.does(plan) != noAction || m.state["ready_for_renewal"] != true {
		t.Errorf("%s, %v", m.does(plan), m.state)
	}
	if did := m.apply(config.with("early_renewal", "1m")); did != updates || m.state["ready_for_renewal"] != false {
		t.Errorf("%s, %v", did, m.state)
	}
	p.remote.skew.advance(time.Hour)
	_, d := p.resource(t, certificateType).try(agent.owns(attrs{"certificate_pem": selfSigned(t)}))
	mustSay(t, "one that has ended", d, "Cannot add the agent certificate", "it ended")
}

// TestCertificateDeletionWarns: whoever takes the last credential away is told
// by the plan, and not stopped.
func TestCertificateDeletionWarns(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	for _, last := range []bool{true, false} {
		agent := p.newAgent(t, nil)
		if !last {
			p.hand(t).add(agent.id(), api.SecretRequest{})
		}
		m := p.resource(t, certificateType)
		m.apply(agent.owns(attrs{"san_dns": "bot.example"}))
		what, d := m.try(nil)
		if what != deletes || len(d.errors()) > 0 || len(d.warnings()) > 0 != last {
			t.Errorf("the last %t: %s, %v", last, what, d)
		}
	}
}

// TestCertificateRefused: each bad input is told as what it is, in the plan.
func TestCertificateRefused(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	csr, private := newRequest(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // that is what is refused
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(csr))
	forged := slices.Clone(block.Bytes)
	forged[len(forged)-1] ^= 1
	agent := p.newAgent(t, nil)
	const invalid = "Invalid certificate"
	for name, tt := range map[string]struct {
		config attrs
		want   []string
	}{
		"none":                  {attrs{}, []string{"Not exactly one certificate", "0 are set"}},
		"two":                   {attrs{"csr_pem": csr, "san_dns": "bot.example"}, []string{"Not exactly one certificate", "2 are set"}},
		"two names":             {attrs{"san_uri": "spiffe://a/b", "san_dns": "bot.example"}, []string{"Not exactly one certificate"}},
		"no version":            {attrs{"csr_pem_wo": csr}, []string{"No version of the given request"}},
		"version alone":         {attrs{"csr_pem_wo_version": 1}, []string{"No version of the given request"}},
		"no PEM":                {attrs{"csr_pem": "x"}, []string{invalid, "csr_pem is refused", "not PEM"}},
		"no base64":             {attrs{"csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\n%%\n-----END CERTIFICATE REQUEST-----\n"}, []string{invalid, "not PEM"}},
		"a certificate":         {attrs{"csr_pem": selfSigned(t)}, []string{invalid, "CERTIFICATE REQUEST"}},
		"a private key":         {attrs{"csr_pem": private}, []string{invalid, "csr_pem is refused"}},
		"weak key":              {attrs{"csr_pem": requestOf(t, weak, "bot")}, []string{invalid, "2048"}},
		"wrong signature":       {attrs{"csr_pem": pemText("CERTIFICATE REQUEST", forged)}, []string{invalid, "its key did not sign it"}},
		"two certificates":      {attrs{"certificate_pem": selfSigned(t) + selfSigned(t)}, []string{invalid, "behind the first PEM block"}},
		"validity of nothing":   {attrs{"csr_pem": csr, "validity": "0s"}, []string{"Invalid duration", "too short"}},
		"validity too long":     {attrs{"csr_pem": csr, "validity": "2161h"}, []string{"Invalid duration", "too long", "2160h"}},
		"validity of a name":    {attrs{"san_dns": "bot.example", "validity": "1h"}, []string{"Only for a request"}},
		"renewal of a name":     {attrs{"san_dns": "bot.example", "early_renewal": "1h"}, []string{"Only for a request"}},
		"always due":            {attrs{"csr_pem": csr, "early_renewal": "720h"}, []string{"The certificate would always be due", "720h"}},
		"wildcard":              {attrs{"san_dns": "*.example"}, []string{invalid, "no wildcards"}},
		"no address":            {attrs{"san_ip": "bot"}, []string{invalid, "not an IP address"}},
		"no distinguished name": {attrs{"subject_dn": "bot"}, []string{invalid, "The subject is refused"}},
		"no mail address":       {attrs{"san_email": "bot"}, []string{invalid, "not an e-mail address"}},
		"no URI":                {attrs{"san_uri": "bot"}, []string{invalid, "not a URI"}},
	} {
		config := agent.owns(nil).merge(tt.config)
		plugin := p.plugin(t)
		d := plugin.validate(certificateType, config)
		if len(d.errors()) == 0 {
			d = p.resource(t, certificateType).planBy(plugin, config).problems
		}
		mustSay(t, name, d, tt.want...)
		if secret, _ := pem.Decode([]byte(private)); slices.Contains([]string{d.String()}, base64.StdEncoding.EncodeToString(secret.Bytes)) {
			t.Errorf("%s: the private key is shown: %v", name, d)
		}
	}
	asgardeo := newAsgardeo(t)
	d := asgardeo.resource(t, certificateType).planBy(asgardeo.plugin(t), asgardeo.newAgent(t, nil).owns(attrs{"csr_pem": csr})).problems
	mustSay(t, "a WSO2 server", d, "The server cannot do this", "csr_pem is set", "agentcreds_agent_secret")
	_, d = p.resource(t, certificateType).try(attrs{"agent_id": "11111111-2222-4333-8444-555555555555", "csr_pem": csr})
	mustSay(t, "no such agent", d, "Cannot add the agent certificate", "There is no agent")
}

// useCertificate enters into the store that the agent has logged in with a certificate.
func (p *place) useCertificate(t *testing.T, agentID, id string) {
	t.Helper()
	err := p.remote.store.Touch(t.Context(), []store.Use{{AgentID: agentID, Kind: store.CertificateKind, SecretID: id, At: p.remote.skew.Now()}})
	if err != nil {
		t.Fatal(err)
	}
}
