package provider_test

import (
	"context"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// cancelled applies, and cancels when a request with the method is under way at
// the server, as Ctrl-C does.
func (m *managed) cancelled(method, path string, config attrs) (instance, problems) {
	m.t.Helper()
	p := m.place.plugin(m.t)
	plan := m.planBy(p, config)
	p.mustPass("plan", plan.problems)
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	m.place.remote.fail(fault{method: method, path: regexp.MustCompile(path), times: 1, hold: func() {
		cancel()
		time.Sleep(50 * time.Millisecond) // so that whoever gives up has the time to
	}})
	ty := p.typeOf(m.name)
	resp, err := p.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: m.name, PriorState: p.pack(ty, m.state), Config: p.pack(ty, config), PlannedState: p.pack(ty, plan.attrs), PlannedPrivate: plan.private,
	})
	p.answered(err)
	return instance{p.unpack(ty, resp.NewState), resp.Private, resp.NewIdentity}, resp.Diagnostics
}

// TestCancelledWrite: the one call whose answer must not be lost is not given
// up: the state has what was made.
func TestCancelledWrite(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent := p.resource(t, agentType)
	out, d := agent.cancelled(http.MethodPost, allAgents, attrs{"display_name": "bot"})
	if len(d.errors()) > 0 || out.state.text("id") == "" {
		t.Fatalf("the cancelled create says %v, and its state is %v", d, out.state)
	}
	agent.instance = out

	m := p.resource(t, secretType)
	out, d = m.cancelled(http.MethodPut, anySecret, agent.owns(nil))
	if len(d.errors()) > 0 || out.state.text("secret") == "" {
		t.Fatalf("the cancelled create says %v, and its state is %v", d, out.state)
	}
	m.instance = out
	p.expectValue(t, m)

	before := m.state
	out, d = m.cancelled(http.MethodPut, anySecret, m.configured().with("rotation_trigger", trigger("1")))
	if len(d.errors()) > 0 {
		t.Fatalf("the cancelled rotation says %v", d)
	}
	m.instance = out
	expectRotated(t, before, m)
	p.expectValue(t, m)
	p.expectLive(t, agent.id(), m.secretID(), before.text("secret_id"))
}

// TestCancelledBefore: who was stopped before anything was sent sends nothing.
func TestCancelledBefore(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	agent, m := p.newSecret(t, nil)
	before := m.state
	config := m.configured().with("rotation_trigger", trigger("1"))
	run := p.plugin(t)
	plan := run.plan(secretType, m.instance, config)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ty := run.typeOf(secretType)
	p.remote.forget()
	resp, err := run.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: secretType, PriorState: run.pack(ty, m.state), Config: run.pack(ty, config), PlannedState: run.pack(ty, plan.attrs), PlannedPrivate: plan.private,
	})
	run.answered(err)
	mustSay(t, "the apply", resp.Diagnostics, "cancel")
	if got := run.unpack(ty, resp.NewState); got["secret_id"] != before["secret_id"] || p.remote.count(http.MethodPut, anyPath) > 0 {
		t.Errorf("the state has %v after %v", got["secret_id"], p.remote.requests("", anyPath))
	}
	p.expectStatus(t, agent.id(), m.secretID(), api.Active)
}
