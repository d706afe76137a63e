package provider_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

const pairType = "agentcreds_agent_pair"

// newPair applies two agents and their pair.
func (p *place) newPair(t *testing.T, config attrs) *managed {
	t.Helper()
	blue, green := p.newAgent(t, nil), p.newAgent(t, nil)
	m := p.resource(t, pairType)
	m.apply(attrs{"blue_agent_id": blue.id(), "green_agent_id": green.id()}.merge(config))
	return m
}

// expectServes checks which side the outputs are of, and that they work.
func (p *place) expectServes(t *testing.T, m *managed, side string) {
	t.Helper()
	if m.state["active_side"] != side || m.state["agent_id"] != m.state[side+"_agent_id"] || !p.works(t, m.state.text("agent_id"), m.state.text("secret")) {
		t.Errorf("the pair serves %v, want the %s agent and its secret", m.state, side)
	}
}

// pairConfig is what the state says of the configuration.
func pairConfig(m *managed, more attrs) attrs {
	config := attrs{}
	for _, name := range []string{"blue_agent_id", "green_agent_id", "rotation_trigger", "active", "revoke_inactive_trigger"} {
		if v, ok := m.state[name]; ok && v != nil {
			config[name] = v
		}
	}
	return config.merge(more)
}

// TestPair: a rotation leaves the secret that is in use alone; a rollback needs
// no new secret; the side that was left can be killed.
func TestPair(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(*testing.T) *place{"asgardeo": newAsgardeo, "reference": newRemotePlace} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := place(t)
			m := p.newPair(t, nil)
			p.expectServes(t, m, "blue")
			before := m.state
			if did := m.apply(pairConfig(m, attrs{"rotation_trigger": trigger("1")})); did != updates {
				t.Fatalf("the rotation did %s", did)
			}
			p.expectServes(t, m, "green")
			if m.state.version() <= before.version() || !p.works(t, before.text("agent_id"), before.text("secret")) {
				t.Errorf("version went from %d to %d, or the secret in use ended", before.version(), m.state.version())
			}
			second := m.state
			m.apply(pairConfig(m, attrs{"active": "blue"}))
			p.expectServes(t, m, "blue")
			if m.state["secret"] != before["secret"] || m.state.version() <= second.version() {
				t.Errorf("the rollback gives %v", m.state)
			}
			_, d := m.try(pairConfig(m, attrs{"rotation_trigger": trigger("2")}))
			saysAll(t, "a rotation of a pinned side", d.warnings(), "ends the secret that is in use")
			p.expectServes(t, m, "blue")
			if p.works(t, before.text("agent_id"), before.text("secret")) {
				t.Error("two secrets of one agent work")
			}
			m.apply(pairConfig(m, attrs{"active": nil, "rotation_trigger": trigger("3"), "revoke_inactive_trigger": trigger("leak")}))
			p.expectServes(t, m, "green")
			if side, _ := m.state["blue"].(attrs); side["secret"] != nil || p.works(t, m.state.text("blue_agent_id"), before.text("secret")) {
				t.Errorf("the side that was left has %v", side)
			}
			// Going to a side that nobody has a secret of takes a new one.
			m.apply(pairConfig(m, attrs{"active": "blue"}))
			p.expectServes(t, m, "blue")
			last := m.state
			m.apply(nil)
			if p.works(t, last.text("agent_id"), last.text("secret")) {
				t.Error("the secret works after the pair was destroyed")
			}
		})
	}
}

// TestPairTaint: the emergency path needs no leave to replace what the pair has
// set itself, for agents of any age, and neither does the run after one that the
// server stopped halfway.
func TestPairTaint(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	blue, green := p.newAgent(t, nil), p.newAgent(t, nil)
	p.remote.skew.advance(time.Hour)
	m := p.resource(t, pairType)
	m.apply(attrs{"blue_agent_id": blue.id(), "green_agent_id": green.id()})
	again := func(config attrs) {
		t.Helper()
		p.shared = nil
		p.shared = p.plugin(t)
		p.remote.skew.advance(time.Minute)
		before := m.state
		m.taint()
		if did := m.apply(config); did != replaces {
			t.Errorf("the apply did %s", did)
		}
		p.expectServes(t, m, "blue")
		if m.state.version() <= before.version() || p.works(t, before.text("agent_id"), before.text("secret")) {
			t.Errorf("version went from %d to %d, or the old secret works", before.version(), m.state.version())
		}
	}
	again(pairConfig(m, nil)) // green has what Create set
	m.apply(pairConfig(m, attrs{"rotation_trigger": trigger("1"), "revoke_inactive_trigger": trigger("1")}))
	again(pairConfig(m, nil)) // blue has what revoke_inactive_trigger set

	config := pairConfig(m, nil)
	p.shared = nil
	p.shared = p.plugin(t)
	p.remote.skew.advance(time.Minute)
	p.remote.fail(fault{method: http.MethodPatch, after: 1, answer: scim(http.StatusForbidden, "no")})
	m.taint()
	_, d := m.try(config)
	mustSay(t, "the create", d, "Cannot create the pair", "403")
	p.remote.mend()
	p.shared = nil
	p.shared = p.plugin(t)
	m.taint()
	m.apply(config)
	p.expectServes(t, m, "blue")

	p.shared = nil
	p.shared = p.plugin(t)
	p.remote.skew.advance(time.Minute)
	m.refresh()
	p.remote.fail(fault{method: http.MethodPatch, times: 1, first: true})
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(anyAgent)})
	m.taint()
	_, d = m.try(config)
	mustSay(t, "the destroy", d, "Cannot revoke the secrets of the pair", "not known")
	p.remote.mend()
	again(config)
}

// TestPairDrift: another secret of the active agent is a reason to change
// sides; one of the idle agent is none.
func TestPairDrift(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	m := p.newPair(t, nil)
	p.remote.skew.advance(time.Second)
	p.hand(t).set(m.state.text("green_agent_id"))
	if did := m.apply(pairConfig(m, nil)); did != noAction {
		t.Errorf("a change of the idle agent did %s", did)
	}
	p.hand(t).set(m.state.text("blue_agent_id"))
	if did := m.apply(pairConfig(m, nil)); did != updates {
		t.Errorf("a change of the active agent did %s", did)
	}
	p.expectServes(t, m, "green")
	imported := p.resource(t, pairType)
	d := imported.importBy(m.state.text("blue_agent_id") + "/" + m.state.text("green_agent_id"))
	saysAll(t, "the import", d.warnings(), "value is unknown")
	if len(d.errors()) > 0 || imported.state["active_side"] != "green" || imported.state["secret"] != nil {
		t.Fatalf("the import gives %v, %v", imported.state, d)
	}
	version := imported.state.version()
	imported.apply(pairConfig(imported, attrs{"rotation_trigger": trigger("1")})) // the baseline
	if imported.state.version() != version {
		t.Error("the import rotated")
	}
	imported.apply(pairConfig(imported, attrs{"rotation_trigger": trigger("2")}))
	p.expectServes(t, imported, "blue")
}

// TestPairSealed: nothing readable is in the state, after a rollback neither.
func TestPairSealed(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	seal := attrs{"seal_to": []any{key.Recipient().String()}}
	m := p.newPair(t, seal)
	for _, config := range []attrs{nil, {"rotation_trigger": trigger("1")}, {"active": "blue"}} {
		m.apply(pairConfig(m, attrs{}.merge(seal).merge(config)))
		if m.state["secret"] != nil || !strings.Contains(m.state.text("sealed_secret"), "AGE ENCRYPTED") {
			t.Errorf("the state is %v", m.state)
		}
		side, _ := m.state[m.state.text("active_side")].(attrs)
		if side["version"] != m.state["sealed_version"] || side["sealed_secret"] != m.state["sealed_secret"] {
			t.Errorf("the outputs are not those of the active side: %v", m.state)
		}
	}
}

// TestPairFaults: what fails is healed by the next apply.
func TestPairFaults(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	blue, green := p.newAgent(t, nil), p.newAgent(t, nil)
	m := p.resource(t, pairType)
	config := attrs{"blue_agent_id": blue.id(), "green_agent_id": green.id()}
	p.remote.fail(fault{method: http.MethodPatch, path: regexp.MustCompile(green.id()), answer: scim(http.StatusForbidden, "no")})
	_, d := m.try(config)
	saysAll(t, "the create", d.warnings(), "The idle agent keeps its secret", green.id())
	if len(d.errors()) > 0 || m.state["revoke_pending"] != true {
		t.Fatalf("the create gives %v, %v", m.state, d)
	}
	p.remote.mend()
	since := p.hand(t).since(green.id())
	if did := m.apply(config); did != updates || m.state["revoke_pending"] != false || p.hand(t).since(green.id()) <= since {
		t.Errorf("the next apply did %s: %v", did, m.state)
	}
	// The answer to a rotation is lost, and what became of it cannot be found out.
	p.remote.fail(fault{method: http.MethodPatch, times: 1, first: true})
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(anyAgent), after: 3})
	before := m.state
	_, d = m.try(pairConfig(m, attrs{"rotation_trigger": trigger("1")}))
	mustSay(t, "the rotation", d, "Cannot rotate the pair", "not known")
	p.remote.mend()
	p.expectServes(t, m, "blue")
	m.apply(pairConfig(m, attrs{"rotation_trigger": trigger("1")}))
	p.expectServes(t, m, "green")
	if m.state.version() <= before.version() {
		t.Error("the version did not grow")
	}

	same := p.resource(t, pairType)
	_, d = same.try(attrs{"blue_agent_id": blue.id(), "green_agent_id": blue.id()})
	mustSay(t, "a pair of one", d, "The pair is one agent")
	_, d = same.try(config)
	mustSay(t, "a second pair", d, "Cannot create the pair", "somebody may use it")
}
