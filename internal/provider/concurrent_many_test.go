package provider_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// TestManyAtOnce: one provider process makes, rotates, opens and destroys the
// secrets of 50 agents at the same time, of each kind, on a server and on a
// file. `make test` runs it under the race detector.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		const agents, rounds = 50, 3
		key := newAgeKey(t)
		p = p.identity(key.identity)
		p.shared = p.plugin(t)
		values := map[int]string{} // which are given, by version
		for n := range rounds {
			values[n+1] = secret.Generate().Reveal()
		}
		kinds := []func(n int) attrs{
			func(n int) attrs { return attrs{"rotation_trigger": trigger(fmt.Sprint(n))} },
			func(n int) attrs {
				return attrs{"rotation_trigger": trigger(fmt.Sprint(n)), "seal_to": words(key.recipient)}
			},
			func(n int) attrs { return given(values[n], n) },
		}
		by := p.hand(t) // one for all: fifty more on one file would only wait for each other
		var wg sync.WaitGroup
		for i := range agents {
			wg.Go(func() {
				do := func(m *managed, config attrs) bool {
					_, d := m.try(config)
					if len(d.errors()) > 0 {
						t.Errorf("agent %d: %v", i, d.errors())
					}
					return len(d.errors()) == 0
				}
				agent, m := p.resource(t, agentType), p.resource(t, secretType)
				if !do(agent, attrs{"display_name": "bot", "external_id": fmt.Sprint("team/bot", i)}) {
					return
				}
				for n := range rounds {
					before := m.state
					if !do(m, agent.owns(kinds[i%len(kinds)](n+1))) {
						return
					}
					if before != nil {
						expectVersionGrew(t, before, m.state)
					}
					p.logsInWith(t, by, m, key, values[n+1])
				}
				do(m, nil)
				do(agent, nil)
			})
		}
		wg.Wait()
		if n := by.count(); n != 0 {
			t.Errorf("%d agents are left", n)
		}
	})
}

// logsInWith checks that the server takes the secret that the resource passes
// on: of the state, of the envelope as the ephemeral opens it, or the one given.
func (p *place) logsInWith(t *testing.T, by hand, m *managed, key ageKey, text string) {
	t.Helper()
	switch {
	case m.state["secret"] != nil:
		text = m.state.text("secret")
	case m.state["sealed_secret"] != nil:
		text = key.opens(t, m.state).Value.Reveal()
		if got, _, d := p.plugin(t).openAs(ofSecret, opening(m.state)); len(d.errors()) > 0 || got.text("secret") != text {
			t.Errorf("it does not open: %v", d)
		}
	}
	by.logsIn(m.state, secret.New(text))
}
