package provider_test

import (
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestAgentExists: two resources with one external id. The second is told whose
// it is and how to import it, and changes nothing.
func TestAgentExists(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		first := p.newAgent(t, attrs{"external_id": "team/bot", "display_name": "first"})
		second := p.resource(t, agentType)
		_, d := second.try(attrs{"display_name": "second", "external_id": "team/bot"})
		mustSay(t, "the second", d, `AttributeName("external_id")`, first.id(), `"first"`, `id = "`+first.id()+`"`, "import {", "adopt")
		if second.state != nil {
			t.Errorf("the second has the state %v", second.state)
		}
		if did := first.apply(first.configured()); did != noAction || p.hand(t).count() != 1 {
			t.Errorf("the apply of the first did %s; there are %d agents", did, p.hand(t).count())
		}
		_, d = p.newAgent(t, nil).try(attrs{"display_name": "bot", "external_id": "team/bot"})
		mustSay(t, "the update of a third", d, "Cannot update the agent", first.id())
	})
}

// TestAgentAdopt: the agent stays what it is, and becomes what the new
// configuration says; the one that had it before deletes nothing any more.
func TestAgentAdopt(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		first := p.newAgent(t, attrs{"external_id": "team/bot", "display_name": "first", "owner": "ann", "scopes": words("read"), "attributes": attrs{"Team": "a"}})
		secret := p.hand(t).add(first.id(), api.SecretRequest{}).SecretID
		second := p.newAgent(t, attrs{
			"external_id": "team/bot", "display_name": "second", "on_existing": "adopt", "scopes": words("write"),
			"attributes": attrs{"Team": "b"}, "enabled": false,
		})
		if second.id() != first.id() {
			t.Fatalf("the adopted agent is %s, want %s", second.id(), first.id())
		}
		a := p.hand(t).agent(second.id())
		if a.Profile.DisplayName != "second" || a.Profile.Owner != "" || a.Profile.Attributes["Team"] != "b" || a.Extension.Scopes[0] != "write" || !a.Blocked() {
			t.Errorf("the adopted agent is %+v", a)
		}
		p.expectLive(t, a.ID, secret)

		// The old resource goes, without a refresh: nothing is deleted.
		_, d := first.carryOut(nil, planned{private: first.private})
		saysAll(t, "the destroy of the first", d.warnings(), "not deleted", "adopted")
		if len(d.errors()) > 0 || first.state != nil {
			t.Errorf("the destroy of the first: %v", d)
		}
		p.hand(t).agent(second.id())
		second.apply(nil)
		if n := p.hand(t).count(); n != 0 {
			t.Errorf("there are %d agents", n)
		}
	})
}

// TestAgentAdoptsNothing: adopt creates where there is nothing to adopt, and
// needs a key to find something by.
func TestAgentAdoptsNothing(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	one := p.newAgent(t, attrs{"on_existing": "adopt", "external_id": "team/bot"})
	other := p.newAgent(t, attrs{"on_existing": "adopt"})
	if one.id() == other.id() {
		t.Error("an agent without a key was adopted")
	}
}

// TestAgentAdoptReplaced: a replacement under create_before_destroy adopts the
// agent that it is about to destroy, and deletes nothing.
func TestAgentAdoptReplaced(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		m := p.newAgent(t, attrs{"on_existing": "adopt", "external_id": "team/bot"})
		secret := p.hand(t).add(m.id(), api.SecretRequest{}).SecretID
		id, config := m.id(), m.configured()
		m.cbd = true
		m.taint()
		if did := m.apply(config); did != replaces || m.id() != id {
			t.Errorf("the apply did %s; the id was %s and is %s", did, id, m.id())
		}
		p.expectLive(t, id, secret)
	})
}

// TestAgentAdoptOtherKind: what the server cannot change is not taken over as
// if it were as configured.
func TestAgentAdoptOtherKind(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	for _, serving := range []bool{true, false} {
		m := p.newAgent(t, attrs{"external_id": "team/bot", "is_user_serving_agent": serving, "display_name": "first"})
		_, d := p.resource(t, agentType).try(attrs{"display_name": "second", "external_id": "team/bot", "on_existing": "adopt", "is_user_serving_agent": !serving})
		mustSay(t, "adopting", d, `AttributeName("is_user_serving_agent")`, m.id())
		if got := p.hand(t).agent(m.id()).Profile.DisplayName; got != "first" {
			t.Errorf("the agent was changed: %s", got)
		}
		m.apply(nil)
	}
}
