package authority_test

import (
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	idOne = "11111111-1111-4111-8111-111111111111"
	idTwo = "22222222-2222-4222-8222-222222222222"
)

// weak is a secret that is refused.
func weak() secret.Text { return secret.New("weak") }

// The same id and value again changes nothing, and is found before Latest, the
// limit, and everything else the request says.
func TestAddSecret_again(t *testing.T) {
	ours := secret.Generate()
	for _, tt := range []struct {
		name  string
		value secret.Text
		again func(w *world, n *authority.NewSecret)
	}{
		{"as it was", ours, func(*world, *authority.NewSecret) {}},
		{"of another shape", chosen(), func(*world, *authority.NewSecret) {}},
		{"with a stale Latest", ours, func(_ *world, n *authority.NewSecret) { n.Latest = new("") }},
		{"with another expiry", ours, func(w *world, n *authority.NewSecret) { n.Expires = w.clock.in(time.Hour) }},
		{"with an expiry that is past", ours, func(_ *world, n *authority.NewSecret) { n.Expires = 1 }},
		{"revoking itself", ours, func(_ *world, n *authority.NewSecret) { n.Revoke = []string{idOne} }},
		{"retiring an unknown one", ours, func(_ *world, n *authority.NewSecret) { n.Previous = &authority.Retire{ID: idTwo, Expires: 1} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1) // full after the first
			id := w.agent(t)
			n := authority.NewSecret{AgentID: id, ID: idOne, Value: tt.value, Latest: new("")}
			first := w.add(t, n)
			if first.ID != idOne || first.Again {
				t.Errorf("the first answer is %+v", first)
			}
			events := len(w.trail(t))
			w.clock.Add(time.Minute)
			tt.again(w, &n)
			second, value, err := w.AddSecret(t.Context(), admin, n)
			if err != nil {
				t.Fatal(err)
			}
			if !value.IsZero() {
				t.Error("a value that the caller chose came back")
			}
			if !second.Again {
				t.Error("the repetition was not seen as one")
			}
			if second.Again = false; second != first {
				t.Errorf("again gave %+v, want %+v", second, first)
			}
			if got := len(w.trail(t)); got != events {
				t.Errorf("the repetition left %d audit entries", got-events)
			}
		})
	}
}

// The expired one again is still no error: nothing is to be done. It comes back
// as what it is.
func TestAddSecret_againWhenExpired(t *testing.T) {
	w := newWorld(t, 1)
	n := authority.NewSecret{AgentID: w.agent(t), ID: idOne, Value: chosen(), Expires: w.clock.in(time.Hour)}
	w.add(t, n)
	w.clock.Add(time.Hour)
	if s := w.add(t, n); s.Status != authority.StatusExpired || !s.Again {
		t.Errorf("again gave %+v", s)
	}
}

func TestAddSecret_usedID(t *testing.T) {
	w := newWorld(t, 2)
	id := w.agent(t)
	value := secret.Generate()
	w.add(t, authority.NewSecret{AgentID: id, ID: idOne, Value: value})
	w.refusedAdd(t, authority.NewSecret{AgentID: id, ID: idOne, Value: secret.Generate()}, authority.UsedID)
	w.refusedAdd(t, authority.NewSecret{AgentID: id, ID: idOne, Value: chosen()}, authority.UsedID)
	w.refusedAdd(t, authority.NewSecret{AgentID: id, ID: idOne}, authority.UsedID) // the server would make a value
	if err := w.RevokeSecret(t.Context(), admin, id, idOne, nil); err != nil {
		t.Fatal(err)
	}
	w.refusedAdd(t, authority.NewSecret{AgentID: id, ID: idOne, Value: value}, authority.UsedID)

	other := w.agent(t) // ids are unique in an agent, not among agents
	w.add(t, authority.NewSecret{AgentID: other, ID: idOne, Value: value})
}

func TestLatest(t *testing.T) {
	w := newWorld(t, 3)
	id := w.agent(t)
	w.refusedAdd(t, authority.NewSecret{AgentID: id, Latest: new(idOne)}, authority.Stale)
	first := w.add(t, authority.NewSecret{AgentID: id, Latest: new("")})
	w.refusedAdd(t, authority.NewSecret{AgentID: id, Latest: new("")}, authority.Stale)
	second := w.add(t, authority.NewSecret{AgentID: id, Latest: &first.ID})
	w.refusedAdd(t, authority.NewSecret{AgentID: id, Latest: &first.ID}, authority.Stale)

	err := w.RevokeSecret(t.Context(), admin, id, first.ID, &first.ID)
	wantKind(t, err, authority.Stale)
	if err := w.RevokeSecret(t.Context(), admin, id, second.ID, &second.ID); err != nil {
		t.Fatal(err)
	}
	// A dead secret is still the newest that there was.
	w.refusedAdd(t, authority.NewSecret{AgentID: id, Latest: &first.ID}, authority.Stale)
	w.add(t, authority.NewSecret{AgentID: id, Latest: &second.ID})

	err = w.RevokeSecret(t.Context(), admin, idTwo, first.ID, &first.ID)
	wantKind(t, err, authority.NoAgent)
}
