package cli_test

import (
	"fmt"
	"math"
	"math/bits"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// set is a set of the secrets of one agent, by the order in which the clients
// thought of them: at most 64.
type set uint64

func only(n int) set          { return 1 << n }
func (s set) has(n int) bool  { return s&only(n) != 0 }
func (s set) count() int      { return bits.OnesCount64(uint64(s)) }
func (s set) in(all set) bool { return s&^all == 0 }

// registers is all that there is to know of an agent: one register for each of
// its secrets, and which was the last to be made. It is what the server must
// behave like, one request after the other.
type registers struct {
	live, expired, revoked set
	latest                 int8
	blocked                bool
}

// deed is what a client asks for.
type deed string

const (
	toPut        deed = "put" // create, and rotate where it ends another
	toRevoke     deed = "revoke"
	toRevokeAll  deed = "revoke all"
	toLogIn      deed = "log in"
	toRead       deed = "read"
	toIntrospect deed = "introspect" // a token that a login gave
)

const none = -1

// asked is one request about one secret of one agent.
type asked struct {
	agent  int
	deed   deed
	secret int
	old    int  // which a put ends; none: it ends no other
	expire bool // by previous, with an end that is past; else by revoke
	latest int  // of If-Match; none: it has none
}

// told is the answer. The status 0 means that there was none: then the request
// may have been carried out at any time since, or never.
type told struct {
	status                 int
	accepted               bool // of a login and of introspect
	live, expired, revoked set  // of read, which lists not all of the dead
	latest                 int  // of read
}

const maxLive = 3 // which the servers are told

// step carries out one request. It reports the answer that this must have, and
// the registers after it.
func (r registers) step(a asked) (told, registers) {
	switch a.deed {
	case toPut:
		return r.put(a)
	case toRevoke:
		switch {
		case !only(a.secret).in(r.live | r.expired | r.revoked):
			return told{status: http.StatusNotFound}, r
		default:
			return told{status: http.StatusNoContent}, r.end(a.secret)
		}
	case toRevokeAll:
		r.revoked |= r.live
		r.live, r.blocked = 0, true
		return told{status: http.StatusOK}, r
	case toLogIn:
		return told{accepted: r.live.has(a.secret)}, r
	case toIntrospect:
		// The end of a grace ends no token; a revocation does, and a block all.
		return told{accepted: !r.blocked && !r.revoked.has(a.secret)}, r
	case toRead:
		return told{live: r.live, expired: r.expired, revoked: r.revoked, latest: int(r.latest)}, r
	}
	panic("unknown deed " + a.deed)
}

// put is in the order of the rules: a repetition is seen before anything else.
func (r registers) put(a asked) (told, registers) {
	before := r
	switch {
	case r.revoked.has(a.secret):
		return told{status: http.StatusConflict}, r
	case (r.live | r.expired).has(a.secret):
		return told{status: http.StatusOK}, r
	case r.blocked:
		return told{status: http.StatusConflict}, r
	case a.latest != none && a.latest != int(r.latest):
		return told{status: http.StatusPreconditionFailed}, r
	case a.old != none && !only(a.old).in(r.live|r.expired|r.revoked):
		return told{status: http.StatusNotFound}, r
	case a.old != none && a.expire && r.live.has(a.old):
		r.live &^= only(a.old)
		r.expired |= only(a.old)
	case a.old != none && !a.expire:
		r = r.end(a.old)
	}
	if r.live.count() >= maxLive {
		return told{status: http.StatusConflict}, before
	}
	r.live |= only(a.secret)
	r.latest = int8(a.secret) //nolint:gosec // below 64
	return told{status: http.StatusCreated}, r
}

// end revokes a secret, live or expired.
func (r registers) end(n int) registers {
	r.live &^= only(n)
	r.expired &^= only(n)
	r.revoked |= only(n)
	return r
}

// fits reports whether an answer is the one that must have been given.
func (a asked) fits(got, want told) bool {
	switch a.deed {
	case toLogIn, toIntrospect:
		return got.accepted == want.accepted
	case toRead:
		return got.live == want.live && got.latest == want.latest && got.expired.in(want.expired) && got.revoked.in(want.revoked)
	default:
		return got.status == 0 || got.status == want.status
	}
}

// oneAtATime says when a history is right: when its requests can be put in an
// order, each at some moment between its sending and its answer, in which
// registers would have answered the same. Agents have nothing to do with each
// other.
var oneAtATime = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		agents := map[int][]porcupine.Operation{}
		for _, op := range history {
			agent := op.Input.(asked).agent //nolint:forcetypeassert // as all of the history
			agents[agent] = append(agents[agent], op)
		}
		var parts [][]porcupine.Operation
		for _, ops := range agents {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() any { return registers{live: only(0)} },
	Step: func(state, input, output any) (bool, any) {
		a := input.(asked)                       //nolint:forcetypeassert // as above
		want, next := state.(registers).step(a)  //nolint:forcetypeassert // as above
		return a.fits(output.(told), want), next //nolint:forcetypeassert // as above
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
	DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
}

// never is when a request ends that was not answered.
const never = math.MaxInt64

// late are the logins and introspections that were accepted although they were
// sent after the answer to a revocation: what no order of requests excuses, found
// without a search.
func late(history []porcupine.Operation) (found []porcupine.Operation) {
	type secret struct{ agent, n int }
	ended := map[secret]int64{}
	all := map[int]int64{}
	sooner := func(before int64, known bool, now int64) int64 {
		if known && before < now {
			return before
		}
		return now
	}
	for _, op := range history {
		a, answer := op.Input.(asked), op.Output.(told) //nolint:forcetypeassert // as above
		switch {
		case a.deed == toRevoke && answer.status == http.StatusNoContent:
			s := secret{a.agent, a.secret}
			before, known := ended[s]
			ended[s] = sooner(before, known, op.Return)
		case a.deed == toRevokeAll && answer.status == http.StatusOK:
			before, known := all[a.agent]
			all[a.agent] = sooner(before, known, op.Return)
		}
	}
	for _, op := range history {
		a := op.Input.(asked)           //nolint:forcetypeassert // as above
		if !op.Output.(told).accepted { //nolint:forcetypeassert // as above
			continue
		}
		one, revoked := ended[secret{a.agent, a.secret}]
		every, blocked := all[a.agent]
		if revoked && op.Call > one || blocked && op.Call > every {
			found = append(found, op)
		}
	}
	return found
}

// written is a history by hand: each line a request of agent 0, which began and
// ended at these moments.
type written struct {
	from, to int64
	asked    asked
	told     told
}

// TestRegisters tries the judge: what a right server may answer passes, and each
// wrong answer is found.
func TestRegisters(t *testing.T) {
	add := func(n, old int) asked { return asked{deed: toPut, secret: n, old: old, latest: none} }
	ended := func(n, old int) asked { return asked{deed: toPut, secret: n, old: old, expire: true, latest: none} }
	after := func(n, old, latest int) asked { return asked{deed: toPut, secret: n, old: old, latest: latest} }
	about := func(d deed, n int) asked { return asked{deed: d, secret: n} }
	made, gone, stale := told{status: 201}, told{status: 204}, told{status: 412}
	yes, no := told{accepted: true}, told{}
	for _, tt := range []struct {
		name    string
		right   bool
		late    int // accepted after the answer to a revocation
		history []written
	}{
		{"a rotation", true, 0, []written{{1, 2, add(1, 0), made}, {3, 4, about(toLogIn, 1), yes}, {3, 4, about(toLogIn, 0), no}}},
		{"the old secret works after a rotation that revoked it", false, 0, []written{{1, 2, add(1, 0), made}, {3, 4, about(toLogIn, 0), yes}}},
		{"the old secret works after a rotation that ended it", false, 0, []written{{1, 2, ended(1, 0), made}, {3, 4, about(toLogIn, 0), yes}}},
		{"the new secret does not work", false, 0, []written{{1, 2, add(1, 0), made}, {3, 4, about(toLogIn, 1), no}}},
		{"the old secret works while the rotation runs", true, 0, []written{{1, 9, add(1, 0), made}, {3, 4, about(toLogIn, 0), yes}, {5, 6, about(toLogIn, 1), yes}}},
		{"both are right, in an order that is not possible", false, 0, []written{{1, 9, add(1, 0), made}, {3, 4, about(toLogIn, 1), yes}, {5, 6, about(toLogIn, 0), yes}}},
		{"a token of a revoked secret", false, 1, []written{{1, 2, about(toRevoke, 0), gone}, {3, 4, about(toIntrospect, 0), yes}}},
		{"a token of an ended secret", true, 0, []written{{1, 2, ended(1, 0), made}, {3, 4, about(toIntrospect, 0), yes}}},
		{"a token dies by a revocation that is not answered yet", true, 0, []written{{1, never, about(toRevoke, 0), told{}}, {3, 4, about(toIntrospect, 0), no}}},
		{"a token that died lives again", false, 0, []written{{1, never, about(toRevoke, 0), told{}}, {3, 4, about(toIntrospect, 0), no}, {5, 6, about(toIntrospect, 0), yes}}},
		{"a rotation without an answer is made late", true, 0, []written{{1, never, add(1, 0), told{}}, {3, 4, about(toLogIn, 0), yes}, {5, 6, about(toLogIn, 1), yes}}},
		{"a rotation by half", false, 0, []written{{1, never, add(1, 0), told{}}, {3, 4, about(toLogIn, 1), yes}, {5, 6, about(toLogIn, 0), yes}}},
		{"two rotations of the same secret, both the first", false, 0, []written{{1, 9, after(1, 0, 0), made}, {1, 9, after(2, 0, 0), made}}},
		{"two rotations of the same secret, one the first", true, 0, []written{{1, 9, after(1, 0, 0), made}, {1, 9, after(2, 0, 0), stale}}},
		{"a fourth live secret", false, 0, []written{{1, 2, add(1, none), made}, {3, 4, add(2, none), made}, {5, 6, add(3, none), made}}},
		{"a repetition", true, 0, []written{{1, never, add(1, 0), told{}}, {3, 4, add(1, 0), told{status: 200}}, {5, 6, about(toRevoke, 1), gone}, {7, 8, add(1, 0), told{status: 409}}}},
		{"a repetition that makes it again", false, 0, []written{{1, 2, add(1, 0), made}, {3, 4, about(toRevoke, 1), gone}, {5, 6, add(1, 0), made}}},
		{"a list without the dead", true, 0, []written{{1, 2, add(1, 0), made}, {3, 4, about(toRead, none), told{live: only(1), latest: 1}}}},
		{"a stale list", false, 0, []written{{1, 2, add(1, 0), made}, {3, 4, about(toRead, none), told{live: only(0)}}}},
		{"a list with another latest", false, 0, []written{{1, 2, add(1, none), made}, {3, 4, about(toRead, none), told{live: only(0) | only(1)}}}},
		{"a lost write", false, 0, []written{{1, 2, add(1, none), made}, {3, 4, about(toRevoke, 1), told{status: 404}}}},
		{"everything is revoked, and nothing follows", true, 0, []written{{1, 2, about(toRevokeAll, none), told{status: 200}}, {3, 4, about(toIntrospect, 0), no}, {5, 6, add(1, none), told{status: 409}}}},
		{"a login after everything is revoked", false, 1, []written{{1, 2, about(toRevokeAll, none), told{status: 200}}, {3, 4, about(toLogIn, 0), yes}}},
		{"a secret after everything is revoked", false, 0, []written{{1, 2, about(toRevokeAll, none), told{status: 200}}, {5, 6, add(1, none), made}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Another agent's requests beside it change nothing.
			history := []porcupine.Operation{{Input: asked{agent: 1, deed: toLogIn}, Output: yes, Call: 1, Return: 9}}
			for n, w := range tt.history {
				history = append(history, porcupine.Operation{ClientId: n, Input: w.asked, Output: w.told, Call: w.from, Return: w.to})
			}
			got := porcupine.CheckOperationsTimeout(oneAtATime, history, time.Minute)
			if (got == porcupine.Ok) != tt.right {
				t.Errorf("the judge says %s", got)
			}
			if found := late(history); len(found) != tt.late {
				t.Errorf("late are %v, want %d", found, tt.late)
			}
			slices.Reverse(history)
			if got2 := porcupine.CheckOperationsTimeout(oneAtATime, history, time.Minute); got2 != got {
				t.Errorf("the other way round the judge says %s", got2)
			}
		})
	}
}
