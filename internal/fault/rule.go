// Package fault makes a server misbehave on request, so that clients can
// rehearse: a small language of rules, and an http.Handler around another one
// that delays, refuses, cuts and loses as they say. It knows neither agents nor
// the API; what it wraps does not know that its answers get lost.
package fault

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Form is what a rule looks like, in one line.
const Form = `[[METHOD] [PATH]: ]FAULT[, CONDITION]..., as in "POST /scim2/Agents: lost-after-commit, nth 1"`

// maxWait bounds every duration of a rule: nobody rehearses for longer.
const maxWait = 10 * time.Minute

// Rule says which requests are broken, and how. Parse makes one.
type Rule struct {
	text    string
	methods []string // nil: every one
	path    []string // segments; nil: every path

	kind  kind
	least time.Duration // of a delay; how long a slow answer takes; of Retry-After
	most  time.Duration // of a delay
	wait  bool          // there is a Retry-After
	cut   place

	nth    int     // this request alone; 0: every one
	after  int     // so many requests pass first
	every  int     // then each of so many is broken; 0: each
	times  int     // so often; 0: always
	chance float64 // of each of them; 0: certain
	seed   int64   // of the chance
}

// String is the rule as it was written.
func (r Rule) String() string { return r.text }

var errForm = errors.New("it does not begin with a fault, and has no colon and space between what is broken and how")

// Parse reads a rule. Its errors tell what is wrong, and not where: whoever
// calls it names the rule.
func Parse(text string) (Rule, error) {
	r := Rule{text: strings.Join(strings.Fields(text), " ")}
	head, tail, ok := strings.Cut(" "+r.text+" ", ": ")
	if first, _, _ := strings.Cut(r.text, ","); !ok && isFault(first) {
		head, tail, ok = "", r.text, true
	}
	if !ok {
		return r, errForm
	}
	if err := r.parseSelection(strings.Fields(head)); err != nil {
		return r, err
	}
	parts := strings.Split(tail, ",")
	if err := r.parseFault(strings.Fields(parts[0])); err != nil {
		return r, err
	}
	for _, part := range parts[1:] {
		if err := r.parseCondition(strings.Fields(part)); err != nil {
			return r, err
		}
	}
	if r.seed != 0 && r.chance == 0 {
		return r, errors.New("a seed is for a chance, as in 5%, and there is none")
	}
	return r, nil
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// parseSelection reads which requests the rule is about: a method, a path, both
// or neither.
func (r *Rule) parseSelection(words []string) error {
	if len(words) > 0 && !strings.HasPrefix(words[0], "/") {
		if words[0] != "*" {
			r.methods = strings.Split(words[0], "|")
		}
		for _, method := range r.methods {
			if !slices.Contains(methods, method) {
				return fmt.Errorf("%q is no method: %s are possible, * for all, or some with | between; a path begins with /", method, strings.Join(methods, ", "))
			}
		}
		words = words[1:]
	}
	switch {
	case len(words) == 0:
		return nil
	case len(words) > 1 || !strings.HasPrefix(words[0], "/"):
		return fmt.Errorf("%q is no path: one begins with /; * in it stands for one segment, ** at its end for all that follow", strings.Join(words, " "))
	}
	r.path = strings.Split(words[0][1:], "/")
	for i, segment := range r.path {
		if segment == "**" && i < len(r.path)-1 || segment != "*" && segment != "**" && strings.Contains(segment, "*") {
			return fmt.Errorf("%q in the path: * stands for one whole segment, ** at the end for all that follow", segment)
		}
	}
	return nil
}

// parseCondition reads one of what follows the fault.
func (r *Rule) parseCondition(words []string) error {
	bad := fmt.Errorf("%q is no condition: after N, every N, nth N, times N, P%% and seed N are possible", strings.Join(words, " "))
	if len(words) == 1 && strings.HasSuffix(words[0], "%") {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(words[0], "%"), 64)
		if err != nil || percent <= 0 || percent > 100 {
			return fmt.Errorf("%q is no chance: give more than 0%% and at most 100%%", words[0])
		}
		r.chance = percent / 100
		return nil
	}
	if len(words) != 2 {
		return bad
	}
	n, err := strconv.ParseInt(words[1], 10, 32)
	if err != nil || n < 1 && (n < 0 || words[0] != "after") {
		return fmt.Errorf("%q: the number must be whole and at least 1", strings.Join(words, " "))
	}
	switch words[0] {
	case "after":
		r.after = int(n)
	case "every":
		r.every = int(n)
	case "times":
		r.times = int(n)
	case "nth":
		r.nth = int(n)
	case "seed":
		r.seed = n
	default:
		return bad
	}
	return nil
}

// selects reports whether the rule is about the request.
func (r Rule) selects(req *http.Request) bool {
	if r.methods != nil && !slices.Contains(r.methods, req.Method) {
		return false
	}
	if r.path == nil {
		return true
	}
	segments := strings.Split(strings.TrimPrefix(req.URL.Path, "/"), "/")
	for i, want := range r.path {
		switch {
		case i >= len(segments):
			return false
		case want == "**":
			return true
		case want != "*" && want != segments[i]:
			return false
		}
	}
	return len(segments) == len(r.path)
}

// strikes reports whether the n-th of the requests that the rule is about is
// broken, when so many were before.
func (r Rule) strikes(n, before int) bool {
	if r.nth > 0 && n != r.nth {
		return false
	}
	n -= r.after
	switch {
	case n < 1 || r.every > 0 && n%r.every != 0 || r.times > 0 && before >= r.times:
		return false
	default:
		return r.chance == 0 || r.draw(n, "chance") < r.chance
	}
}

// delay is how long the n-th request is kept.
func (r Rule) delay(n int) time.Duration {
	return r.least + time.Duration(r.draw(n, "delay")*float64(r.most-r.least))
}

// draw gives a number from 0 to 1 that only the rule, its seed and the count of
// the request decide: the same requests in the same order break in the same way.
func (r Rule) draw(n int, of string) float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", r.text, of, n))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}
