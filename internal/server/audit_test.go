package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/server"
)

const (
	events     = "/api/server/v1/audit/events"
	checkpoint = "/api/server/v1/audit/checkpoint"
)

// seqs are the numbers of the events that a query finds, and their actions.
func (g *rig) seqs(q api.AuditQuery) (out []string) {
	g.t.Helper()
	page := decodeAs[api.AuditPage](g.send("GET", events+"?"+q.Values().Encode(), "").is(200))
	for _, e := range page.Events {
		out = append(out, fmt.Sprintf("%d %s", e.Seq, e.Action))
	}
	if page.Count != len(out) {
		g.t.Errorf("count = %d of %d", page.Count, len(out))
	}
	return out
}

func TestAuditEvents(t *testing.T) {
	g := newRig(t) // 1 store.create
	one := g.bare("one")
	g.clock.move(time.Hour)
	two := g.bare("two")
	noon := g.clock.now()
	g.send("PUT", service+two+"/secrets/"+newID, `{"secretValue":"`+strong+`"}`).is(201)
	g.send("PUT", service+two+"/secrets/"+newID, `{"secretValue":"Other-Horse-8-Battery"}`).is(409)
	g.send("DELETE", agents+"/"+one, "", "Authorization", "Bearer bob:*").is(204)
	for _, tt := range []struct {
		name string
		q    api.AuditQuery
		want string
	}{
		{"all", api.AuditQuery{}, "1 store.create,2 agent.create,3 agent.create,4 secret.create,5 secret.create,6 agent.delete"},
		{"page", api.AuditQuery{After: 2, Limit: 2}, "3 agent.create,4 secret.create"},
		{"last page", api.AuditQuery{After: 5, Limit: 2}, "6 agent.delete"},
		{"after the end", api.AuditQuery{After: 6}, ""},
		{"agent", api.AuditQuery{AgentID: one}, "2 agent.create,6 agent.delete"},
		{"actor", api.AuditQuery{Actor: "bob"}, "6 agent.delete"},
		{"actor, in part", api.AuditQuery{Actor: "bo"}, ""},
		{"action", api.AuditQuery{Action: "agent.create"}, "2 agent.create,3 agent.create"},
		{"kind of action", api.AuditQuery{Action: "agent"}, "2 agent.create,3 agent.create,6 agent.delete"},
		{"action, in part", api.AuditQuery{Action: "agent.cr"}, ""},
		{"outcome", api.AuditQuery{Outcome: "refused"}, "5 secret.create"},
		{"since", api.AuditQuery{Since: noon, Action: "agent"}, "3 agent.create,6 agent.delete"},
		{"until", api.AuditQuery{Until: noon.Truncate(time.Microsecond), Action: "agent"}, "2 agent.create"},
		{"together", api.AuditQuery{AgentID: two, Outcome: "done", Action: "secret", Actor: "ann"}, "4 secret.create"},
		{"quotes", api.AuditQuery{AgentID: "' OR 1=1 --"}, ""},
	} {
		if got := strings.Join(g.seqs(tt.q), ","); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	page := decodeAs[api.AuditPage](g.send("GET", events+"?after=4&limit=1", "").is(200))
	e := page.Events[0]
	if e.Actor != "ann" || e.AgentID != two || e.Target != newID || e.Outcome != "refused" || e.Reason == "" || len(e.Prev) != 64 || len(e.Hash) != 64 || e.Time.IsZero() {
		t.Errorf("event = %+v", e)
	}
}

func TestAuditQueryRefused(t *testing.T) {
	g := newRig(t)
	for query, says := range map[string]string{
		"agent=x":                            "cannot be filtered by",
		"agentid=x":                          "cannot be filtered by",
		"limit=0":                            "from 1 to 500",
		"limit=501":                          "from 1 to 500",
		"limit=x":                            "from 1 to 500",
		"after=-1":                           "not negative",
		"through=-1":                         "not negative",
		"after=1.5":                          "not negative",
		"after=99999999999999999999":         "not negative",
		"actor=":                             "must not be empty",
		"actor=a&actor=b":                    "possible once",
		"since=yesterday":                    "RFC 3339",
		"since=2026-03-01":                   "RFC 3339",
		"until=":                             "RFC 3339",
		"until=" + url.QueryEscape("12:00Z"): "RFC 3339",
	} {
		if a := g.send("GET", events+"?"+query, "").is(400); !strings.Contains(a.body, says) {
			t.Errorf("%s answers %s, want a text that says %s", query, a.body, says)
		}
	}
	g.send("POST", events, `{}`).is(405)
	g.send("DELETE", checkpoint, "").is(405)
}

func TestCheckpoint(t *testing.T) {
	var signed []byte
	g := newRig(t, func(c *server.Config) {
		c.SignCheckpoint = func(_ context.Context, text []byte) (string, error) { signed = text; return "signature", nil }
	})
	g.bare("bot")
	last := decodeAs[api.AuditPage](g.send("GET", events+"?after=1", "").is(200)).Events[0]
	cp := decodeAs[api.AuditCheckpoint](g.send("GET", checkpoint, "").is(200))
	if cp.Seq != last.Seq || cp.Hash != last.Hash || !cp.Time.Equal(last.Time) || len(cp.StoreID) != 36 || cp.Signature != "signature" {
		t.Errorf("checkpoint = %+v, the last event is %+v", cp, last)
	}
	var inside api.AuditCheckpoint
	if err := json.Unmarshal(signed, &inside); err != nil {
		t.Fatal(err)
	}
	if cp.Signature = ""; !reflect.DeepEqual(inside, cp) {
		t.Errorf("signed is %+v, want %+v", inside, cp)
	}
}

func TestCheckpointUnsigned(t *testing.T) {
	if a := newRig(t).send("GET", checkpoint, "").is(200); strings.Contains(a.body, "signature") {
		t.Errorf("checkpoint = %s", a.body)
	}
	g := newRig(t, func(c *server.Config) {
		c.SignCheckpoint = func(context.Context, []byte) (string, error) { return "", errors.New("no key in /etc/key") }
	})
	if a := g.send("GET", checkpoint, "").is(500); strings.Contains(a.body, "/etc") {
		t.Errorf("the answer tells %s", a.body)
	}
}

// TestAuditBeforeTheStore: nothing happened yet, and asking makes no store.
func TestAuditBeforeTheStore(t *testing.T) {
	g := newRig(t, func(c *server.Config) {
		c.Authority = func(context.Context, bool) (*authority.Authority, error) { return authority.Empty(authority.Config{}) }
	})
	if a := g.send("GET", events, "").is(200); a.body != `{"count":0,"events":[]}` {
		t.Errorf("events = %s", a.body)
	}
	if cp := decodeAs[api.AuditCheckpoint](g.send("GET", checkpoint, "").is(200)); cp.StoreID != "" || cp.Seq != 0 {
		t.Errorf("checkpoint = %+v", cp)
	}
}
