package provider_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func TestAgentData(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		m := p.newAgent(t, fullAgent())
		p.hand(t).patch(m.id(), api.Replace(api.SchemaWSO2Agent+":Zone", "eu"))
		for _, by := range []attrs{{"id": m.id()}, {"external_id": "team/bot"}} {
			got, d := p.plugin(t).data("agentcreds_agent", by)
			if len(d) > 0 {
				t.Fatal(d)
			}
			modified := got["last_modified_at"]
			if at(t, modified) < at(t, m.state["created_at"]) {
				t.Errorf("last_modified_at is %v", modified)
			}
			want := attrs{"last_modified_at": modified, "attributes": attrs{"Team": "support", "Tier": "1", "Zone": "eu"}}
			for _, name := range []string{"id", "external_id", "display_name", "description", "owner", "enabled", "scopes", "audiences", "allowed_auth_methods", "roles", "revoked_at", "created_at"} {
				want[name] = m.state[name]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("by %v: %s", by, diff)
			}
		}
		for _, tt := range []struct {
			by   attrs
			want string
		}{
			{attrs{}, "Missing"}, {attrs{"id": "x", "external_id": "y"}, "Invalid"},
			{attrs{"id": "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"}, "No such agent"}, {attrs{"external_id": "nobody"}, "No such agent"},
			{attrs{"id": "../Users"}, "not the id of an agent"},
		} {
			_, d := p.plugin(t).data("agentcreds_agent", tt.by)
			mustSay(t, "the read", d, tt.want)
		}
	})
}

func TestAgentsData(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		h := p.hand(t)
		var ids []any
		for _, name := range []string{"billing-a", "support-a", "billing-b"} {
			ids = append(ids, h.create(api.Agent{Profile: api.AgentProfile{DisplayName: name, Owner: "team-" + name[len(name)-1:]}}).ID)
		}
		for filter, want := range map[string][]any{
			"":                         ids,
			`DisplayName sw "billing"`: {ids[0], ids[2]},
			`DisplayName sw "billing-" and Owner eq "team-b"`: {ids[2]},
			`Owner eq "nobody"`: {},
		} {
			config := attrs{}
			if filter != "" {
				config["filter"] = filter
			}
			got, d := p.plugin(t).data("agentcreds_agents", config)
			if len(d) > 0 {
				t.Fatal(d)
			}
			if diff := cmp.Diff(any(want), got["ids"]); diff != "" {
				t.Errorf("%s: %s", filter, diff)
			}
			agents, _ := got["agents"].([]any)
			for i, id := range want {
				if a, _ := agents[i].(attrs); a["id"] != id {
					t.Errorf("%s: agent %d is %v, want %v", filter, i, a["id"], id)
				}
			}
		}
		_, d := p.plugin(t).data("agentcreds_agents", attrs{"filter": `DisplayName gt "a"`})
		mustSay(t, "the read", d, "Invalid filter", `AttributeName("filter")`, "gt")
	})
}

// TestAgentsData_order: a server may list agents in any order; the plan must not
// see another one each time.
func TestAgentsData_order(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	var ids []any
	for i := range 12 {
		ids = append(ids, p.hand(t).create(api.Agent{Profile: api.AgentProfile{DisplayName: fmt.Sprint("bot ", i)}}).ID)
	}
	front := httptest.NewServer(newChaos(t, p.remote, 1))
	defer front.Close()
	p.args = p.args.with("endpoint", front.URL)
	for range 3 {
		got, d := p.plugin(t).data("agentcreds_agents", attrs{})
		if diff := cmp.Diff(any(ids), got["ids"]); diff != "" || len(d) > 0 {
			t.Errorf("the agents come in another order: %v\n%s", d, diff)
		}
	}
}

func TestCredentialsData(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, attrs{"grace_period": "100h", "expire_after": "720h"})
	p.remote.skew.advance(49 * time.Hour)
	before := m.state
	m.apply(m.configured().with("rotation_trigger", trigger("1")))
	got, d := p.plugin(t).data("agentcreds_agent_credentials", attrs{"agent_id": agent.id()})
	if len(d) > 0 {
		t.Fatal(d)
	}
	secrets, _ := got["secrets"].([]any)
	if len(secrets) != 2 {
		t.Fatalf("there are %d secrets", len(secrets))
	}
	previous, _ := m.state["previous"].(attrs)
	for i, want := range []attrs{
		{"secret_id": m.secretID(), "status": "ACTIVE", "latest": true, "hint": m.state["hint"], "created_at": m.state["rotated_at"], "expires_at": m.state["expires_at"], "age_days": int64(0)},
		{"secret_id": before["secret_id"], "status": "RETIRING", "latest": false, "hint": before["hint"], "created_at": before["rotated_at"], "expires_at": previous["expires_at"], "age_days": int64(2)},
	} {
		want = want.with("created_by", "admin", "first_used_at", nil, "last_used_at", nil)
		if diff := cmp.Diff(any(want), secrets[i]); diff != "" {
			t.Error(diff)
		}
	}
	if strings.Contains(fmt.Sprint(got), m.state.text("secret")) {
		t.Error("the data source shows the secret")
	}
	_, d = p.plugin(t).data("agentcreds_agent_credentials", attrs{"agent_id": "0b8e5f2c-6f0b-4f7c-9d55-3a1f3f1c9a10"})
	mustSay(t, "the read", d, "No such agent")
}

func TestServerData(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		read := func() attrs {
			got, d := p.plugin(t).data("agentcreds_server", attrs{})
			if len(d) > 0 {
				t.Fatal(d)
			}
			return got
		}
		want := attrs{"version": "test", "max_secrets": int64(2), "overlap": true, "keys": true, "certificates": true}
		if p.remote == nil {
			want = want.with("kind", "embedded", "place", p.path())
			if got := read(); got["store_id"] != nil || got["kind"] != "embedded" {
				t.Errorf("before there is a store: %v", got)
			}
			expectNoFile(t, p.path())
		} else {
			want = want.with("kind", "reference", "place", p.remote.url, "principal", "admin")
		}
		p.newAgent(t, nil)
		got := read()
		for name, v := range want {
			if got[name] != v {
				t.Errorf("%s = %v, want %v", name, got[name], v)
			}
		}
		if len(got.text("store_id")) != 36 || got["principal"] == nil {
			t.Errorf("store_id is %v, principal %v", got["store_id"], got["principal"])
		}
	})
}

// TestRotationPeriod: a period starts where the one before it ends, whatever
// the time zone of the argument.
func TestRotationPeriod(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ timestamp, period, want, fails string }{
		{timestamp: "2026-01-31T12:34:56Z", period: "24h", want: "2026-01-31T00:00:00Z"},
		{timestamp: "2026-01-31T00:00:00Z", period: "24h", want: "2026-01-31T00:00:00Z"},
		{timestamp: "2026-01-30T23:59:59Z", period: "24h", want: "2026-01-30T00:00:00Z"},
		{timestamp: "2026-01-31T00:30:00+02:00", period: "24h", want: "2026-01-30T00:00:00Z"},
		{timestamp: "2026-01-31T12:34:56.789Z", period: "1h", want: "2026-01-31T12:00:00Z"},
		{timestamp: "2026-01-31T12:34:56Z", period: "1m", want: "2026-01-31T12:34:00Z"},
		{timestamp: "1970-01-01T00:00:00Z", period: "720h", want: "1970-01-01T00:00:00Z"},
		{timestamp: "1970-01-30T23:59:59Z", period: "720h", want: "1970-01-01T00:00:00Z"},
		{timestamp: "1970-01-31T00:00:00Z", period: "720h", want: "1970-01-31T00:00:00Z"},
		{timestamp: "1969-12-31T23:59:59Z", period: "24h", want: "1969-12-31T00:00:00Z"},
		{timestamp: "1969-12-31T00:00:00Z", period: "24h", want: "1969-12-31T00:00:00Z"},
		{timestamp: "2026-01-31", period: "24h", fails: "RFC 3339"},
		{timestamp: "", period: "24h", fails: "RFC 3339"},
		{timestamp: "2026-01-31T12:34:56Z", period: "30d", fails: "720h"},
		{timestamp: "2026-01-31T12:34:56Z", period: "59s", fails: "too short"},
		{timestamp: "2026-01-31T12:34:56Z", period: "-1h", fails: "too short"},
		{timestamp: "2026-01-31T12:34:56Z", period: "876000h", fails: "too long"},
		{timestamp: "2026-01-31T12:34:56Z", period: "1h0.5s", fails: "whole number"},
	} {
		got, failed := callFunction(t, "rotation_period", tt.timestamp, tt.period)
		if got != tt.want || (tt.fails == "") != (failed == "") || !strings.Contains(failed, tt.fails) {
			t.Errorf("rotation_period(%q, %q) = %q, %q, want %q, %q", tt.timestamp, tt.period, got, failed, tt.want, tt.fails)
		}
	}
}

func callFunction(t *testing.T, name string, arguments ...string) (result, failed string) {
	t.Helper()
	req := &tfprotov6.CallFunctionRequest{Name: name}
	p := start(t)
	for _, a := range arguments {
		req.Arguments = append(req.Arguments, p.pack(tftypes.String, a))
	}
	resp, err := p.server.CallFunction(t.Context(), req)
	p.answered(err)
	if resp.Error != nil {
		return "", resp.Error.Text
	}
	v, err := resp.Result.Unmarshal(tftypes.String)
	p.answered(err)
	p.answered(v.As(&result))
	return result, ""
}

// TestCredentialsOfEveryKind: keys, certificates and names are listed beside
// secrets, with their use.
func TestCredentialsOfEveryKind(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent := p.newAgent(t, nil)
	k := newKeyPair(t)
	p.resource(t, keyType).apply(agent.owns(k.pem()))
	c := p.resource(t, certificateType)
	c.apply(agent.owns(attrs{"certificate_pem": selfSigned(t)}))
	c.apply(agent.owns(attrs{"san_dns": "bot.example"}))
	p.useCertificate(t, agent.id(), c.certificateID())
	got, d := p.plugin(t).data("agentcreds_agent_credentials", attrs{"agent_id": agent.id()})
	if len(d) > 0 {
		t.Fatal(d)
	}
	one := func(list string, n int) attrs {
		all, _ := got[list].([]any)
		if len(all) <= n {
			t.Fatalf("%s are %v", list, got[list])
		}
		out, _ := all[n].(attrs)
		return out
	}
	if key := one("keys", 0); key["kid"] != k.kid || key["status"] != "ACTIVE" || key["alg"] != "ES256" || key["last_used_at"] != nil {
		t.Errorf("the key is %v", key)
	}
	if name := one("certificates", 0); name["subject"] != "san_dns=bot.example" || name["status"] != "ACTIVE" || name["first_used_at"] == nil || name["last_used_at"] == nil || name["not_after"] != nil {
		t.Errorf("the name is %v", name)
	}
	if given := one("certificates", 1); given["status"] != "RETIRING" || given["serial_number"] == nil || given["not_after"] == nil || given["subject"] != nil {
		t.Errorf("the certificate is %v", given)
	}
}
