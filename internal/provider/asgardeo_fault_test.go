package provider_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// TestAsgardeoEveryFault breaks every request of a run in every way: after the
// next apply there is one agent, its secret is that of the state, at most one
// rotation was too many, and there is nothing left to do.
func TestAsgardeoEveryFault(t *testing.T) {
	t.Parallel()
	type run struct {
		agent, secret *managed
	}
	// The stages of a life. Each is tried, and tried again when it failed.
	stages := []func(*place, *run) problems{
		func(p *place, r *run) problems {
			_, d := r.agent.try(attrs{"display_name": "bot", "external_id": "team/bot", "description": "Answers mail"})
			return d
		},
		func(p *place, r *run) problems {
			_, d := r.secret.try(r.agent.owns(nil))
			return d
		},
		func(p *place, r *run) problems {
			_, d := r.secret.try(r.agent.owns(attrs{"rotation_trigger": trigger("1")}))
			return d
		},
	}
	for way, f := range map[string]fault{
		"reset before": {times: 1},
		"reset after":  {times: 1, first: true},
		"502 after":    {times: 1, first: true, answer: html(http.StatusBadGateway)},
		"HTML after":   {times: 1, first: true, answer: html(http.StatusOK)},
		"429":          {times: 1, answer: says(http.StatusTooManyRequests, "text/html", "<h1>slow down</h1>", "Retry-After", "0")},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			for at, broke := 0, true; broke; at++ {
				p := newAsgardeo(t)
				f := f
				f.after = at
				p.remote.fail(f)
				r := &run{agent: p.resource(t, agentType), secret: p.resource(t, secretType)}
				for n, stage := range stages {
					for try := 0; ; try++ {
						d := stage(p, r)
						if len(d.errors()) == 0 {
							break
						}
						if try > 0 {
							t.Fatalf("request %d, stage %d fails again: %v", at, n, d)
						}
					}
				}
				p.remote.mu.Lock()
				broke = len(p.remote.faults) == 0
				p.remote.mu.Unlock()
				p.remote.mend()
				what := fmt.Sprintf("request %d", at)
				if n := p.hand(t).count(); n != 1 {
					t.Errorf("%s: there are %d agents", what, n)
				}
				r.secret.settled(r.agent.owns(attrs{"rotation_trigger": trigger("1")}))
				p.expectSet(t, r.secret)
				set := 0
				for _, q := range p.remote.requests(http.MethodPatch, anyAgent) {
					if q.Status == http.StatusOK {
						set++
					}
				}
				if set > 3 {
					t.Errorf("%s: the secret was set %d times, want 2, and one more at most", what, set)
				}
				if a := p.hand(t).agent(r.agent.id()); a.ExternalID != "team/bot" || a.Profile.Description != "Answers mail" {
					t.Errorf("%s: the agent is %+v", what, a)
				}
			}
		})
	}
}

// TestAsgardeoUnknownMembers: what a server adds to its answers harms nobody.
func TestAsgardeoUnknownMembers(t *testing.T) {
	t.Parallel()
	p := newAsgardeo(t)
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(aboutItself), answer: says(http.StatusOK, api.MediaType,
		`{"schemas":["`+api.SchemaConfig+`"],"documentationUri":"http://x","patch":{"supported":true},"future":{"a":[1]}}`)})
	_, m := p.newSecret(t, nil)
	p.expectSet(t, m)
}
