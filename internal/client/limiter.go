package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// wso2PerMinute is the budget of a plain WSO2 server when none is set: what
// Asgardeo allows an address.
const wso2PerMinute = 200

// Progress is logged when a request waits this long for its turn, and then not
// sooner again.
const (
	longWait      = 2 * time.Second
	progressEvery = 10 * time.Second
	// recovery is how long without a refusal lets the pace grow again.
	recovery = 2 * time.Minute
	// catchUp is how many bursts may come at once when there was a pause, in a
	// process that is older than a minute: nothing of one before it counts any
	// more, and what it sent itself is in the window.
	catchUp = 3
)

// limiter is the budget of requests that all calls of a client share. It gives
// them out in the order in which they were asked for, and gives none while the
// server asks not to be asked.
type limiter struct {
	log Logger

	mu        sync.Mutex
	bucket    *rate.Limiter
	window    window
	perMinute int       // 0: no limit
	pace      float64   // part of the budget that is used: less after refusals
	until     time.Time // nobody goes before
	refusedAt time.Time
	sent      int
	began     time.Time // when the first one went
	waiting   int
	said      time.Time
}

func newLimiter(perMinute int, log Logger) *limiter {
	l := &limiter{log: log, pace: 1}
	l.budget(perMinute)
	return l
}

// budget bounds the requests of every minute, wherever it begins; 0 or less
// does not. Two processes after each other, as plan and apply are, stay below
// it together: what their bursts may take at once is missing from the rate.
func (l *limiter) budget(perMinute int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.perMinute = max(0, perMinute)
	each, burst := l.limit()
	l.bucket = rate.NewLimiter(each, burst)
	l.bucket.AllowN(time.Now(), min(burst, l.sent)) // what was sent to find out whose budget it is
	l.window = newWindow(l.perMinute, l.sent)
}

// limit is called with the lock held.
func (l *limiter) limit() (each rate.Limit, burst int) {
	if l.perMinute == 0 {
		return rate.Inf, 1
	}
	burst = max(1, l.perMinute/100)
	return rate.Limit(float64(l.perMinute-2*(burst-1)) * l.pace / 60), burst
}

// refused pauses everybody for what the server asks for, and goes on slower: the
// address has other users. It recovers when nothing is refused
// for some minutes.
func (l *limiter) refused(pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if until := now.Add(min(pause, maxRetryAfter)); until.After(l.until) {
		l.until = until
	}
	if now.Sub(l.refusedAt) >= time.Second { // not for each of those that were on their way
		l.refusedAt = now
		l.pace = max(0.25, l.pace*0.9)
		each, _ := l.limit()
		l.bucket.SetLimit(each)
	}
}

// wait waits for the turn of a request, or for the end of ctx. A turn that
// would come after the deadline of ctx is refused at once. Whoever got one calls
// answered when the request is over.
func (l *limiter) wait(ctx context.Context) (answered func(), err error) {
	began := time.Now()
	l.mu.Lock()
	l.waiting++
	bucket, window := l.bucket, l.window
	l.mu.Unlock()
	err = l.pause(ctx)
	if err == nil {
		err = bucket.Wait(ctx)
	}
	if err == nil {
		err = window.enter(ctx)
	}
	if err == nil {
		if err = l.pause(ctx); err != nil { // one that began meanwhile
			window.leave()
		}
	}
	l.went(ctx, time.Since(began), err)
	switch {
	case err == nil:
		return window.leave, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	default:
		return nil, fmt.Errorf("wait for a request that requests_per_minute allows: %w", context.DeadlineExceeded)
	}
}

// pause waits until the server may be asked again.
func (l *limiter) pause(ctx context.Context) error {
	for {
		l.mu.Lock()
		left := time.Until(l.until)
		l.mu.Unlock()
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// went notes that a request had its turn, and tells how it goes.
func (l *limiter) went(ctx context.Context, waited time.Duration, err error) {
	l.mu.Lock()
	l.waiting--
	if err == nil {
		l.sent++
	}
	now := time.Now()
	if l.began.IsZero() {
		l.began = now
	}
	if now.Sub(l.began) >= time.Minute {
		_, burst := l.limit()
		l.bucket.SetBurst(catchUp * burst)
	}
	if l.pace < 1 && now.Sub(l.refusedAt) >= recovery {
		l.pace, l.refusedAt = min(1, l.pace*1.1), now
		each, _ := l.limit()
		l.bucket.SetLimit(each)
	}
	tell := waited >= longWait && now.Sub(l.said) >= progressEvery
	if tell {
		l.said = now
	}
	fields := map[string]any{
		"sent": l.sent, "waiting": l.waiting, "waited_ms": waited.Milliseconds(),
		"requests_per_minute": l.perMinute, "pace_percent": int(l.pace * 100),
	}
	l.mu.Unlock()
	if tell {
		l.log.Info(ctx, "requests wait for their turn", fields)
	}
}
