package provider_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

// newAsgardeo is a remote place whose server behaves like Asgardeo, without its
// limit of requests.
func newAsgardeo(t *testing.T) *place {
	t.Helper()
	r := newRemoteAs(t, filepath.Join(t.TempDir(), "server.db"), server.Asgardeo(), authority.Config{
		MaxSecrets: 1, Rules: authority.Rules{OnlyLocks: true, AgentsByApp: true, AnyPermission: true, Password: secret.GenerateAsgardeo},
	})
	return &place{args: attrs{"endpoint": r.url, "access_token": adminToken, "requests_per_minute": int64(1_000_000)}, remote: r}
}

// since is when the secret of an agent was set, as a version is.
func (h hand) since(agentID string) int64 { return h.agent(agentID).PasswordTime() }

// set is somebody who gives the agent another secret in the console.
func (h hand) set(agentID string) {
	h.t.Helper()
	_, err := h.SetPassword(h.ctx(), agentID, secret.GenerateWSO2())
	h.check("set the secret of "+agentID, err)
}

// expectSet checks that the agent has the secret of the state, and when it got
// it.
func (p *place) expectSet(t *testing.T, m *managed) {
	t.Helper()
	since := p.hand(t).since(m.agentID())
	if m.secretID() != strconv.FormatInt(since, 10) || m.state["version"] != since || !p.works(t, m.agentID(), m.state.text("secret")) {
		t.Errorf("secret_id is %s, version %v; the agent got its secret at %d", m.secretID(), m.state["version"], since)
	}
}

// works reports whether the value is the agent's secret. The agents of this
// profile log in through an application; who looks here asks the store, by the
// rules of the other one.
func (p *place) works(t *testing.T, agentID, value string) bool {
	t.Helper()
	rules, err := authority.New(authority.Config{Store: p.remote.store})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := authority.NewIssuer(authority.IssuerConfig{
		Authority: rules, URL: "http://localhost", Seal: func() (secret.SealKey, error) { return secret.SealKey{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = issuer.Authenticate(t.Context(), authority.Login{ID: agentID, Secret: secret.New(value), Method: "client_secret_basic", Address: "here"})
	return err == nil
}

// TestAsgardeoSecret: the whole life of a secret where an agent has one.
func TestAsgardeoSecret(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	agent, m := p.newSecret(t, nil)
	first := m.state
	p.expectSet(t, m)
	if value := first.text("secret"); len(value) != 44 || strings.HasPrefix(value, "agcs_") || first["hint"] != nil || first["expires_at"] != nil || first["previous"] != nil {
		t.Errorf("the state is %v", first)
	}
	m.apply(m.configured().with("rotation_trigger", trigger("1")))
	p.expectSet(t, m)
	if m.state.version() <= first.version() || m.state["secret"] == first["secret"] || p.works(t, agent.id(), first.text("secret")) {
		t.Errorf("after the rotation: %v, and before: %v", m.state, first)
	}
	m.apply(m.configured().with("rotate_after", "1h"))
	p.remote.skew.advance(2 * time.Hour)
	rotated := m.state.version()
	m.apply(m.configured())
	p.expectSet(t, m)
	if m.state.version() <= rotated {
		t.Error("it was not rotated when it was due")
	}
	last, ended := m.state.text("secret"), m.state.version()
	m.apply(nil)
	if p.works(t, agent.id(), last) || p.hand(t).since(agent.id()) <= ended {
		t.Error("the secret works after it was destroyed")
	}
}

// TestAsgardeoPolicy: rules for passwords that take no more than 30 characters, as
// those of Identity Server may, get no more; who is refused that as well is told
// how to give another, and that works.
func TestAsgardeoPolicy(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	var most, refused atomic.Int64
	most.Store(30)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var patch struct {
			Operations []struct{ Path, Value string }
		}
		if json.Unmarshal(body, &patch) == nil && len(patch.Operations) == 1 && patch.Operations[0].Path == "password" && int64(len(patch.Operations[0].Value)) > most.Load() {
			refused.Add(1)
			scim(http.StatusBadRequest, "Password should be shorter.")(w, r)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.remote.ServeHTTP(w, r)
	}))
	defer front.Close()
	p.args = p.args.with("endpoint", front.URL)
	p.shared = p.plugin(t)
	agent, m := p.newSecret(t, nil)
	p.expectSet(t, m)
	if length := len(m.state.text("secret")); length != 30 {
		t.Errorf("the secret has %d characters", length)
	}
	m.apply(m.configured().with("rotation_trigger", trigger("1")))
	p.expectSet(t, m)
	if refused.Load() != 1 {
		t.Errorf("%d secrets were refused, want the first alone", refused.Load())
	}
	m.apply(nil)

	most.Store(16)
	p.shared = nil
	_, d := m.try(agent.owns(attrs{"on_existing": "replace"}))
	mustSay(t, "the create", d, "Password should be shorter", "44 or 30", "secret_wo")
	m.apply(agent.owns(attrs{"on_existing": "replace", "secret_wo": "Abcdef-123456_x", "secret_wo_version": int64(1)}))
	if !p.works(t, agent.id(), "Abcdef-123456_x") {
		t.Error("the given secret does not work")
	}
}

// TestAsgardeoNoMeta: an agent of which the server tells no times has none.
func TestAsgardeoNoMeta(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := httptest.NewRecorder()
		p.remote.ServeHTTP(a, r)
		maps.Copy(w.Header(), a.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(a.Code)
		_, _ = w.Write(regexp.MustCompile(`"meta":\{[^}]*\},?`).ReplaceAll(a.Body.Bytes(), nil))
	}))
	defer front.Close()
	p.args = p.args.with("endpoint", front.URL)
	agent, m := p.newSecret(t, nil)
	p.expectSet(t, m)
	if agent.state["created_at"] != nil {
		t.Errorf("the agent was created at %v", agent.state["created_at"])
	}
	m.apply(m.configured().with("rotation_trigger", trigger("1")))
	p.expectSet(t, m)
}

// TestAsgardeoDrift: a secret that somebody set is found by its time.
func TestAsgardeoDrift(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	for policy, does := range map[string]action{"rotate": updates, "warn": noAction, "ignore": noAction} {
		_, m := p.newSecret(t, attrs{"on_drift": policy})
		p.remote.skew.advance(time.Second)
		p.hand(t).set(m.agentID())
		plan := m.plan(m.configured())
		if m.does(plan) != does || m.state["drift"] != true {
			t.Errorf("%s plans to %s, drift %v", policy, m.does(plan), m.state["drift"])
		}
		if does == updates {
			m.apply(m.configured())
			p.expectSet(t, m)
		}
	}
}

// TestAsgardeoRace: a secret that was set between plan and apply is not
// replaced unseen.
func TestAsgardeoRace(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	_, m := p.newSecret(t, nil)
	config := m.configured().with("rotation_trigger", trigger("1"))
	plan := m.plan(config)
	p.remote.skew.advance(time.Second)
	p.hand(t).set(m.agentID())
	theirs := p.hand(t).since(m.agentID())
	_, d := m.carryOut(config, plan)
	mustSay(t, "the rotation", d, "Cannot rotate", "after it was last read", "Plan again")
	if p.hand(t).since(m.agentID()) != theirs {
		t.Error("the secret was replaced")
	}
}

// TestAsgardeoExisting: what somebody may use is not replaced, unless that is
// asked for; it can be imported.
func TestAsgardeoExisting(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	agent := p.newAgent(t, nil)
	p.remote.skew.advance(time.Minute)
	p.hand(t).set(agent.id())
	theirs := p.hand(t).since(agent.id())
	m := p.resource(t, secretType)
	_, d := m.try(agent.owns(nil))
	mustSay(t, "the create", d, "Cannot create the agent secret", "on_existing", "import")
	if p.hand(t).since(agent.id()) != theirs || m.state != nil {
		t.Errorf("the secret was replaced, or %v is in the state", m.state)
	}

	imported := p.resource(t, secretType)
	d = imported.importBy(agent.id())
	saysAll(t, "the import", d.warnings(), "value is unknown")
	if len(d.errors()) > 0 || imported.state["version"] != theirs || imported.state["secret"] != nil {
		t.Fatalf("the import gives %v, %v", imported.state, d)
	}
	if did := imported.apply(agent.owns(attrs{"rotation_trigger": trigger("1")})); did != updates || p.hand(t).since(agent.id()) != theirs {
		t.Errorf("the first apply did %s", did)
	}
	_, d = p.imports(t, agentType, "AGENT/"+agent.id(), nil)
	mustSay(t, "the import by a user name", d, "is the user name of an agent", agent.id())
	_, d = p.imports(t, secretType, agent.id()+"/"+agent.id(), nil)
	mustSay(t, "the import by a secret's id", d, "which has no id")

	m.apply(agent.owns(attrs{"on_existing": "replace"}))
	p.expectSet(t, m)
}

// TestAsgardeoTakenAtPlan: that a create will be refused where somebody may use
// the secret is told by the plan, as far as it has read the agent.
func TestAsgardeoTakenAtPlan(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	agent := p.newAgent(t, nil)
	green := p.newAgent(t, nil)
	p.remote.skew.advance(time.Minute)
	m := p.resource(t, secretType)
	m.apply(agent.owns(nil))
	pair := attrs{"blue_agent_id": green.id(), "green_agent_id": agent.id()}
	for name, config := range map[string]attrs{secretType: agent.owns(nil), pairType: pair} {
		run := p.plugin(t)
		plan := func(config attrs) problems {
			return run.plan(name, instance{}, object(t, value(t, run.typeOf(name), config))).problems
		}
		if d := plan(config); len(d) > 0 {
			t.Errorf("before anything was read the plan says %v", d)
		}
		_, d := run.read(secretType, m.instance)
		run.mustPass("refresh", d)
		p.remote.forget()
		d = plan(config)
		saysAll(t, "the plan", d.warnings(), "Somebody may use", agent.id(), "on_existing", "create_before_destroy")
		if len(d) != 1 {
			t.Errorf("the plan says %v", d)
		}
		if d := plan(config.with("on_existing", "replace")); len(d) > 0 {
			t.Errorf("with on_existing the plan says %v", d)
		}
		if n := p.remote.count("", anyPath); n > 0 {
			t.Errorf("the plan asked %d times", n)
		}
	}
	// Terraform shows what is told of the change to another agent, and nothing of
	// what the plan of the new resource tells.
	other := p.newAgent(t, nil)
	moved := p.resource(t, secretType)
	moved.apply(other.owns(nil))
	run := p.plugin(t)
	for _, one := range []*managed{m, moved} {
		_, d := run.read(secretType, one.instance)
		run.mustPass("refresh", d)
	}
	if d := run.plan(secretType, moved.instance, object(t, value(t, run.typeOf(secretType), agent.owns(nil)))).problems; !strings.Contains(d.String(), "Somebody may use") {
		t.Errorf("the plan to move it says %v", d)
	}
	// Of the secret that an agent was born with there is nothing to tell.
	run = p.plugin(t)
	_, d := run.read(agentType, green.instance)
	run.mustPass("refresh", d)
	if d := run.plan(secretType, instance{}, object(t, value(t, run.typeOf(secretType), green.owns(nil)))).problems; len(d) > 0 {
		t.Errorf("the plan says %v", d)
	}
}

// TestAsgardeoTaint: the emergency path; what create_before_destroy made
// survives.
func TestAsgardeoTaint(t *testing.T) {
	t.Parallel()
	for _, cbd := range []bool{false, true} {
		p := newAsgardeo(t)
		_, m := p.newSecret(t, attrs{"on_existing": "replace"})
		m.cbd = cbd
		before := m.state
		p.remote.skew.advance(time.Minute)
		m.taint()
		if did := m.apply(m.configured()); did != replaces {
			t.Errorf("the apply did %s", did)
		}
		p.expectSet(t, m)
		if m.state.version() <= before.version() {
			t.Errorf("version is %d, and was %d", m.state.version(), before.version())
		}
	}
	// Without create_before_destroy the provider knows that the secret which is
	// there now is its own: nothing has to be asked for.
	p := newAsgardeo(t)
	_, m := p.newSecret(t, nil)
	p.shared = p.plugin(t)
	m.taint()
	m.apply(m.configured())
	p.expectSet(t, m)
	// Nor when the server refused the new one, and a later run makes it.
	p.remote.skew.advance(time.Minute)
	m.refresh()
	config := m.configured()
	p.remote.fail(fault{method: http.MethodPatch, after: 1, answer: scim(http.StatusForbidden, "no")})
	m.taint()
	_, d := m.try(config)
	mustSay(t, "the create", d, "Cannot create the agent secret", "403")
	p.remote.mend()
	p.shared = nil
	p.shared = p.plugin(t)
	m.taint()
	m.apply(config)
	p.expectSet(t, m)
}

// TestAsgardeoDestroySuperseded: what somebody set since is not ours to end.
func TestAsgardeoDestroySuperseded(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	_, m := p.newSecret(t, nil)
	p.remote.skew.advance(time.Second)
	id := m.agentID()
	p.hand(t).set(id)
	theirs := p.hand(t).since(id)
	m.apply(nil)
	if p.hand(t).since(id) != theirs {
		t.Error("the destroy ended the secret of another")
	}
}

// TestAsgardeoLostDestroy: a destroy whose answer was lost has ended the secret.
// The next one does not take what it set for somebody else's, so what is then
// created needs no leave to replace it.
func TestAsgardeoLostDestroy(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	agent, m := p.newSecret(t, nil)
	p.shared = p.plugin(t)
	p.remote.skew.advance(time.Minute)
	m.refresh()
	before := m.state
	p.remote.fail(fault{method: http.MethodPatch, times: 1, first: true})
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(anyAgent)})
	m.taint()
	_, d := m.try(m.configured())
	mustSay(t, "the destroy", d, "Cannot revoke the agent secret", "not known")
	p.remote.mend()
	p.shared = nil
	p.shared = p.plugin(t)
	m.taint()
	m.apply(m.configured())
	p.expectSet(t, m)
	if m.state.version() <= before.version() || p.works(t, agent.id(), before.text("secret")) {
		t.Errorf("version is %d after %d, or the old secret works", m.state.version(), before.version())
	}
}

// TestAsgardeoPlanErrors: the plan names the server, its limit, and what to use
// instead.
func TestAsgardeoPlanErrors(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	agent, m := p.newSecret(t, nil)
	for _, name := range []string{"grace_period", "expire_after"} {
		for what, prior := range map[string]*managed{"create": p.resource(t, secretType), "update": m} {
			_, d := prior.try(agent.owns(attrs{name: "24h"}))
			mustSay(t, "the "+what, d, "The server cannot do this", name, p.remote.url, "one secret", "agentcreds_agent_pair", `AttributeName("`+name+`")`)
		}
	}
	for _, name := range []string{"scopes", "audiences", "allowed_auth_methods"} {
		_, d := p.resource(t, agentType).try(attrs{"display_name": "bot", name: []any{"client_secret_basic"}})
		mustSay(t, "the agent", d, "The server cannot do this", name)
	}
}

// TestAsgardeoLostAnswers: whatever answer to the setting of a secret is lost,
// the next apply has it right, with at most one rotation more.
func TestAsgardeoLostAnswers(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{
		"before it was done": {method: http.MethodPatch, times: 1},
		"after it was done":  {method: http.MethodPatch, times: 1, first: true},
	} {
		for _, deaf := range []bool{false, true} {
			p := newAsgardeo(t)
			agent := p.newAgent(t, nil)
			m := p.resource(t, secretType)
			p.remote.fail(f)
			if deaf { // nor can it be found out what became of it
				p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(anyAgent), after: 1})
			}
			_, d := m.try(agent.owns(nil))
			if (len(d.errors()) > 0) != deaf {
				t.Errorf("%s, deaf %v: the create ended with %v", name, deaf, d)
			}
			p.remote.mend()
			again := agent.owns(nil)
			if deaf { // which may be long after the agent was made: then the secret could be anybody's
				again = again.with("on_existing", "replace")
			}
			m.apply(again)
			p.expectSet(t, m)
			before := m.state
			p.remote.fail(f)
			config := m.configured().with("rotation_trigger", trigger("1"))
			if deaf {
				p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(anyAgent), after: 2})
			}
			_, _ = m.try(config)
			p.remote.mend()
			m.apply(config)
			p.expectSet(t, m)
			if m.state.version() <= before.version() {
				t.Errorf("%s: version is %d after %d", name, m.state.version(), before.version())
			}
		}
	}
}

// TestAsgardeoExternalID: an agent that a lost answer left is found, and no
// second one is made; one that was there is shown, or adopted.
func TestAsgardeoExternalID(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	config := attrs{"display_name": "bot", "external_id": "team/bot", "description": "Answers mail"}
	p.remote.fail(fault{method: http.MethodPost, path: regexp.MustCompile(allAgents), times: 1, first: true})
	m := p.resource(t, agentType)
	m.apply(config)
	if n := p.hand(t).count(); n != 1 {
		t.Errorf("there are %d agents", n)
	}
	twin := p.resource(t, agentType)
	_, d := twin.try(config)
	mustSay(t, "a second one", d, "exists already", "import {", m.id())
	twin.apply(config.with("on_existing", "adopt", "description", "Something else"))
	if twin.id() != m.id() || p.hand(t).count() != 1 {
		t.Errorf("%s was adopted, there is %s", twin.id(), m.id())
	}
	twin.apply(twin.configured().with("external_id", "team/other"))
	twin.apply(twin.configured().with("description", nil))
	if a := p.hand(t).agent(m.id()); a.ExternalID != "team/other" || a.Profile.Description != "" {
		t.Errorf("the agent is %+v", a)
	}
	imported := p.resource(t, agentType)
	if d := imported.importBy("external_id:team/other"); len(d.errors()) > 0 || imported.id() != m.id() {
		t.Errorf("the import gives %v, %v", imported.state, d)
	}
	m.apply(nil)
	if n := p.hand(t).count(); n != 0 {
		t.Errorf("there are %d agents", n)
	}
}

// TestAsgardeoBirthSecret: an agent without a managed secret has a live one.
func TestAsgardeoBirthSecret(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	agent := p.newAgent(t, nil)
	saysAll(t, "the refresh", agent.refresh().warnings(), "secret that it was created with", "agentcreds_agent_secret")
	m := p.resource(t, secretType)
	m.apply(agent.owns(nil)) // at once, as when both are made by one apply
	if d := agent.refresh(); len(d) > 0 {
		t.Errorf("the refresh says %v", d)
	}
	got, d := p.plugin(t).data("agentcreds_agent_credentials", attrs{"agent_id": agent.id()})
	secrets, _ := got["secrets"].([]any)
	if len(d) > 0 || len(secrets) != 1 {
		t.Fatalf("the credentials are %v, %v", got, d)
	}
	if one, _ := secrets[0].(attrs); one["secret_id"] != m.secretID() {
		t.Errorf("the credentials are %v, %v", got, d)
	}
}

// TestAsgardeoPerson: a configuration that points at a person changes nothing,
// and says why.
func TestAsgardeoPerson(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	agent, m := p.newSecret(t, nil)
	jane := `{"schemas":["` + api.SchemaUser + `"],"id":"` + agent.id() + `","userName":"DEFAULT/jane","meta":{"created":"2025-12-17T06:17:51.835814Z"}}`
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(anyAgent), answer: says(http.StatusOK, api.MediaType, jane)})
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(allAgents), answer: scim(http.StatusForbidden, "no")})
	p.remote.forget()
	_, d := p.resource(t, secretType).try(agent.owns(nil))
	mustSay(t, "the create", d, "AGENT/", "not an agent")
	_, d = m.try(m.configured().with("rotation_trigger", trigger("1")))
	mustSay(t, "the rotation", d, "Not an agent", "jane")
	_, d = m.carryOut(nil, planned{private: m.private})
	mustSay(t, "the destroy", d, "AGENT/")
	_, d = agent.carryOut(nil, planned{private: agent.private})
	mustSay(t, "the destroy of the agent", d, "AGENT/")
	for _, kind := range []string{agentType, secretType} {
		_, d = p.imports(t, kind, agent.id(), nil)
		mustSay(t, "the import", d, "Not an agent", "jane")
	}
	for _, method := range []string{http.MethodPatch, http.MethodPut, http.MethodDelete, http.MethodPost} {
		if n := p.remote.count(method, anyPath); n > 0 {
			t.Errorf("%d × %s were sent", n, method)
		}
	}
}
