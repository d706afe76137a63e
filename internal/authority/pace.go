package authority

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Failed logins are answered at the end of a step of time that is longer than
// what they take on a machine that is not overloaded.
const (
	enteredStep   = 20 * time.Millisecond
	throttledStep = 100 * time.Millisecond // so that who goes on and on takes little
	slowStep      = 100 * time.Millisecond // with an argon2id in it
	// stepJitter hides the grain of the timers, which would tell how long
	// before the end the work was done.
	stepJitter = 2 * time.Millisecond
)

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

// even reads what the look-up of a failed login did not: of an unknown id some
// agent, of an agent what is not there. So all read the same, which shows where
// a machine is so busy that steps are missed.
func (i *Issuer) even(ctx context.Context, s subject) error {
	id := ""
	if s.agent {
		i.someone.Store(&s.id)
	} else if known := i.someone.Load(); known != nil {
		id = *known
	}
	return i.a.store.View(ctx, func(r store.Reader) error {
		_, err := i.read(r, id)
		return err
	})
}
