package authority_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// 16 goroutines rotate one agent, each with what it believes is there. At no
// moment are there more live secrets than allowed, no two secrets have the same
// creation time, and each secret that was answered is there.
func TestConcurrentRotation(t *testing.T) {
	const writers, rounds = 16, 10
	for _, max := range []int{1, 2, 10} {
		w := newWorld(t, max)
		id := w.agent(t)
		var mu sync.Mutex
		made := map[string]bool{}
		var done sync.WaitGroup
		for range writers {
			done.Go(func() {
				for i := range rounds {
					s, err := w.rotateOnce(t, id, i)
					switch refusal, refused := errors.AsType[*authority.Error](err); {
					case err == nil:
						mu.Lock()
						made[s.ID] = true
						mu.Unlock()
					case !refused || (refusal.Kind != authority.Limit && refusal.Kind != authority.Stale):
						t.Errorf("round %d: %v", i, err)
						return
					}
				}
			})
		}
		watch := make(chan struct{})
		go func() { done.Wait(); close(watch) }()
		for open := true; open; {
			select {
			case <-watch:
				open = false
			case <-time.After(5 * time.Millisecond):
			}
			w.wantAtMost(t, id, max)
		}
		if len(made) < rounds {
			t.Errorf("%d secrets were made in %d rounds", len(made), rounds)
		}
		created := map[int64]bool{}
		for secretID := range made {
			s, err := w.Secret(t.Context(), id, secretID)
			if err != nil {
				t.Fatalf("a secret that was answered is gone: %v", err)
			}
			if created[s.Created] {
				t.Errorf("two secrets were created at %d", s.Created)
			}
			created[s.Created] = true
		}
		w.trail(t) // its chain holds
	}
}

// rotateOnce looks what is there and replaces the oldest live secret, by one of
// the ways that there are.
func (w *world) rotateOnce(t *testing.T, id string, way int) (authority.Secret, error) {
	secrets, err := w.Secrets(t.Context(), id)
	if err != nil {
		return authority.Secret{}, err
	}
	n := authority.NewSecret{AgentID: id}
	var live []string
	for _, s := range secrets {
		if s.Status == authority.StatusActive || s.Status == authority.StatusRetiring {
			live = append(live, s.ID)
		}
	}
	if len(live) > 0 {
		oldest := live[len(live)-1]
		switch way % 3 {
		case 0:
			n.Revoke = []string{oldest}
		case 1:
			n.Previous = &authority.Retire{ID: oldest, Expires: w.clock.in(0)}
		case 2:
			n.Revoke, n.Latest = []string{oldest}, &secrets[0].ID
		}
	}
	s, _, err := w.AddSecret(t.Context(), admin, n)
	return s, err
}

func (w *world) wantAtMost(t *testing.T, id string, max int) {
	t.Helper()
	secrets, err := w.Secrets(t.Context(), id)
	if err != nil {
		t.Error(err)
		return
	}
	live := 0
	for _, s := range secrets {
		if s.Status == authority.StatusActive || s.Status == authority.StatusRetiring {
			live++
		}
	}
	if live > max {
		t.Errorf("%d live secrets, %d are allowed", live, max)
	}
}

// Two that send the same id and value at once both get it, and it is made once.
func TestConcurrentRepeat(t *testing.T) {
	w := newWorld(t, 1)
	id := w.agent(t)
	n := authority.NewSecret{AgentID: id, ID: idOne, Value: secret.Generate()}
	events := len(w.trail(t))
	var done sync.WaitGroup
	for range 16 {
		done.Go(func() {
			if s, _, err := w.AddSecret(t.Context(), admin, n); err != nil || s.ID != idOne || !s.Latest {
				t.Errorf("AddSecret = %+v, %v", s, err)
			}
		})
	}
	done.Wait()
	w.wantStatuses(t, id, "ACTIVE")
	if got := len(w.trail(t)) - events; got != 1 {
		t.Errorf("%d audit entries for one secret", got)
	}
}
