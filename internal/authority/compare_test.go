package authority_test

import (
	"errors"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// agree checks that a request was refused for one of the reasons, or done when
// there is none, and reports whether it was done.
func (r *run) agree(t *testing.T, err error, kinds []authority.Kind) bool {
	t.Helper()
	if err == nil && len(kinds) == 0 {
		r.done++
		return true
	}
	r.refused++
	refusal, _ := errors.AsType[*authority.Error](err)
	if !holds(kinds, refusal) {
		t.Errorf("the authority says %v, the model %v", err, kinds)
	}
	return false
}

// compareAll holds what is there against the model.
func (r *run) compareAll(t *testing.T) {
	t.Helper()
	var q authority.Query
	q.Limit = 1000
	page, err := r.Agents(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if page.Total != len(r.model.agents) {
		t.Errorf("%d agents, the model has %d", page.Total, len(r.model.agents))
	}
	for _, a := range page.Agents {
		if r.model.agents[a.ID] == nil {
			t.Errorf("the model has no agent %s", a.ID)
		}
		r.compare(t, a.ID)
	}
}

// compare holds one agent against the model.
func (r *run) compare(t *testing.T, id string) {
	t.Helper()
	want := r.model.agents[id]
	got, err := r.Agent(t.Context(), id)
	if want == nil || err != nil {
		if want != nil || err == nil {
			t.Errorf("agent %s is %+v, %v; in the model %+v", id, got, err, want)
		}
		return
	}
	if got.Blocked() != want.blocked() || got.Epoch != want.epoch || got.ExternalID != want.externalID || got.RevokedAt.IsZero() == want.revoked {
		t.Errorf("the agent is %+v, in the model %+v", got.Agent, want)
	}
	r.compareSecrets(t, got, want)
}

func (r *run) compareSecrets(t *testing.T, got authority.Agent, want *modelAgent) {
	t.Helper()
	live := 0
	for i, s := range got.Secrets {
		m := want.find(s.ID)
		if m == nil || s.Status != r.model.status(m) || s.Expires != m.expires || s.Latest != (s.ID == want.latest()) {
			t.Errorf("secret %d is %s, %+v; in the model %+v", i, s.Status, s.Secret, m)
			continue
		}
		if r.model.live(m) {
			live++
		}
		if i > 0 && s.Created >= got.Secrets[i-1].Created {
			t.Errorf("secret %d is not older than the one before it", i)
		}
	}
	wantLive := 0
	for _, m := range want.secrets {
		if r.model.live(m) {
			wantLive++
		}
	}
	if live != wantLive {
		t.Errorf("%d live secrets, the model has %d", live, wantLive)
	}
}
