package oauth

import "net/http"

// Outcome is how an authentication ended, wherever it was: some of those that
// fail are answered with status 200.
type Outcome string

// Outcomes of authentications.
const (
	Issued     Outcome = "issued"      // a token
	Accepted   Outcome = "accepted"    // no token, but a code for one, or to ask about one or revoke one
	Refused    Outcome = "refused"     // nobody has this id, the secret is wrong, the agent is blocked
	Throttled  Outcome = "throttled"   // after too many of these
	BadRequest Outcome = "bad_request" // it came to no authentication, or asked for what it may not have
	Trouble    Outcome = "error"       // of the server
)

// Outcomes are all that there are.
var Outcomes = []Outcome{Issued, Accepted, Refused, Throttled, BadRequest, Trouble}

// outcome is good where nothing failed.
func (f *failure) outcome(good Outcome) Outcome {
	switch {
	case f == nil:
		return good
	case f.status == http.StatusUnauthorized:
		return Refused
	case f.status == http.StatusTooManyRequests:
		return Throttled
	case f.status < http.StatusInternalServerError:
		return BadRequest
	default:
		return Trouble
	}
}
