package authority

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// A failed login is answered at the end of a step of time that is longer than
// all that it can take: entering a known agent's failure into the audit waits
// for a disk, an unknown id's does not. The jitter hides the grain of the
// timers, which would tell how long before the end the work was done.
const (
	failureStep   = 20 * time.Millisecond
	slowStep      = 100 * time.Millisecond // with an argon2id in it
	throttledStep = 2 * time.Millisecond   // nothing is written
	stepJitter    = 2 * time.Millisecond
)

// Failures counts failed logins that have no audit entry of their own: anybody
// can make as many of them as he likes.
type Failures struct {
	Unknown   int64 // logins with ids that nobody has
	Throttled int64 // those beyond the limit
}

// Failures tells how many there were since the start.
func (i *Issuer) Failures() Failures {
	return Failures{Unknown: i.unknown.Load(), Throttled: i.throttled.Load()}
}

// fail ends a login that is refused. Somebody's failure enters the audit unless
// there were too many of them; those, and those of nobody, are only counted,
// lest anybody fills the disk. Only what the caller may know comes back:
// whatever it is that keeps him from logging in, he waits equally long.
func (i *Issuer) fail(ctx context.Context, s subject, l Login, start time.Time, refusal *Error) error {
	if refusal.Kind != BadLogin { // who authenticated fills no disk faster than with tokens
		return i.noteRefusal(ctx, s, l, refusal)
	}
	var err error
	step := failureStep
	switch wait := i.failures.fail(keyOf(l.ID, l.Address)); {
	case wait > 0:
		i.throttled.Add(1)
		err, step = tooMany(wait), throttledStep
	case s.name == "":
		i.unknown.Add(1)
		err = refusal
	default:
		err = i.noteRefusal(ctx, s, l, refusal)
	}
	if !l.Secret.HasOurShape() {
		step = slowStep
	}
	hold(ctx, start, step)
	return err
}

// noteRefusal enters a refusal into the audit and returns it; when it cannot be
// entered, it returns why not.
func (i *Issuer) noteRefusal(ctx context.Context, s subject, l Login, refusal *Error) error {
	ev := audit.Event{
		Actor: s.name, Action: audit.TokenIssue, Outcome: audit.Refused, Reason: refusal.Message,
		Detail: map[string]string{"method": l.Method, "address": l.Address},
	}
	if s.agent {
		ev.AgentID = s.id
	}
	if err := i.a.note(ctx, ev); err != nil {
		return err
	}
	return refusal
}

// tooMany is the refusal of who failed too often.
func tooMany(wait time.Duration) *Error {
	return &Error{Kind: Throttled, Message: "too many failures", RetryAfter: wait}
}

// hold waits for the end of the step in which the work that began at start was
// done. Who does not wait for the answer does not wait here either.
func hold(ctx context.Context, start time.Time, step time.Duration) {
	var random [8]byte
	_, _ = rand.Read(random[:])
	jitter := time.Duration(binary.BigEndian.Uint64(random[:]) % uint64(stepJitter))
	steps := time.Since(start)/step + 1
	timer := time.NewTimer(time.Until(start.Add(steps*step + jitter)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
