package provider_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	frame "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
)

// TestShortcut: what a plan with nothing to do asks of an agent and of its
// secret is answered without the framework, and what it would have answered.
func TestShortcut(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		p.compared = true
		agent, secret := p.newSecret(t, attrs{"rotation_trigger": trigger("1")})
		for _, m := range []*managed{agent, secret} {
			plugin := p.plugin(t)
			ty := plugin.typeOf(m.name)
			state := plugin.pack(ty, m.state)
			read, err := plugin.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: m.name, CurrentState: state, Private: m.private, CurrentIdentity: m.identity})
			plugin.answered(err)
			if read.NewState != state {
				t.Errorf("%s: the framework read it", m.name)
			}
			config := attrs{"display_name": "bot"}
			if m == secret {
				config = agent.owns(attrs{"rotation_trigger": trigger("1")})
			}
			plan, err := plugin.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
				TypeName: m.name, PriorState: state, PriorPrivate: m.private, PriorIdentity: m.identity,
				Config: plugin.pack(ty, config), ProposedNewState: plugin.pack(ty, plugin.proposed(m.name, m.state, config)),
			})
			plugin.answered(err)
			if plan.PlannedState != state {
				t.Errorf("%s: the framework planned it", m.name)
			}
		}
	})
}

// TestShortcut_read: whatever became of an object, and whatever its state says,
// a read answers as the framework does.
func TestShortcut_read(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, p *place, agent, secret *managed)
	}{
		{"nothing", func(*testing.T, *place, *managed, *managed) {}},
		{"another name", func(_ *testing.T, _ *place, a, _ *managed) { a.state["display_name"] = "other" }},
		{"more than it has", func(_ *testing.T, _ *place, a, _ *managed) {
			a.state["scopes"], a.state["attributes"], a.state["owner"] = words("b", "a"), attrs{"team": "x"}, "me"
		}},
		{"times in other words", func(_ *testing.T, _ *place, a, s *managed) {
			for m, name := range map[*managed]string{a: "created_at", s: "rotated_at"} {
				m.state[name] = strings.Replace(m.state.text(name), "Z", "+00:00", 1)
			}
		}},
		{"times that differ", func(_ *testing.T, _ *place, a, s *managed) {
			a.state["created_at"], s.state["rotated_at"] = "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
		}},
		{"no identity", func(_ *testing.T, _ *place, a, s *managed) { a.identity, s.identity = nil, nil }},
		{"no private state", func(_ *testing.T, _ *place, a, s *managed) { a.private, s.private = nil, nil }},
		{"private state of a framework", func(_ *testing.T, _ *place, a, s *managed) {
			a.private, s.private = []byte(`{".import_before_read":"dHJ1ZQ==","facts":"e30="}`), []byte(`{"facts":"e30=","more":"e30="}`)
		}},
		{"private state of nobody", func(_ *testing.T, _ *place, a, s *managed) { a.private, s.private = []byte(`{"a":1}`), []byte(`what`) }},
		{"another store", func(_ *testing.T, _ *place, a, s *managed) {
			a.private, s.private = []byte(`{"facts":"eyJzdG9yZSI6Im90aGVyIn0="}`), []byte(`{"facts":"eyJzdG9yZSI6Im90aGVyIn0="}`)
		}},
		{"timeouts", func(_ *testing.T, _ *place, a, _ *managed) { a.state["timeouts"] = attrs{"read": "1m"} }},
		{"timeouts that are none", func(_ *testing.T, _ *place, a, _ *managed) { a.state["timeouts"] = attrs{"read": "soon"} }},
		{"an import", func(_ *testing.T, _ *place, a, s *managed) {
			a.state, s.state = attrs{"id": a.id()}, attrs{"agent_id": a.id(), "secret_id": s.secretID()}
		}},
		{"rotated outside", func(t *testing.T, p *place, a, s *managed) { p.hand(t).rotate(a.id(), s.secretID()) }},
		{"revoked outside", func(t *testing.T, p *place, a, s *managed) { p.hand(t).revoke(a.id(), s.secretID()) }},
		{"revoked all", func(t *testing.T, p *place, a, _ *managed) {
			h := p.hand(t)
			h.check("revoke", h.RevokeAll(h.ctx(), a.id()))
		}},
		{"deleted outside", func(t *testing.T, p *place, a, _ *managed) { p.hand(t).delete(a.id()) }},
		{"no id", func(_ *testing.T, _ *place, a, s *managed) { a.state["id"], s.state["agent_id"] = nil, nil }},
		{"a secret that never was", func(_ *testing.T, _ *place, _, s *managed) {
			s.state["secret_id"] = "00000000-0000-4000-8000-000000000000"
		}},
		{"a secret with one before", func(_ *testing.T, _ *place, _, s *managed) {
			s.state["previous"] = attrs{"secret_id": "00000000-0000-4000-8000-000000000000", "expires_at": "2020-01-01T00:00:00Z"}
		}},
		{"rotation due", func(_ *testing.T, _ *place, _, s *managed) {
			s.state["rotate_after"], s.state["rotated_at"] = "12h", time.Now().Add(-24*time.Hour).UTC().Format(time.RFC3339)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newRemotePlace(t)
			agent, secret := p.newSecret(t, nil)
			tt.do(t, p, agent, secret)
			p.compared = true
			for _, m := range []*managed{agent, secret} {
				p.plugin(t).read(m.name, m.instance)
			}
		})
	}
}

// TestShortcut_upgrade: a state of this version comes back as it is, where that
// is what the framework does.
func TestShortcut_upgrade(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		version int64
		json    string
		asIs    bool
	}{
		{"whole", 0, `{"id":"a","display_name":"bot","enabled":true,"scopes":["b","a"],"attributes":{"team":"x"},"timeouts":null,"roles":[]}`, true},
		{"spaces", 0, " {\n \"id\" : \"a\" , \"timeouts\":{\"read\":\"1m\"}} ", true},
		{"nothing in it", 0, `{}`, true},
		{"an attribute of another version", 0, `{"id":"a","later":1}`, false},
		{"one in an object", 0, `{"id":"a","timeouts":{"read":"1m","later":1}}`, false},
		{"a number for a text", 0, `{"id":7}`, false},
		{"a text for a bool", 0, `{"id":"a","enabled":"true"}`, false},
		{"a list for a map", 0, `{"id":"a","attributes":["x"]}`, false},
		{"an object for a list", 0, `{"id":"a","scopes":{"x":"y"}}`, false},
		{"numbers in a set", 0, `{"id":"a","scopes":[1]}`, false},
		{"null", 0, `null`, false},
		{"no JSON", 0, `{"id":`, false},
		{"another version", 1, `{"id":"a"}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBothWays(t)
			b.compared = true
			resp, err := b.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{TypeName: agentType, Version: tt.version, RawState: &tfprotov6.RawState{JSON: []byte(tt.json)}})
			if err != nil {
				t.Fatal(err)
			}
			if asIs := resp.UpgradedState != nil && resp.UpgradedState.JSON != nil; asIs != tt.asIs {
				t.Errorf("handed back as it came: %v, want %v", asIs, tt.asIs)
			}
		})
	}
}

// TestShortcut_defaults: the shortcut knows the defaults of texts and of
// booleans. A resource with another one takes the framework's way, or teaches it.
func TestShortcut_defaults(t *testing.T) {
	t.Parallel()
	for _, make := range provider.New("test")().Resources(t.Context()) {
		var name frame.MetadataResponse
		make().Metadata(t.Context(), frame.MetadataRequest{ProviderTypeName: provider.TypeName}, &name)
		if name.TypeName != agentType && name.TypeName != secretType {
			continue
		}
		var s frame.SchemaResponse
		make().Schema(t.Context(), frame.SchemaRequest{}, &s)
		for attribute, a := range s.Schema.Attributes {
			_, text := a.(schema.StringAttribute)
			_, flag := a.(schema.BoolAttribute)
			if def := reflect.ValueOf(a).FieldByName("Default"); def.IsValid() && !def.IsNil() && !text && !flag {
				t.Errorf("%s.%s has a default that the shortcut does not know", name.TypeName, attribute)
			}
		}
	}
}
