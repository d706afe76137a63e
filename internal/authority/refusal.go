package authority

import (
	"context"
	"errors"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Failures counts failed logins that have no audit entry of their own: anybody
// can make as many of them as he likes.
type Failures struct {
	Unknown   int64 // logins with ids that nobody has, ever, at all processes
	Throttled int64 // those beyond the limit, here and since the start
}

// unknownLogins is the counter of logins with ids that nobody has.
const unknownLogins = "unknown_logins"

// Failures tells how many there were.
func (i *Issuer) Failures(ctx context.Context) (out Failures, err error) {
	out.Throttled = i.throttled.Load()
	err = i.a.bare.View(ctx, func(r store.Reader) (err error) {
		out.Unknown, err = r.Counter(unknownLogins)
		return err
	})
	return out, err
}

// fail ends a login that is refused. Somebody's failure enters the audit unless
// there were too many of them; those, and those of nobody, are only counted,
// lest anybody fills the disk. Only what the caller may know comes back:
// whatever it is that keeps him from logging in, he waits equally long.
func (i *Issuer) fail(ctx context.Context, s subject, l Login, start time.Time, refusal *Error) error {
	if refusal.Kind != BadLogin { // who authenticated fills no disk faster than with tokens
		return i.noteRefusal(ctx, s, l, refusal)
	}
	if err := i.even(ctx, s); err != nil {
		return err
	}
	var err error
	step := enteredStep
	wait, crowd := i.failures.fail(keyOf(l.ID, l.Address)), i.strangers.fail(keyOf("", l.Address))
	switch {
	case wait > 0:
	case s.name == "" && crowd > 0:
	case s.name == "":
		// Counting is a commit, as an entry is: both wait for the same disk.
		if _, err = i.a.store.Count(ctx, unknownLogins, 1); err == nil {
			err = refusal
		}
	default:
		err = i.noteRefusal(ctx, s, l, refusal)
	}
	if wait = max(wait, crowd); wait > 0 && (err == nil || errors.Is(err, refusal)) {
		i.throttled.Add(1)
		err, step = tooMany(wait), throttledStep
	}
	if l.slow() {
		step = slowStep
	}
	hold(ctx, start, step)
	return err
}

// Stranger enters that somebody at an address showed a token that is none, and
// answers who does so all the time more slowly. Nobody else waits.
func (i *Issuer) Stranger(ctx context.Context, address string) {
	if i.strangers.fail(keyOf("", address)) > 0 {
		hold(ctx, time.Now(), throttledStep)
	}
}

// noteRefusal enters a refusal into the audit and returns it; when it cannot be
// entered, it returns why not.
func (i *Issuer) noteRefusal(ctx context.Context, s subject, l Login, refusal *Error) error {
	ev := audit.Event{
		Actor: s.name, Action: audit.TokenIssue, Outcome: audit.Refused, Reason: refusal.Message,
		Detail: map[string]string{"method": l.Method, "address": l.Address},
	}
	if l.action != "" {
		ev.Action = l.action
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

// Denied enters into the audit that somebody who is known wanted what it may
// not. Who is not known fills no disk so.
func (a *Authority) Denied(ctx context.Context, p Principal, what AuditEvent, reason string) error {
	what.Actor, what.Outcome, what.Reason = p.Name, audit.Refused, reason
	return a.note(ctx, what)
}
