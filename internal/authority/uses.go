package authority

import (
	"context"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// usesDelay is how much of last use a crash may lose.
const usesDelay = 500 * time.Millisecond

// uses collects when credentials were used and writes it in one go, so that it
// costs no write for each token. Its memory is bounded by how many credentials
// there are.
type uses struct {
	store store.Store

	mu      sync.Mutex
	waiting map[store.Use]store.Use // by what was used
	timer   *time.Timer
	closed  bool

	writing sync.Mutex // held while a batch is written
}

func newUses(s store.Store) *uses { return &uses{store: s, waiting: map[store.Use]store.Use{}} }

// note remembers a use; the first one since the last write sets the timer.
func (u *uses) note(use store.Use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := use
	key.At = time.Time{}
	if before, ok := u.waiting[key]; !ok || before.At.Before(use.At) {
		u.waiting[key] = use
	}
	if u.timer == nil && !u.closed {
		u.timer = time.AfterFunc(usesDelay, func() { _ = u.flush(context.Background()) })
	}
}

// close writes what waits, and sets no timer any more.
func (u *uses) close(ctx context.Context) error {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	return u.flush(ctx)
}

// flush writes what waits. What cannot be written waits for the next time.
// When it returns, nobody else is writing either.
func (u *uses) flush(ctx context.Context) error {
	u.writing.Lock()
	defer u.writing.Unlock()
	batch := u.take()
	if len(batch) == 0 {
		return nil
	}
	err := u.store.Touch(ctx, batch)
	if err != nil {
		for _, use := range batch {
			u.note(use)
		}
	}
	return err
}

func (u *uses) take() []store.Use {
	u.mu.Lock()
	defer u.mu.Unlock()
	batch := make([]store.Use, 0, len(u.waiting))
	for _, use := range u.waiting {
		batch = append(batch, use)
	}
	clear(u.waiting)
	if u.timer != nil {
		u.timer.Stop()
		u.timer = nil
	}
	return batch
}
