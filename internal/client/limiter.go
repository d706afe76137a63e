package client

import (
	"context"
	"fmt"

	"golang.org/x/time/rate"
)

// limiter is the budget of requests that all calls of a client share. It gives
// them out in the order in which they were asked for.
type limiter struct{ bucket *rate.Limiter }

// newLimiter keeps every minute, wherever it begins, at perMinute requests:
// what the burst may take at once is missing from the rate.
func newLimiter(perMinute int) *limiter {
	if perMinute <= 0 {
		return &limiter{rate.NewLimiter(rate.Inf, 1)}
	}
	burst := max(1, perMinute/40)
	return &limiter{rate.NewLimiter(rate.Limit(float64(perMinute-burst+1)/60), burst)}
}

// wait waits for the turn of a request, or for the end of ctx. A turn that
// would come after the deadline of ctx is refused at once.
func (l *limiter) wait(ctx context.Context) error {
	err := l.bucket.Wait(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("wait for a request that requests_per_minute allows: %w", context.DeadlineExceeded)
	}
}
