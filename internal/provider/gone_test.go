package provider_test

import "testing"

// TestGoneWithoutIdentity: Terraform before 1.12 keeps no identity. Reading what
// had been deleted outside was an error there ("Missing Resource Identity After
// Read"), so that nothing could be planned or destroyed any more.
func TestGoneWithoutIdentity(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		agent, m := p.newSecret(t, nil)
		p.hand(t).delete(agent.id())
		for _, m := range []*managed{agent, m} {
			m.identity = nil
			if d := m.refresh(); len(d.errors()) > 0 || m.state != nil {
				t.Errorf("the refresh of %s left %v: %v", m.name, m.state, d)
			}
		}
	})
}

// TestSecretOfNoAgent: the message points at the argument.
func TestSecretOfNoAgent(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		const nobody = "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"
		p.newAgent(t, nil) // a store is there
		_, d := p.resource(t, secretType).try(attrs{"agent_id": nobody})
		mustSay(t, "the create", d, "Cannot create", nobody, "agentcreds_agent")
		for _, e := range d.errors() {
			if got := e.Attribute.String(); got != `AttributeName("agent_id")` {
				t.Errorf("the message points at %s", got)
			}
		}
	})
}
