package sqlite

import (
	"context"
	"time"
)

// defaultPatience is how long a call waits for other processes.
const defaultPatience = 10 * time.Second

// The pauses between two attempts to get a lock. A process that writes without
// a break leaves it free for some microseconds after each commit, so whoever
// waits must ask often: at 2 ms, ten seconds are some thousand chances.
// SQLite's own handler sleeps up to 100 ms, and starves.
const (
	firstPause = 100 * time.Microsecond
	lastPause  = 2 * time.Millisecond
)

// patiently repeats try while the database is locked, until patience since
// since is used up or ctx ends. It tries at least once.
func (s *Store) patiently(ctx context.Context, since time.Time, try func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := try()
		if !locked(err) || time.Since(since) >= s.patience {
			return err
		}
		// Spread by the clock, lest we keep step with whoever holds it.
		jitter := time.Duration(time.Now().UnixNano()) % (pause / 2)
		select {
		case <-time.After(pause - jitter):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
