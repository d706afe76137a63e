package provider_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

const keyType = "agentcreds_agent_key"

// keyPair is a key in all the forms that it can come in.
type keyPair struct {
	public, private, certificate, jwk, kid string
}

func newKeyPair(t *testing.T) keyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.New(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public, _ := x509.MarshalPKIXPublicKey(key.Public())
	private, _ := x509.MarshalPKCS8PrivateKey(key)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, data []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
	}
	return keyPair{text("PUBLIC KEY", public), text("PRIVATE KEY", private), text("CERTIFICATE", der), string(k.JWK()), k.Thumbprint()}
}

func (k keyPair) pem() attrs { return attrs{"public_key_pem": k.public} }

// keys are the statuses of the keys of an agent.
func (h hand) keys(agentID string) map[string]api.Status {
	h.t.Helper()
	listed, err := h.Keys(h.ctx(), agentID)
	h.check("list the keys", err)
	out := map[string]api.Status{}
	for _, k := range listed {
		out[k.KID] = k.Status
	}
	return out
}

func (p *place) expectKeys(t *testing.T, agentID string, want map[string]api.Status) {
	t.Helper()
	if got := p.hand(t).keys(agentID); !maps.Equal(got, want) {
		t.Errorf("the keys are %v, want %v", got, want)
	}
}

func (m *managed) kid() string { return m.state.text("kid") }

// TestKeyForms: one key in each form is the same key; another one rotates.
func TestKeyForms(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		a, b, c := newKeyPair(t), newKeyPair(t), newKeyPair(t)
		agent := p.newAgent(t, nil)
		m := p.resource(t, keyType)
		m.apply(agent.owns(a.pem()))
		if m.kid() != a.kid || m.state["alg"] != "ES256" || m.state.text("thumbprint") != a.kid || m.state["previous"] != nil {
			t.Fatalf("the state is %v", m.state)
		}
		first := m.state.version()
		for _, form := range []attrs{
			{"public_jwk": a.jwk}, {"certificate_pem": a.certificate}, {"private_key_pem_wo": a.private, "private_key_wo_version": 1}, a.pem(),
		} {
			if did := m.apply(agent.owns(form)); did != updates || m.kid() != a.kid || m.state.version() != first {
				t.Errorf("another form: %s, %v", did, m.state)
			}
		}
		m.apply(agent.owns(b.pem()))
		if m.kid() != b.kid || m.state.version() <= first {
			t.Errorf("after the rotation: %v", m.state)
		}
		p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Retiring, b.kid: api.Active})
		plan := m.plan(agent.owns(c.pem()))
		saysAll(t, "the plan", plan.problems.warnings(), "grace period ends early", a.kid)
		m.apply(agent.owns(c.pem()))
		p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Revoked, b.kid: api.Retiring, c.kid: api.Active})
		_, d := m.try(agent.owns(b.pem()))
		mustSay(t, "the key before", d, "The key was replaced before", b.kid)
		_, d = m.try(agent.owns(a.pem()))
		mustSay(t, "a revoked key", d, "Cannot rotate the agent key", "used")
		m.apply(nil)
		p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Revoked, b.kid: api.Revoked, c.kid: api.Revoked})
	})
}

// TestKeyForeign: keys that are not of the state are never touched, also when
// there is no room.
func TestKeyForeign(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	mine, theirs, next := newKeyPair(t), newKeyPair(t), newKeyPair(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, keyType)
	m.apply(agent.owns(mine.pem()))
	if _, err := p.hand(t).AddKey(t.Context(), agent.id(), api.KeyRequest{PublicKeyPEM: theirs.public}); err != nil {
		t.Fatal(err)
	}
	if did := m.apply(agent.owns(mine.pem())); did != noAction {
		t.Errorf("another key: %s", did)
	}
	_, d := m.try(agent.owns(next.pem()))
	mustSay(t, "no room", d, "Cannot rotate the agent key", "2 live keys")
	both := map[string]api.Status{mine.kid: api.Active, theirs.kid: api.Active}
	p.expectKeys(t, agent.id(), both)
	_, d = p.resource(t, keyType).try(agent.owns(theirs.pem()))
	mustSay(t, "a key of others", d, "Cannot add the agent key", "import it by "+agent.id()+"/"+theirs.kid)
	m.apply(agent.owns(mine.pem()).with("grace_period", "0s"))
	m.apply(nil) // superseded: it gets its grace, which is none
	if got := p.hand(t).keys(agent.id()); got[mine.kid] == api.Active || got[theirs.kid] != api.Active {
		t.Errorf("after the destroy the keys are %v", got)
	}
}

// TestKeyGiven: nothing of a private key is stored, and its version alone makes
// another one count.
func TestKeyGiven(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a, b := newKeyPair(t), newKeyPair(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, keyType)
	with := func(k keyPair, version int) attrs {
		return agent.owns(attrs{"private_key_pem_wo": k.private, "private_key_wo_version": version})
	}
	m.apply(with(a, 1))
	if did := m.apply(with(b, 1)); did != noAction || m.kid() != a.kid {
		t.Errorf("another key of the same version: %s, %v", did, m.state)
	}
	m.apply(with(b, 2))
	m.writesNothing("private_key_pem_wo", m.state)
	p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Retiring, b.kid: api.Active})
	first := m.state.version()
	if did := m.apply(with(b, 3)); did != updates || m.state.version() != first {
		t.Errorf("the same key of another version: %s, %v", did, m.state)
	}
}

// TestKeyEphemeral: an ephemeral key is another one in the apply than in the
// plan, and one that is read back where it is stored may be the old one in the
// plan. Terraform fails an apply that makes anything else of what the plan says
// ("inconsistent final plan"), so the plan says nothing of such a key.
func TestKeyEphemeral(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, keyType)
	a, b, c := newKeyPair(t), newKeyPair(t), newKeyPair(t)
	for i, step := range []struct {
		name           string
		planned, comes keyPair
	}{
		{"create", newKeyPair(t), a},
		{"another key in both", newKeyPair(t), b},
		{"the old key in the plan", b, c},
		{"the same key in both", c, c},
	} {
		before := m.state.version()
		with := func(k keyPair) attrs {
			return agent.owns(attrs{"private_key_pem_wo": k.private, "private_key_wo_version": i + 1})
		}
		plan := m.plan(with(step.planned))
		if _, d := m.carryOut(with(step.comes), plan); len(d.errors()) > 0 {
			t.Fatalf("%s: %v", step.name, d)
		}
		if m.kid() != step.comes.kid {
			t.Errorf("%s: the key is %s, want %s", step.name, m.kid(), step.comes.kid)
		}
		if rotated := m.state.version() > before; rotated == (step.planned == step.comes) {
			t.Errorf("%s: the version was %d and is %d", step.name, before, m.state.version())
		}
		m.settled(with(newKeyPair(t)))
	}
	p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Revoked, b.kid: api.Retiring, c.kid: api.Active})
}

// TestKeyEnds: not_after and grace_period move ends, and nothing else.
func TestKeyEnds(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a, b := newKeyPair(t), newKeyPair(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, keyType)
	m.apply(agent.owns(a.pem()).with("not_after", "2999-01-01T02:00:00+02:00"))
	end := func(kid string) int64 {
		t.Helper()
		k, err := p.hand(t).Key(t.Context(), agent.id(), kid)
		if err != nil {
			t.Fatal(err)
		}
		return k.ExpiresAt
	}
	if want := time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC).Unix(); end(a.kid) != want {
		t.Errorf("the key ends at %d, want %d", end(a.kid), want)
	}
	if did := m.apply(agent.owns(a.pem())); did != updates || end(a.kid) != 0 {
		t.Errorf("without not_after: %s, ends at %d", did, end(a.kid))
	}
	_, d := m.try(agent.owns(a.pem()).with("not_after", "2001-01-01T00:00:00Z"))
	mustSay(t, "a past end", d, "Cannot update the agent key", "is past")
	m.apply(agent.owns(b.pem()))
	long := end(a.kid)
	m.apply(agent.owns(b.pem()).with("grace_period", "1h"))
	if got := end(a.kid); got >= long || got == 0 {
		t.Errorf("with a shorter grace the old key ends at %d, and did at %d", got, long)
	}
	if err := p.hand(t).RevokeKey(t.Context(), agent.id(), a.kid, ""); err != nil {
		t.Fatal(err)
	}
	if m.refresh(); m.state["previous"] != nil {
		t.Errorf("previous is %v, and that key is revoked", m.state["previous"])
	}
}

// TestKeyOutside: a key that was revoked is told of; with another one the
// resource works again. An agent that is gone takes it along.
func TestKeyOutside(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a, b := newKeyPair(t), newKeyPair(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, keyType)
	m.apply(agent.owns(a.pem()))
	if err := p.hand(t).RevokeKey(t.Context(), agent.id(), a.kid, ""); err != nil {
		t.Fatal(err)
	}
	m.refresh()
	plan := m.plan(agent.owns(a.pem()))
	saysAll(t, "the plan", plan.problems.warnings(), "The key does not work", a.kid)
	m.apply(agent.owns(b.pem()))
	p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Revoked, b.kid: api.Active})
	m.taint()
	_, d := m.try(agent.owns(b.pem()))
	mustSay(t, "the same key again", d, "Cannot add the agent key", "used", "never taken again", "another one")
	p.hand(t).delete(agent.id())
	if m.refresh(); m.state != nil {
		t.Errorf("without its agent there is %v", m.state)
	}
}

// TestKeyInterrupted: a create and a rotation were carried out, and the state
// never heard of it. The next apply goes on from there.
func TestKeyInterrupted(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a, b := newKeyPair(t), newKeyPair(t)
	agent := p.newAgent(t, nil)
	lost := p.resource(t, keyType)
	lost.apply(agent.owns(a.pem()))
	m := p.resource(t, keyType)
	m.apply(agent.owns(a.pem()).with("not_after", "2999-01-01T00:00:00Z"))
	before := *m
	m.apply(agent.owns(b.pem()))
	again := &before
	if again.try(agent.owns(b.pem())); again.kid() != b.kid || again.state.version() != m.state.version() {
		t.Errorf("the rotation again: %v", again.state)
	}
	p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Retiring, b.kid: api.Active})
}

// TestKeyThere: a rotation to a key that somebody had added already ends the old
// one as any other does. Before, the old one stayed good for ever, because a
// server changes nothing when it is given a key that it has.
func TestKeyThere(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a, b, c := newKeyPair(t), newKeyPair(t), newKeyPair(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, keyType)
	byHand := func(k keyPair) {
		t.Helper()
		_, err := p.hand(t).AddKey(t.Context(), agent.id(), api.KeyRequest{PublicKeyPEM: k.public})
		p.hand(t).check("add a key", err)
	}
	byHand(b) // older than the one of the resource
	m.apply(agent.owns(a.pem()))
	m.apply(agent.owns(b.pem()))
	planned := m.state["previous"]
	if did := m.apply(agent.owns(b.pem())); did != noAction || !cmp.Equal(m.state["previous"], planned) {
		t.Errorf("%s, and previous is %v, it was %v", did, m.state["previous"], planned)
	}
	if old, err := p.hand(t).Key(t.Context(), agent.id(), a.kid); err != nil || old.ExpiresAt == 0 {
		t.Errorf("the old key is %+v, %v", old, err)
	}
	p.hand(t).check("revoke a key", p.hand(t).RevokeKey(t.Context(), agent.id(), a.kid, ""))
	byHand(c) // newer
	m.apply(agent.owns(c.pem()).with("grace_period", "0s").with("not_after", "2999-01-01T00:00:00Z"))
	p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Revoked, b.kid: api.Expired, c.kid: api.Active})
	m.apply(nil)
	p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Revoked, b.kid: api.Revoked, c.kid: api.Revoked})
}

// TestKeyReplacedByItself: under create_before_destroy the same key comes again
// before its old resource is deleted: in the same run, or, when that was cut
// off, in a later one. The key is the new resource's, and goes on.
func TestKeyReplacedByItself(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a := newKeyPair(t)
	agent := p.newAgent(t, nil)
	old, next := p.resource(t, keyType), p.resource(t, keyType)
	old.apply(agent.owns(a.pem()))
	next.apply(agent.owns(a.pem()))
	if next.state.version() <= old.state.version() {
		t.Errorf("the versions are %d, and then %d", old.state.version(), next.state.version())
	}
	old.apply(nil)
	p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Active})
	if did := next.apply(agent.owns(a.pem())); did != noAction {
		t.Errorf("the new resource then: %s", did)
	}
	next.apply(nil)
	p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Revoked})
}

// TestKeyImport: an import adds nothing and rotates nothing.
func TestKeyImport(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a := newKeyPair(t)
	agent := p.newAgent(t, nil)
	made, err := p.hand(t).AddKey(t.Context(), agent.id(), api.KeyRequest{JWK: json.RawMessage(a.jwk)})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{agent.id(), agent.id() + "/" + a.kid} {
		m := p.resource(t, keyType)
		if d := m.importBy(id); len(d) > 0 {
			t.Fatal(d)
		}
		if did := m.apply(agent.owns(a.pem())); did != updates || m.kid() != a.kid || m.state.version() != made.CreatedAt {
			t.Errorf("%s: %s, %v", id, did, m.state)
		}
	}
	for id, want := range map[string]string{agent.id() + "/": "<agent_id>/<kid>", agent.id() + "/x": "no ACTIVE key with the kid x"} {
		_, d := p.imports(t, keyType, id, nil)
		mustSay(t, id, d, want)
	}
	p.expectKeys(t, agent.id(), map[string]api.Status{a.kid: api.Active})
}

// TestKeyURI: where keys are elsewhere, the place rotates as a key does.
func TestKeyURI(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent := p.newAgent(t, nil)
	m := p.resource(t, keyType)
	m.apply(agent.owns(attrs{"jwks_uri": "https://agent.example/one"}))
	first := m.kid()
	m.apply(agent.owns(attrs{"jwks_uri": "https://agent.example/two"}))
	if m.state["alg"] != nil || m.state["thumbprint"] != nil {
		t.Errorf("the state is %v", m.state)
	}
	p.expectKeys(t, agent.id(), map[string]api.Status{first: api.Retiring, m.kid(): api.Active})
}

// TestKeyContradicted: what a configuration says of a key that is there already
// cannot change it. Before, another kid or alg in the JWK was applied, and
// nothing happened: assertions that followed it were refused.
func TestKeyContradicted(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.New(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(more string) attrs {
		return attrs{"public_jwk": strings.TrimSuffix(string(k.JWK()), "}") + more + "}"}
	}
	agent := p.newAgent(t, nil)
	m := p.resource(t, keyType)
	m.apply(agent.owns(jwk(`,"kid":"one","alg":"PS256"`)))
	for _, tt := range []struct{ more, title, detail string }{
		{`,"kid":"one","alg":"RS256"`, "The algorithm of a key does not change", "is for PS256"},
		{`,"kid":"two","alg":"PS256"`, "The kid of a key does not change", "has this key as one, and public_jwk names it two"},
	} {
		mustSay(t, tt.more, m.planBy(p.plugin(t), agent.owns(jwk(tt.more))).problems, tt.title, tt.detail)
		late := m.plan(agent.owns(attrs{"public_jwk": unknown}))
		_, d := p.plugin(t).applyPlan(keyType, m.instance, agent.owns(jwk(tt.more)), late)
		mustSay(t, tt.more+", known late", d, tt.title, tt.detail)
	}
	for _, same := range []string{``, `,"kid":"one"`, `,"alg":"PS256"`} {
		if did := m.apply(agent.owns(jwk(same))); did != updates || m.kid() != "one" || m.state["alg"] != "PS256" {
			t.Errorf("%q: %s, %v", same, did, m.state)
		}
	}
}

// TestKeyRefused: each bad key is told as what it is, and never shown.
func TestKeyRefused(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a := newKeyPair(t)
	agent := p.newAgent(t, nil)
	for name, tt := range map[string]struct {
		config attrs
		want   []string
	}{
		"none":                {attrs{}, []string{"Not exactly one key", "0 are set"}},
		"two":                 {attrs{"public_key_pem": a.public, "public_jwk": a.jwk}, []string{"Not exactly one key", "2 are set"}},
		"private as public":   {attrs{"public_key_pem": a.private}, []string{"Invalid key", "public_key_pem is refused", "private key"}},
		"no version":          {attrs{"private_key_pem_wo": a.private}, []string{"No version of the given key"}},
		"version alone":       {attrs{"private_key_wo_version": 1}, []string{"No version of the given key"}},
		"nonsense":            {attrs{"certificate_pem": "x"}, []string{"Invalid key", "certificate_pem is refused"}},
		"symmetric":           {attrs{"public_jwk": `{"kty":"oct","k":"AA"}`}, []string{"Invalid key", "symmetric"}},
		"algorithm":           {a.pem().with("alg", "RS256"), []string{"Invalid key", `cannot be used for alg = "RS256": ES256 goes`}},
		"algorithm with URI":  {attrs{"jwks_uri": "https://a.example", "alg": "ES256"}, []string{"No algorithm with jwks_uri"}},
		"plain http":          {attrs{"jwks_uri": "http://a.example"}, []string{"Invalid key", "The jwks_uri must be an https URL"}},
		"empty URI":           {attrs{"jwks_uri": ""}, []string{"Invalid key", "The jwks_uri must be an https URL"}},
		"kid":                 {attrs{"public_jwk": strings.Replace(a.jwk, "{", `{"kid":"a/b",`, 1)}, []string{"Invalid key", `"a/b" is none`}},
		"an end that is past": {a.pem().with("not_after", "2001-01-01T00:00:00Z"), []string{"Cannot add the agent key", "not in the future"}},
		"no such agent":       {a.pem().with("agent_id", "11111111-2222-4333-8444-555555555555"), []string{"Cannot add the agent key", "There is no agent"}},
	} {
		config := agent.owns(nil).merge(tt.config)
		plugin := p.plugin(t)
		d := plugin.validate(keyType, config)
		if len(d.errors()) == 0 {
			_, d = p.resource(t, keyType).try(config)
		}
		mustSay(t, name, d, tt.want...)
		if secret := strings.Split(a.private, "\n")[1]; strings.Contains(d.String(), secret) || strings.Contains(d.String(), "[") && strings.Contains(name, "private") {
			t.Errorf("%s: the private key, or the line that has it, is shown: %v", name, d)
		}
	}
	asgardeo := newAsgardeo(t)
	_, d := asgardeo.resource(t, keyType).try(asgardeo.newAgent(t, nil).owns(a.pem()))
	mustSay(t, "a WSO2 server", d, "The server cannot do this", "public_key_pem is set", "agentcreds_agent_secret")
}
