package authority_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2" //nolint:depguard // the seed repeats a run, which is the point
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

var seed = flag.Uint64("seed", 0, "seed of the random operations; 0 takes one from the clock")

// TestAgainstModel does thousands of random operations to an authority and to
// the model, and compares what they say and what is there after each.
func TestAgainstModel(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	steps := 2400
	if testing.Short() {
		steps = 500
	}
	for _, limit := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("limit %d", limit), func(t *testing.T) {
			w := newWorld(t, limit)
			r := &run{world: w, rand: rand.New(rand.NewPCG(*seed, uint64(limit)))}
			r.model = &model{max: limit, now: w.clock.Now, agents: map[string]*modelAgent{}}
			for i := range steps / 3 {
				id, what := r.step(t)
				r.compare(t, id)
				if i%50 == 0 {
					r.compareAll(t)
				}
				if t.Failed() {
					t.Fatalf("step %d, %s; repeat it with -seed=%d", i, what, *seed)
				}
			}
			r.compareAll(t)
			w.trail(t)
			t.Logf("done %d, refused %d", r.done, r.refused)
			if r.done < steps/12 || r.refused < steps/60 {
				t.Error("the operations are too one-sided to say anything")
			}
		})
	}
}

type run struct {
	*world
	model         *model
	rand          *rand.Rand
	done, refused int
}

// step does one operation on both sides, and returns whose and what it was.
func (r *run) step(t *testing.T) (id, what string) {
	if r.maybe(3) { // forwards, at times backwards, at times not at all
		r.clock.Add(time.Duration(r.rand.IntN(4000)-400) * 100 * time.Millisecond)
	}
	id = r.anyAgent()
	switch n := r.rand.IntN(100); {
	case n < 5 || len(r.model.agents) == 0:
		return r.create(t), "create"
	case n < 55:
		what = r.addRandom(t, id)
	case n < 65:
		what = r.expire(t, id)
	case n < 78:
		what = r.revoke(t, id)
	case n < 96:
		what = r.changeRandom(t, id)
	case n < 98:
		what = "revoke agent " + id
		_, err := r.RevokeAgent(t.Context(), admin, id)
		if a := r.model.agents[id]; r.agree(t, err, r.known(id)) {
			r.model.revokeLive(a)
			a.revoked = true
			a.epoch++
		}
	default:
		what = "delete " + id
		if r.agree(t, r.DeleteAgent(t.Context(), admin, id, ""), r.known(id)) {
			delete(r.model.agents, id)
		}
	}
	return id, what
}

// anyAgent is the id of an agent, of an unknown one at times.
func (r *run) anyAgent() string {
	if r.rand.IntN(40) == 0 {
		return idOne
	}
	ids := slices.Sorted(maps.Keys(r.model.agents))
	if len(ids) == 0 {
		return idOne
	}
	return ids[r.rand.IntN(len(ids))]
}

func (r *run) known(id string) []authority.Kind {
	if r.model.agents[id] == nil {
		return []authority.Kind{authority.NoAgent}
	}
	return nil
}

func (r *run) create(t *testing.T) (id string) {
	external := r.externalID()
	a, _, err := r.CreateAgent(t.Context(), admin, authority.NewAgent{NoSecret: true, AgentChange: authority.AgentChange{ExternalID: &external}})
	var kinds []authority.Kind
	for _, b := range r.model.agents {
		if external != "" && b.externalID == external {
			kinds = append(kinds, authority.Exists)
		}
	}
	if r.agree(t, err, kinds) {
		r.model.agents[a.ID] = &modelAgent{externalID: external}
	}
	return a.ID
}

func (r *run) externalID() string {
	return []string{"", "", "a", "b", "c"}[r.rand.IntN(5)]
}

// maybe is true once in n times.
func (r *run) maybe(n int) bool { return r.rand.IntN(n) == 0 }

// moment is an expiry around now.
func (r *run) moment() int64 { return r.clock.Now().Unix() + r.rand.Int64N(900) - 100 }

func (r *run) addRandom(t *testing.T, id string) string {
	a := r.model.agents[id]
	n := authority.NewSecret{AgentID: id}
	if r.maybe(3) {
		n.ID, n.Value = uuid.NewString(), secret.Generate()
		if r.maybe(4) { // a repetition, or another value for an id that is used
			n.ID = a.pick(r.rand.IntN)
			if s := a.get(n.ID); s != nil && s.value != "" && !r.maybe(3) {
				n.Value = secret.New(s.value)
			}
		}
	}
	if r.maybe(3) {
		n.Expires = r.moment()
	}
	if r.maybe(2) {
		n.Previous = &authority.Retire{ID: a.pick(r.rand.IntN), Expires: r.moment()}
	}
	for r.maybe(4) {
		n.Revoke = append(n.Revoke, a.pick(r.rand.IntN))
	}
	if r.maybe(5) {
		n.Latest = new(a.pick(r.rand.IntN))
		if a != nil && !r.maybe(3) {
			n.Latest = new(a.latest())
		}
	}
	kinds, again := r.model.addRefusals(n)
	s, _, err := r.AddSecret(t.Context(), admin, n)
	if r.agree(t, err, kinds) && !again {
		r.model.add(n, s.ID)
	}
	if err == nil && s.Again != again {
		t.Errorf("Again = %v, want %v", s.Again, again)
	}
	return fmt.Sprintf("add %+v", n)
}

func (a *modelAgent) get(id string) *modelSecret {
	if a == nil {
		return nil
	}
	return a.find(id)
}

func (r *run) expire(t *testing.T, id string) string {
	a := r.model.agents[id]
	secretID, expires := a.pick(r.rand.IntN), r.moment()
	if r.maybe(4) {
		expires = 0
	}
	kinds := r.known(id)
	switch s := a.get(secretID); {
	case kinds != nil:
	case s == nil:
		kinds = []authority.Kind{authority.NoSecret}
	case !r.model.live(s):
		kinds = []authority.Kind{authority.Dead}
	case s.retiring && expires == 0:
		kinds = []authority.Kind{authority.Invalid}
	}
	_, err := r.ExpireSecret(t.Context(), admin, id, secretID, expires)
	if r.agree(t, err, kinds) {
		s := a.find(secretID)
		if s.retiring && s.own != 0 {
			expires = min(expires, s.own)
		}
		s.expires = expires
	}
	return fmt.Sprintf("expire %s of %s at %d", secretID, id, expires)
}

func (r *run) revoke(t *testing.T, id string) string {
	a := r.model.agents[id]
	secretID := a.pick(r.rand.IntN)
	var latest *string
	if r.maybe(3) {
		latest = new(a.pick(r.rand.IntN))
	}
	kinds := r.known(id)
	if a != nil && latest != nil && *latest != a.latest() {
		kinds = append(kinds, authority.Stale)
	}
	if a != nil && a.find(secretID) == nil {
		kinds = append(kinds, authority.NoSecret)
	}
	if r.agree(t, r.RevokeSecret(t.Context(), admin, id, secretID, latest), kinds) {
		a.find(secretID).revoked = true
	}
	return fmt.Sprintf("revoke %s of %s", secretID, id)
}

func (r *run) changeRandom(t *testing.T, id string) string {
	var c authority.AgentChange
	if r.maybe(3) {
		c.Active = new(r.maybe(2))
	}
	if r.maybe(3) {
		c.Locked = new(r.maybe(2))
	}
	if r.maybe(5) {
		c.ExternalID = new(r.externalID())
	}
	if r.maybe(5) {
		c.Password = secret.Generate()
	}
	c.Reinstate = r.maybe(3)
	kinds := r.model.changeRefusals(id, c)
	got, err := r.ChangeAgent(t.Context(), admin, id, c)
	if r.agree(t, err, kinds) {
		r.model.change(id, c)
		if a := r.model.agents[id]; !c.Password.IsZero() {
			a.secrets[len(a.secrets)-1].id = got.Secrets[0].ID
		}
	}
	return fmt.Sprintf("change %s by %+v", id, c)
}
