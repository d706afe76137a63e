package authority_test

import (
	"slices"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

func TestCreateAgent(t *testing.T) {
	w := newWorld(t, 0)
	a, value, err := w.CreateAgent(t.Context(), admin, authority.NewAgent{
		UserServing: true,
		AgentChange: authority.AgentChange{
			DisplayName: new("bot"), Description: new("books rooms"), Owner: new("ann"),
			ExternalID: new("bot-1"), OwnerToken: new("tok-1"),
			Attributes: map[string]*string{"Url": new("https://x.test"), "gone": nil},
			Scopes:     &[]string{"b", "a", "b"}, Audiences: &[]string{}, AuthMethods: &[]string{"secret"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !value.HasOurShape() {
		t.Error("the first secret is not of our shape")
	}
	got := w.get(t, a.ID)
	if got.DisplayName != "bot" || got.Description != "books rooms" || got.Owner != "ann" || !got.UserServing ||
		got.ExternalID != "bot-1" || got.OwnerToken != "tok-1" {
		t.Errorf("the agent is %+v", got.Agent)
	}
	if len(got.Attributes) != 1 || got.Attributes["Url"] != "https://x.test" {
		t.Errorf("attributes = %v", got.Attributes)
	}
	if !slices.Equal(got.Scopes, []string{"a", "b"}) || got.Audiences != nil || !slices.Equal(got.AuthMethods, []string{"secret"}) {
		t.Errorf("scopes %v, audiences %v, methods %v", got.Scopes, got.Audiences, got.AuthMethods)
	}
	if !got.Created.Equal(w.clock.Now()) || !got.Modified.Equal(w.clock.Now()) {
		t.Errorf("created %v, modified %v, now %v", got.Created, got.Modified, w.clock.Now())
	}
	if len(got.Secrets) != 1 {
		t.Fatalf("%d secrets, want 1", len(got.Secrets))
	}
	s := got.Secrets[0]
	if s.Status != authority.StatusActive || !s.Latest || s.Creator != "admin" || s.Hint != value.Hint() || s.Expires != 0 {
		t.Errorf("the first secret is %+v", s)
	}
	if !secret.Digest(s.Digest).Matches(a.ID, value) {
		t.Error("the digest is not that of the secret that was answered")
	}
}

func TestCreateAgent_firstSecret(t *testing.T) {
	for _, tt := range []struct {
		name    string
		new     authority.NewAgent
		secrets int
		kind    authority.Kind // 0: allowed
	}{
		{"made", authority.NewAgent{}, 1, 0},
		{"none", authority.NewAgent{NoSecret: true}, 0, 0},
		{"chosen", authority.NewAgent{AgentChange: authority.AgentChange{Password: chosen()}}, 1, 0},
		{"weak", authority.NewAgent{AgentChange: authority.AgentChange{Password: secret.New("short")}}, 0, authority.Weak},
		{"none and chosen", authority.NewAgent{NoSecret: true, AgentChange: authority.AgentChange{Password: chosen()}}, 0, authority.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1)
			a, value, err := w.CreateAgent(t.Context(), admin, tt.new)
			if tt.kind != 0 {
				wantKind(t, err, tt.kind)
				trail := w.trail(t)
				if last := trail[len(trail)-1]; last.Action != audit.AgentCreate || last.Outcome != audit.Refused || last.Reason == "" {
					t.Errorf("the audit ends with %+v, want the refusal", last)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := w.get(t, a.ID)
			if len(got.Secrets) != tt.secrets || value.IsZero() != (tt.secrets == 0) {
				t.Fatalf("%d secrets, want %d", len(got.Secrets), tt.secrets)
			}
			if got.Epoch != 0 {
				t.Errorf("epoch %d of a new agent", got.Epoch)
			}
			if tt.secrets == 1 && !secret.Digest(got.Secrets[0].Digest).Matches(a.ID, value) {
				t.Error("the digest is not that of the answered value")
			}
		})
	}
}

// The first secret is an ordinary one: it counts.
func TestCreateAgent_firstSecretCounts(t *testing.T) {
	w := newWorld(t, 2)
	a, _, err := w.CreateAgent(t.Context(), admin, authority.NewAgent{})
	if err != nil {
		t.Fatal(err)
	}
	w.add(t, authority.NewSecret{AgentID: a.ID})
	w.refusedAdd(t, authority.NewSecret{AgentID: a.ID}, authority.Limit)
}

func TestExternalID(t *testing.T) {
	w := newWorld(t, 0)
	named := func(id string) authority.NewAgent {
		return authority.NewAgent{NoSecret: true, AgentChange: authority.AgentChange{ExternalID: &id}}
	}
	first, _, err := w.CreateAgent(t.Context(), admin, named("x"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.CreateAgent(t.Context(), admin, named("x"))
	wantKind(t, err, authority.Exists)
	second, _, err := w.CreateAgent(t.Context(), admin, named("X")) // letter case counts
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.ChangeAgent(t.Context(), admin, second.ID, authority.AgentChange{ExternalID: new("x")})
	wantKind(t, err, authority.Exists)
	if got := w.get(t, second.ID).ExternalID; got != "X" {
		t.Errorf("a refused change left the external id %q", got)
	}
	w.change(t, first.ID, authority.AgentChange{ExternalID: new("")})
	w.change(t, second.ID, authority.AgentChange{ExternalID: new("x")})
	if err := w.DeleteAgent(t.Context(), admin, second.ID, ""); err != nil {
		t.Fatal(err)
	}
	w.change(t, first.ID, authority.AgentChange{ExternalID: new("x")})
	for range 2 { // "" is no external id: any number may have none
		w.agent(t)
	}
}

func TestAgents(t *testing.T) {
	w := newWorld(t, 0)
	var ids []string
	for range 5 {
		id := w.agent(t)
		w.add(t, authority.NewSecret{AgentID: id, Expires: w.clock.in(time.Hour)})
		ids = append(ids, id)
		w.clock.Add(time.Second)
	}
	q := authority.Query{Along: authority.Along{Secrets: true}}
	q.Offset, q.Limit = 1, 3
	q.Where = []authority.Condition{{Field: authority.FieldDisplayName, Op: "eq", Value: "bot"}}
	page, err := w.Agents(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if page.Total != 5 || len(page.Agents) != 3 {
		t.Fatalf("total %d, %d on the page", page.Total, len(page.Agents))
	}
	for i, a := range page.Agents {
		if a.ID != ids[i+1] || len(a.Secrets) != 1 || a.Secrets[0].AgentID != a.ID {
			t.Errorf("agent %d of the page is %s with %d secrets", i, a.ID, len(a.Secrets))
		}
	}
	q.Secrets = false
	if page, err = w.Agents(t.Context(), q); err != nil || page.Agents[0].Secrets != nil {
		t.Errorf("secrets that nobody asked for: %v, %v", page.Agents[0].Secrets, err)
	}
}
