package provider_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// events reads the data source and tells what it found: numbers and actions.
func auditEvents(t *testing.T, p *place, config attrs) (found []attrs, short string) {
	t.Helper()
	plug := p.plugin(t)
	state, d := plug.data("agentcreds_audit_events", config)
	plug.mustPass("read the audit", d)
	var words []string
	events, _ := state["events"].([]any)
	for _, one := range events {
		e, ok := one.(attrs)
		if !ok {
			t.Fatalf("an event is a %T", one)
		}
		found, words = append(found, e), append(words, fmt.Sprint(e["action"], " ", e["outcome"]))
	}
	return found, strings.Join(words, ", ")
}

func TestAuditEvents(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		h := p.hand(t)
		one, two := p.newAgent(t, nil).id(), p.newAgent(t, nil).id()
		s := h.add(one, api.SecretRequest{})
		if _, err := h.ExpireSecret(h.ctx(), one, "no-such-secret", 0); err == nil {
			t.Fatal("a secret that is not there was changed")
		}
		h.revoke(one, s.SecretID)
		for _, tt := range []struct {
			name   string
			config attrs
			want   string
		}{
			{"agent", attrs{"agent_id": two}, "agent.create done"},
			{"all of one", attrs{"agent_id": one}, "agent.create done, secret.create done, secret.expire refused, secret.revoke done"},
			{"kind of action", attrs{"agent_id": one, "action": "secret"}, "secret.create done, secret.expire refused, secret.revoke done"},
			{"action", attrs{"agent_id": one, "action": "secret.create"}, "secret.create done"},
			{"outcome", attrs{"agent_id": one, "outcome": "refused"}, "secret.expire refused"},
			{"the latest", attrs{"agent_id": one, "limit": 2}, "secret.expire refused, secret.revoke done"},
			{"the latest of all", attrs{"limit": 1}, "secret.revoke done"},
			{"actor", attrs{"actor": "nobody"}, ""},
			{"since", attrs{"since": "2999-01-01T00:00:00Z"}, ""},
			{"until", attrs{"until": "1999-01-01T00:00:00Z"}, ""},
			{"both", attrs{"agent_id": two, "since": "1999-01-01T00:00:00+02:00", "until": "2999-01-01T00:00:00Z"}, "agent.create done"},
		} {
			if _, got := auditEvents(t, p, tt.config); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
		found, _ := auditEvents(t, p, attrs{"agent_id": one, "action": "secret.expire"})
		e := found[0]
		if e["agent_id"] != one || e["target"] != "no-such-secret" || e["reason"] == nil || e["actor"] == "" || e["time"] == nil || len(e.text("hash")) != 64 {
			t.Errorf("event = %v", e)
		}
		if found, _ := auditEvents(t, p, attrs{"agent_id": one, "action": "secret.create"}); found[0]["target"] != s.SecretID || found[0]["reason"] != nil {
			t.Errorf("event = %v", found[0])
		}
	})
}

// TestAuditEventsNone: before the first agent there is no store, and a plan
// makes none.
func TestAuditEventsNone(t *testing.T) {
	t.Parallel()
	if found, _ := auditEvents(t, newEmbedded(t), attrs{}); len(found) != 0 {
		t.Errorf("events = %v", found)
	}
}

func TestAuditEventsRefused(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	plug := p.plugin(t)
	for _, tt := range []struct {
		config attrs
		says   string
	}{
		{attrs{"outcome": "maybe"}, "outcome"},
		{attrs{"limit": 0}, "limit"},
		{attrs{"limit": 10001}, "limit"},
		{attrs{"agent_id": ""}, "agent_id"},
		{attrs{"since": "yesterday"}, "RFC3339"},
	} {
		_, d := plug.data("agentcreds_audit_events", tt.config)
		mustSay(t, fmt.Sprint(tt.config), d, tt.says)
	}
	p.remote.fail(fault{method: http.MethodGet, path: regexp.MustCompile(api.PathAuditEvents), answer: scim(http.StatusForbidden, "The scope internal_agent_audit_view is missing.")})
	_, d := plug.data("agentcreds_audit_events", attrs{"outcome": "done"})
	mustSay(t, "without the scope", d, "Cannot read the audit", "internal_agent_audit_view", "Give the scope")
}
