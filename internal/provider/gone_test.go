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
