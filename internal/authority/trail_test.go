package authority_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Each act and each refusal leaves one entry that says who, what, to which
// agent and credential; no entry holds a secret or a digest of one.
func TestTrail(t *testing.T) {
	w := newWorld(t, 2)
	mine, password := secret.Generate(), chosen()
	ann := authority.Principal{Name: "local:ann@laptop"}
	ctx := t.Context()

	a, first, err := w.CreateAgent(ctx, ann, authority.NewAgent{AgentChange: authority.AgentChange{DisplayName: new("bot"), ExternalID: new("x")}})
	if err != nil {
		t.Fatal(err)
	}
	born := w.get(t, a.ID).Secrets[0].ID
	add := func(n authority.NewSecret) error {
		n.AgentID = a.ID
		_, _, err := w.AddSecret(ctx, ann, n)
		return err
	}
	change := func(c authority.AgentChange) error {
		_, err := w.ChangeAgent(ctx, ann, a.ID, c)
		return err
	}
	expire := func(id string, to time.Duration) error {
		_, err := w.ExpireSecret(ctx, ann, a.ID, id, w.clock.in(to))
		return err
	}
	revoke := func() error { _, err := w.RevokeAgent(ctx, ann, a.ID); return err }
	create := func(c authority.AgentChange) error {
		_, _, err := w.CreateAgent(ctx, ann, authority.NewAgent{AgentChange: c})
		return err
	}

	for _, tt := range []struct {
		act     func() error
		action  audit.Action
		target  string
		outcome audit.Outcome
		detail  string // a key that must be there
	}{
		{func() error { return create(authority.AgentChange{ExternalID: new("x")}) }, audit.AgentCreate, "", audit.Refused, ""},
		{func() error { return create(authority.AgentChange{Password: weak()}) }, audit.AgentCreate, "", audit.Refused, ""},
		{func() error {
			return add(authority.NewSecret{ID: idOne, Value: mine, Previous: &authority.Retire{ID: born, Expires: w.clock.in(time.Hour)}})
		}, audit.SecretCreate, idOne, audit.Done, "retired:" + born},
		{func() error { return add(authority.NewSecret{ID: idTwo}) }, audit.SecretCreate, idTwo, audit.Refused, ""},
		{func() error { return add(authority.NewSecret{ID: idTwo, Value: weak()}) }, audit.SecretCreate, idTwo, audit.Refused, ""},
		{func() error { return add(authority.NewSecret{ID: idOne, Value: password}) }, audit.SecretCreate, idOne, audit.Refused, ""},
		{func() error { return expire(idOne, time.Hour) }, audit.SecretExpire, idOne, audit.Done, "expires"},
		{func() error { return add(authority.NewSecret{ID: idTwo, Revoke: []string{born}}) }, audit.SecretCreate, idTwo, audit.Done, "revoked:" + born},
		{func() error { return expire(born, time.Hour) }, audit.SecretExpire, born, audit.Refused, ""},
		{func() error { return w.RevokeSecret(ctx, ann, a.ID, idOne, &idOneVar) }, audit.SecretRevoke, idOne, audit.Refused, ""},
		{func() error { return w.RevokeSecret(ctx, ann, a.ID, idOne, nil) }, audit.SecretRevoke, idOne, audit.Done, ""},
		{func() error { return change(authority.AgentChange{Owner: new("ann")}) }, audit.AgentUpdate, "", audit.Done, "changed"},
		{func() error { return change(authority.AgentChange{Password: password}) }, audit.SecretReset, "*", audit.Done, "revoked:" + idTwo},
		{func() error { return change(authority.AgentChange{Password: weak()}) }, audit.SecretReset, "", audit.Refused, ""},
		{func() error { return change(authority.AgentChange{Active: new(false)}) }, audit.AgentBlock, "", audit.Done, "changed"},
		{func() error { return change(authority.AgentChange{Active: new(true)}) }, audit.AgentUnblock, "", audit.Done, "changed"},
		{revoke, audit.AgentRevoke, "", audit.Done, ""},
		{func() error { return change(authority.AgentChange{Locked: new(false)}) }, audit.AgentUnblock, "", audit.Refused, ""},
		{func() error { return change(authority.AgentChange{Reinstate: true}) }, audit.AgentReinstate, "", audit.Done, "changed"},
		{func() error { return w.DeleteAgent(ctx, ann, a.ID, "other") }, audit.AgentDelete, "", audit.Refused, ""},
		{func() error { return w.DeleteAgent(ctx, ann, a.ID, "") }, audit.AgentDelete, "", audit.Done, "displayName"},
		{func() error { return w.DeleteAgent(ctx, ann, a.ID, "") }, audit.AgentDelete, "", audit.Refused, ""},
		{revoke, audit.AgentRevoke, "", audit.Refused, ""},
	} {
		before := len(w.trail(t))
		w.clock.Add(time.Second)
		err := tt.act()
		if (err != nil) != (tt.outcome == audit.Refused) {
			t.Fatalf("%s of %q: %v, want it %s", tt.action, tt.target, err, tt.outcome)
		}
		trail := w.trail(t)[before:]
		if len(trail) != 1 {
			t.Fatalf("%s of %q left %d entries, want one", tt.action, tt.target, len(trail))
		}
		e := trail[0]
		if e.Action != tt.action || e.Outcome != tt.outcome || e.Actor != ann.Name || (tt.target != "" && tt.target != "*" && e.Target != tt.target) {
			t.Errorf("%s of %q, %s: the entry is %+v", tt.action, tt.target, tt.outcome, e)
		}
		if tt.action != audit.AgentCreate && e.AgentID != a.ID {
			t.Errorf("%s names agent %q, want %q", tt.action, e.AgentID, a.ID)
		}
		if e.Outcome == audit.Refused && (e.Reason == "" || len(e.Detail) != 0) {
			t.Errorf("refused %s has the reason %q and tells what did not happen: %v", tt.action, e.Reason, e.Detail)
		}
		if _, ok := e.Detail[tt.detail]; tt.detail != "" && !ok {
			t.Errorf("%s does not tell %s: %v", tt.action, tt.detail, e.Detail)
		}
		if !e.Time.Equal(w.clock.Now()) {
			t.Errorf("%s was entered at %v, want %v", tt.action, e.Time, w.clock.Now())
		}
	}
	w.wantNoSecret(t, first, mine, password)
}

var idOneVar = idOne // the newest is idTwo by then

// wantNoSecret searches the trail and the files of the store.
func (w *world) wantNoSecret(t *testing.T, secrets ...secret.Text) {
	t.Helper()
	text, err := json.Marshal(w.trail(t))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "sha256$") || strings.Contains(string(text), "argon2id$") {
		t.Error("the trail holds a digest")
	}
	for _, file := range []string{w.path, w.path + "-wal"} {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		text = append(text, data...)
	}
	for i, s := range secrets {
		if strings.Contains(string(text), s.Reveal()) {
			t.Errorf("secret %d is in the trail or in the store", i)
		}
	}
}

// When the audit cannot be written, nothing happens. The fault is a real one:
// the table refuses the row, inside the store's own transaction.
func TestTrail_unwritable(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	s := w.add(t, authority.NewSecret{AgentID: id})
	before, events := w.get(t, id), len(w.trail(t))
	w.breakAudit(t)

	ctx := t.Context()
	for name, act := range map[string]func() error{
		"create": func() error { _, _, err := w.CreateAgent(ctx, admin, authority.NewAgent{}); return err },
		"change": func() error {
			_, err := w.ChangeAgent(ctx, admin, id, authority.AgentChange{Owner: new("x")})
			return err
		},
		"password": func() error {
			_, err := w.ChangeAgent(ctx, admin, id, authority.AgentChange{Password: chosen()})
			return err
		},
		"revoke agent":  func() error { _, err := w.RevokeAgent(ctx, admin, id); return err },
		"delete":        func() error { return w.DeleteAgent(ctx, admin, id, "") },
		"add":           func() error { _, _, err := w.AddSecret(ctx, admin, authority.NewSecret{AgentID: id}); return err },
		"expire":        func() error { _, err := w.ExpireSecret(ctx, admin, id, s.ID, w.clock.in(time.Hour)); return err },
		"revoke secret": func() error { return w.RevokeSecret(ctx, admin, id, s.ID, nil) },
	} {
		err := act()
		if err == nil {
			t.Errorf("%s was done without an audit entry", name)
		}
		if _, refusal := errors.AsType[*authority.Error](err); refusal {
			t.Errorf("%s was refused as if it were the caller's fault: %v", name, err)
		}
	}
	// A refusal that cannot be entered says both.
	err := w.DeleteAgent(ctx, admin, idOne, "")
	wantKind(t, err, authority.NoAgent)
	if err == nil || !strings.Contains(err.Error(), "write the audit") {
		t.Errorf("the refusal hides that it could not be entered: %v", err)
	}

	after := w.get(t, id)
	if after.Owner != before.Owner || after.Epoch != before.Epoch || len(after.Secrets) != 1 || after.Secrets[0] != before.Secrets[0] {
		t.Errorf("the agent changed from %+v to %+v", before, after)
	}
	if got := len(w.trail(t)); got != events {
		t.Errorf("%d entries, want %d", got, events)
	}
	var q store.Query
	if page, err := w.Agents(ctx, authority.Query{Query: q}); err != nil || page.Total != 1 {
		t.Errorf("there are %d agents, want 1: %v", page.Total, err)
	}
}

// Nobody logs in, asks or revokes unseen: without its entry none of it happens,
// and it is not answered as if it were the caller's fault.
func TestTrail_unwritableLogins(t *testing.T) {
	o := newOffice(t, "")
	bot, tf := o.bot(t, authority.AgentChange{}), o.terraform(t, "internal_agent_mgt_view")
	token := o.in(t, bot)
	flow, err := o.BeginFlow(authority.AppRequest{Client: "app"})
	if err != nil {
		t.Fatal(err)
	}
	wrong := bot
	wrong.Secret = secret.Generate()
	o.breakAudit(t)
	for name, act := range map[string]func() error{
		"login":                         func() error { _, err := o.Login(t.Context(), bot); return err },
		"client":                        func() error { _, err := o.Login(t.Context(), tf); return err },
		"wrong secret":                  func() error { _, err := o.Login(t.Context(), wrong); return err },
		"authenticate":                  func() error { _, err := o.Authenticate(t.Context(), tf); return err },
		"wrong secret, without a token": func() error { _, err := o.Authenticate(t.Context(), wrong); return err },
		"flow":                          func() error { _, err := o.ContinueFlow(t.Context(), flow, bot); return err },
		"revoke": func() error {
			return o.RevokeToken(t.Context(), authority.Caller{ID: bot.ID, Agent: true}, token.Value)
		},
		"denied": func() error { return o.Denied(t.Context(), admin, authority.AuditEvent{Action: audit.AgentView}, "no") },
		"prune": func() error {
			_, err := o.PruneAudit(t.Context(), admin, authority.Prune{Before: o.clock.Now().Add(time.Hour), Through: 1 << 40})
			return err
		},
	} {
		err := act()
		if err == nil {
			t.Errorf("%s was done without an audit entry", name)
		}
		if _, refusal := errors.AsType[*authority.Error](err); refusal {
			t.Errorf("%s was refused as if it were the caller's fault: %v", name, err)
		}
	}
	o.wantActive(t, "the token", token, true)
}
