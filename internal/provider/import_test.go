package provider_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// imports imports by an id or an identity and reads, as Terraform does.
func (p *place) imports(t *testing.T, name, id string, identity attrs) (*managed, problems) {
	t.Helper()
	m := p.resource(t, name)
	run := p.plugin(t)
	out, d := run.importBy(name, id, identity)
	if len(d.errors()) > 0 {
		return m, d
	}
	m.instance = out
	return m, append(d, m.refreshBy(run)...)
}

func TestAgentImport(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		original := p.newAgent(t, fullAgent())
		for _, by := range []struct {
			id       string
			identity attrs
		}{{id: original.id()}, {id: "external_id:team/bot"}, {identity: attrs{"id": original.id()}}} {
			m, d := p.imports(t, agentType, by.id, by.identity)
			if len(d) > 0 {
				t.Fatalf("import by %v: %v", by, d)
			}
			if diff := cmp.Diff(original.state, m.state); diff != "" {
				t.Errorf("import by %v: %s", by, diff)
			}
			if did := m.apply(original.configured()); did != noAction {
				t.Errorf("import by %v: the apply after it did %s", by, did)
			}
		}
	})
}

// TestAgentImportPlain: an agent that Terraform did not make, with as little as
// there can be, needs no change.
func TestAgentImportPlain(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		a := p.hand(t).create(api.Agent{Profile: api.AgentProfile{DisplayName: "bot"}})
		m, d := p.imports(t, agentType, a.ID, nil)
		if len(d) > 0 {
			t.Fatal(d)
		}
		if did := m.apply(attrs{"display_name": "bot"}); did != noAction {
			t.Errorf("the apply after the import did %s", did)
		}
		m.apply(attrs{"display_name": "bot", "deletion_policy": "disable"})
		m.apply(attrs{"display_name": "bot"})
		m.apply(nil)
		if n := p.hand(t).count(); n != 0 {
			t.Errorf("there are %d agents after the destroy", n)
		}
	})
}

// TestAgentImportAttributes: what the tenant added is shown by the import, and
// is given up by a configuration that does not name it, not removed.
func TestAgentImportAttributes(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	a := p.hand(t).create(api.Agent{Profile: api.AgentProfile{DisplayName: "bot", Attributes: map[string]string{"Team": "a", "Zone": "eu"}}})
	m, _ := p.imports(t, agentType, a.ID, nil)
	if diff := cmp.Diff(any(attrs{"Team": "a", "Zone": "eu"}), m.state["attributes"]); diff != "" {
		t.Error(diff)
	}
	m.apply(attrs{"display_name": "bot", "attributes": attrs{"Team": "a", "Zone": "eu"}})
	m.apply(attrs{"display_name": "bot", "attributes": attrs{"Team": "b"}})
	if diff := cmp.Diff(map[string]string{"Team": "b"}, p.hand(t).agent(a.ID).Profile.Attributes); diff != "" {
		t.Error(diff)
	}
}

func TestSecretImport(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		h := p.hand(t)
		a := h.create(api.Agent{ExternalID: "team/a/bot"})
		old := h.add(a.ID, api.SecretRequest{})
		s := h.rotate(a.ID, old.SecretID)
		want := attrs{
			"agent_id": a.ID, "secret_id": s.SecretID, "version": s.CreatedAt, "secret": nil, "hint": s.Hint,
			"on_drift": "rotate", "deletion_policy": "revoke", "on_existing": "error", "drift": false, "rotation_due": false, "previous": nil,
			"rotation_trigger": nil, "rotate_after": nil, "expire_after": nil, "grace_period": nil, "expires_at": nil,
			"seal_to": nil, "sealed_secret": nil, "secret_wo": nil, "secret_wo_version": nil,
		}
		for _, by := range []struct {
			id       string
			identity attrs
		}{{id: a.ID + "/" + s.SecretID}, {id: a.ID}, {id: "external_id:team/a/bot"}, {identity: attrs{"agent_id": a.ID}}} {
			m, d := p.imports(t, secretType, by.id, by.identity)
			if len(d.errors()) > 0 {
				t.Fatalf("import by %v: %v", by, d)
			}
			saysAll(t, "the import", d.warnings(), "value is unknown", "until the first rotation", s.SecretID)
			got := m.state.with()
			delete(got, "rotated_at")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("import by %v: %s", by, diff)
			}
			if got := at(t, m.state["rotated_at"]); got != s.CreatedAt/1000 {
				t.Errorf("rotated_at is %d, want %d", got, s.CreatedAt/1000)
			}
			if did := m.apply(attrs{"agent_id": a.ID}); did != noAction {
				t.Errorf("import by %v: the apply after it did %s", by, did)
			}
		}
		p.expectLive(t, a.ID, s.SecretID, old.SecretID)
	})
}

// TestSecretImportBaseline: the first configuration rotates nothing; the next
// change does, and then there is a value.
func TestSecretImportBaseline(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		h := p.hand(t)
		a := h.create(api.Agent{})
		s := h.add(a.ID, api.SecretRequest{})
		m, _ := p.imports(t, secretType, a.ID, nil)
		config := attrs{"agent_id": a.ID, "grace_period": "1h", "rotate_after": "720h"}
		m.apply(config) // the trigger may come later
		config = config.with("rotation_trigger", trigger("1"), "expire_after", "1440h")
		m.apply(config)
		if m.secretID() != s.SecretID || m.state["expires_at"] != nil {
			t.Errorf("the baseline changed the secret: %v", m.state)
		}
		p.expectLive(t, a.ID, s.SecretID)
		before := m.state
		if did := m.apply(config.with("rotation_trigger", trigger("2"))); did != updates || m.state["secret"] == nil {
			t.Errorf("the apply of another trigger did %s", did)
		}
		before["secret"], before["hint"] = "none", "none"
		expectRotated(t, before, m)
		p.expectLive(t, a.ID, m.secretID(), s.SecretID)
	})
}

// TestImportRefused: what cannot be imported is an error that says why.
func TestImportRefused(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		h := p.hand(t)
		with, without := h.create(api.Agent{}), h.create(api.Agent{})
		dead := h.add(with.ID, api.SecretRequest{})
		h.revoke(with.ID, dead.SecretID)
		old := h.add(with.ID, api.SecretRequest{})
		h.rotate(with.ID, old.SecretID)
		const nobody = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
		for _, tt := range []struct {
			name, id string
			want     []string
		}{
			{agentType, "", []string{"Nothing to import"}},
			{agentType, " ", []string{"Nothing to import"}},
			{agentType, nobody, []string{"No such agent", nobody}},
			{agentType, "external_id:nobody", []string{"No such agent", "external_id:nobody"}},
			{agentType, "external_id:", []string{"external_id"}},
			{agentType, "../Users/x", []string{"../Users/x"}},
			{secretType, "", []string{"Nothing to import"}},
			{secretType, "/", []string{"Invalid import id", "<agent_id>/<secret_id>"}},
			{secretType, with.ID + "/", []string{"Invalid import id"}},
			{secretType, nobody, []string{"No such agent"}},
			{secretType, nobody + "/" + dead.SecretID, []string{"No such agent"}},
			{secretType, without.ID, []string{"no ACTIVE secret", without.ID}},
			{secretType, with.ID + "/" + nobody, []string{"no secret with the id", nobody}},
			{secretType, with.ID + "/" + dead.SecretID, []string{"REVOKED", "ACTIVE"}},
			{secretType, with.ID + "/" + old.SecretID, []string{"RETIRING", "ACTIVE"}},
		} {
			m, d := p.imports(t, tt.name, tt.id, nil)
			if m.state != nil {
				t.Errorf("%s %q was imported: %v", tt.name, tt.id, m.state)
				continue
			}
			mustSay(t, tt.name+" by "+tt.id, d, tt.want...)
		}
	})
}

// TestImportFromNothing: an import where there is no store makes none.
func TestImportFromNothing(t *testing.T) {
	t.Parallel()
	p := newEmbedded(t)
	for _, name := range []string{agentType, secretType} {
		_, d := p.imports(t, name, "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10", nil)
		mustSay(t, "the import", d, "No such agent", p.path())
	}
	expectNoFile(t, p.path())
}
