package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// dice is a sequence that a seed repeats (splitmix64). Nothing that it decides
// needs to be unguessable.
type dice uint64

func (d *dice) roll(n int) int {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return int((z ^ (z >> 31)) % uint64(n))
}

// of picks one.
func (d *dice) of(values ...any) any { return values[d.roll(len(values))] }

// random is an agent and its secret that anything may happen to.
type random struct {
	t             *testing.T
	dice          dice
	place         *place
	agent, secret *managed
	agentConfig   attrs
	config        attrs
	keys          [2]ageKey
	values        [2]string // that are given
	did           []string  // what happened, for the report of a failure
}

// TestRandomLives: whatever happens, in whatever order, one apply puts it
// right: the plan after it is empty, the secret is made anew when there is a
// reason and only then, versions only grow, and the server has no more secrets
// than it may, and one ACTIVE one of ours.
func TestRandomLives(t *testing.T) {
	t.Parallel()
	const lives, events = 60, 8
	for seed := range lives {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := &random{t: t, dice: dice(seed), place: newRemotePlace(t), config: attrs{}}
			r.place.compared = true
			r.agentConfig = attrs{"display_name": "bot", "external_id": "team/bot"}
			r.keys = [2]ageKey{newAgeKey(t), newAgeKey(t)}
			r.values = [2]string{secret.Generate().Reveal(), secret.Generate().Reveal()}
			defer func() {
				if t.Failed() {
					t.Logf("seed %d: %s", seed, strings.Join(r.did, "; "))
				}
			}()
			r.agent, r.secret = r.place.resource(t, agentType), r.place.resource(t, secretType)
			r.agent.apply(r.agentConfig)
			r.secret.apply(r.agent.owns(r.config))
			for range events {
				r.event()
				r.settle()
				r.check()
			}
			r.secret.apply(nil)
			r.agent.apply(nil)
			if n := r.place.hand(t).count(); n != 0 {
				t.Errorf("the destroy left %d agents", n)
			}
		})
	}
}

func (r *random) note(format string, args ...any) {
	r.did = append(r.did, fmt.Sprintf(format, args...))
}

func (r *random) set(config attrs, name string, v any) {
	r.note("%s = %v", name, v)
	config[name] = v
}

// event is one of the things that happen to people.
func (r *random) event() {
	h := r.place.hand(r.t)
	id, mine := r.agent.id(), r.secret.secretID()
	switch r.dice.roll(19) {
	case 0, 1, 2:
		r.takeBack()
		r.set(r.config, "rotation_trigger", r.dice.of(nil, attrs{}, trigger("1"), trigger("2"), trigger("3")))
	case 3:
		r.set(r.config, "grace_period", r.dice.of(nil, "0s", "1h", "60m", "24h", "2h"))
	case 4:
		r.set(r.config, "expire_after", r.dice.of(nil, "24h", "48h", "2880m", "720h"))
	case 5:
		r.takeBack()
		r.set(r.config, "rotate_after", r.dice.of(nil, "12h", "720m", "100h"))
	case 6:
		r.set(r.config, "on_drift", r.dice.of("rotate", "warn", "ignore"))
	case 7:
		r.set(r.agentConfig, "display_name", fmt.Sprint("bot", r.dice.roll(9)))
	case 8:
		r.set(r.agentConfig, "scopes", r.dice.of(nil, words("read"), words("read", "write")))
	case 9:
		r.secret.cbd = r.dice.roll(2) == 0
		r.note("taint, cbd %v", r.secret.cbd)
		r.secret.taint()
	case 10:
		r.note("rotated outside")
		_, _ = h.AddSecret(h.ctx(), id, api.SecretRequest{Previous: &api.Retire{SecretID: mine, ExpiresAt: r.place.remote.skew.Now().Add(time.Hour).Unix()}})
	case 11:
		r.note("revoked outside")
		h.revoke(id, mine)
	case 12:
		r.note("interrupted")
		ours := r.place.as(r.t, adminToken)
		_, _ = ours.AddSecret(h.ctx(), id, api.SecretRequest{Previous: &api.Retire{SecretID: mine, ExpiresAt: r.place.remote.skew.Now().Add(time.Hour).Unix()}})
	case 13:
		hours := 1 + r.dice.roll(60)
		r.note("%d hours pass", hours)
		r.place.remote.skew.advance(time.Duration(hours) * time.Hour)
	case 14:
		r.set(r.agentConfig, "enabled", r.dice.of(true, false))
	case 15:
		r.note("panic button")
		h.check("revoke everything", h.RevokeAll(h.ctx(), id))
	case 16:
		r.note("deleted outside")
		h.delete(id)
	case 17:
		r.takeBack()
		r.set(r.config, "seal_to", r.dice.of(nil, []any{}, words(r.keys[0].recipient), words(r.keys[1].recipient), words(r.keys[0].recipient, r.keys[1].recipient)))
	case 18:
		version := r.dice.roll(3)
		r.note("given, version %d", version)
		for _, name := range []string{"rotation_trigger", "rotate_after", "seal_to"} {
			delete(r.config, name)
		}
		r.config.merge(given(r.values[r.dice.roll(2)], version))
	}
}

// takeBack ends the giving of secrets, which does not go together with much.
func (r *random) takeBack() {
	delete(r.config, "secret_wo")
	delete(r.config, "secret_wo_version")
}

// keptOtherwise reports whether the value goes elsewhere than it did.
func (r *random) keptOtherwise() bool {
	was, is := r.secret.state["secret_wo_version"], r.config["secret_wo_version"]
	if was != nil || is != nil {
		return !cmp.Equal(was, is)
	}
	before, _ := r.secret.state["seal_to"].([]any)
	now, _ := r.config["seal_to"].([]any)
	return len(before)+len(now) > 0 && !cmp.Equal(before, now)
}

// withdrawn reports whether somebody revoked a secret that was given: it does
// not come back by itself.
func (r *random) withdrawn() bool {
	return r.config["secret_wo_version"] != nil && r.place.hand(r.t).secret(r.agent.id(), r.secret.secretID()).Status == api.Revoked
}

// kept checks that the value is where the configuration says.
func (r *random) kept() {
	r.t.Helper()
	state := r.secret.state
	sealedTo, _ := r.config["seal_to"].([]any)
	given := r.config["secret_wo_version"] != nil
	if (state["secret"] != nil) != (!given && len(sealedTo) == 0) || (state["sealed_secret"] != nil) != (len(sealedTo) > 0) || (state["hint"] == nil) != given {
		r.t.Errorf("secret %v, sealed_secret %v, hint %v", state["secret"] != nil, state["sealed_secret"], state["hint"])
	}
	for _, key := range r.keys {
		if slices.Contains(sealedTo, any(key.recipient)) {
			key.opens(r.t, state)
		}
	}
}

// expected reports whether the next apply has a reason to make a new secret, as
// the rules say it, from what the server shows.
func (r *random) expected() bool {
	was, h := r.secret.state, r.place.hand(r.t)
	if r.asked() {
		return true
	}
	a := h.agent(r.agent.id())
	if a.Blocked() && r.agentConfig["enabled"] != true || r.agentConfig["enabled"] == false {
		return false
	}
	policy := r.config["on_drift"]
	s := h.secret(a.ID, r.secret.secretID())
	if s.Status != api.Active && (policy == nil || policy == "rotate") && !r.withdrawn() {
		return true
	}
	after, ok := r.config["rotate_after"].(string)
	age, _ := time.ParseDuration(after)
	return ok && r.place.remote.skew.Now().Unix() >= at(r.t, was["rotated_at"])+int64(age.Seconds())
}

// asked reports whether people want a new secret: by another trigger, by a
// taint, or because the agent is a new one.
func (r *random) asked() bool {
	h := r.place.hand(r.t)
	_, err := h.Agent(h.ctx(), r.agent.id())
	next, _ := r.config["rotation_trigger"].(attrs)
	prior, _ := r.secret.state["rotation_trigger"].(attrs)
	return r.secret.tainted || err != nil || len(next) > 0 && !cmp.Equal(next, prior) || r.keptOtherwise()
}

// settle applies until it goes through, taking back what cannot be had, as the
// error says.
func (r *random) settle() {
	r.t.Helper()
	before, expected, asked := r.secret.state, r.expected(), r.asked()
	r.applyAgent()
	for attempt := 0; ; attempt++ {
		_, d := r.secret.try(r.agent.owns(r.config))
		text := d.errors().String()
		switch {
		case text == "":
			r.secret.settled(r.agent.owns(r.config))
			r.compare(before, expected)
			return
		case attempt > 3:
			r.t.Fatalf("it does not settle: %v", d)
		case strings.Contains(text, "would end it at once"):
			r.set(r.config, "expire_after", before["expire_after"])
		case strings.Contains(text, "longer than the secret's life"):
			r.set(r.config, "grace_period", "1h")
		case strings.Contains(text, "live secrets"):
			r.makeRoom()
		case strings.Contains(text, "blocked") || strings.Contains(text, "revoked at"):
			r.note("back in service")
			if !asked {
				r.t.Errorf("a rotation that nobody asked for was refused: %v", d)
			}
			r.agentConfig["enabled"] = true
			r.agentConfig["reinstate_trigger"] = trigger(fmt.Sprint(len(r.did)))
			r.agent.apply(r.agentConfig)
		default:
			r.t.Fatalf("apply: %v", d)
		}
	}
}

// makeRoom ends what is not ours: that is what the error asks for. While the
// agent is blocked ours are not ended by a request that makes one, either.
func (r *random) makeRoom() {
	r.note("others make room")
	h := r.place.hand(r.t)
	for _, s := range h.live(r.agent.id()) {
		if s.CreatedBy != "admin" || r.waits() && s.SecretID != r.secret.secretID() {
			h.revoke(r.agent.id(), s.SecretID)
		}
	}
}

// applyAgent applies the agent; a revoked one is reinstated half of the times.
func (r *random) applyAgent() {
	r.t.Helper()
	if r.dice.roll(2) == 0 && r.agent.state["revoked_at"] != nil {
		r.set(r.agentConfig, "reinstate_trigger", trigger(fmt.Sprint(len(r.did))))
	}
	if _, d := r.agent.try(r.agentConfig); len(d.errors()) > 0 {
		if !strings.Contains(d.String(), "reinstate_trigger") {
			r.t.Fatal(d)
		}
		r.set(r.agentConfig, "reinstate_trigger", trigger(fmt.Sprint(len(r.did))))
		r.agent.apply(r.agentConfig)
		return
	}
	r.agent.settled(r.agentConfig)
}

// compare checks that a secret is made anew when there was a reason, and that
// all its parts stay when there was none.
func (r *random) compare(before attrs, expected bool) {
	r.t.Helper()
	r.kept()
	parts := []string{"secret_id", "secret", "sealed_secret", "hint", "version", "rotated_at"}
	if r.secret.state["secret_id"] == before["secret_id"] {
		for _, name := range parts {
			if r.secret.state[name] != before[name] {
				r.t.Errorf("%s changed without a rotation", name)
			}
		}
		if expected && !r.waits() {
			r.t.Error("there was a reason to rotate, and it did not")
		}
		return
	}
	if r.secret.state.version() <= before.version() {
		r.t.Errorf("the version was %d and is %d", before.version(), r.secret.state.version())
	}
}

// waits: an agent that is out of service keeps what it has.
func (r *random) waits() bool {
	a := r.place.hand(r.t).agent(r.agent.id())
	return a.Blocked()
}

// check looks at the server.
func (r *random) check() {
	r.t.Helper()
	h := r.place.hand(r.t)
	live := h.live(r.agent.id())
	if len(live) > authorityLimit {
		r.t.Errorf("%d live secrets", len(live))
	}
	ours := slices.DeleteFunc(live, func(s api.Secret) bool { return s.CreatedBy != "admin" || s.Status != api.Active })
	policy, _ := r.config["on_drift"].(string)
	if r.waits() || r.withdrawn() || (policy != "" && policy != "rotate") {
		return
	}
	if len(ours) != 1 || ours[0].SecretID != r.secret.secretID() {
		r.t.Errorf("ours are %v, and the state has %s", ours, r.secret.secretID())
	}
}

// authorityLimit is how many live secrets an agent may have.
const authorityLimit = 2
