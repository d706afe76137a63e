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
// costs no write for each token.
type uses struct {
	store store.Store

	mu      sync.Mutex
	waiting map[[2]string]store.Use
	timer   *time.Timer
}

func newUses(s store.Store) *uses { return &uses{store: s, waiting: map[[2]string]store.Use{}} }

// note remembers a use; the first one since the last write sets the timer.
func (u *uses) note(use store.Use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.waiting[[2]string{use.AgentID, use.SecretID}] = use
	if u.timer == nil {
		u.timer = time.AfterFunc(usesDelay, func() { _ = u.flush(context.Background()) })
	}
}

// flush writes what waits. What cannot be written waits for the next time.
func (u *uses) flush(ctx context.Context) error {
	u.mu.Lock()
	batch := make([]store.Use, 0, len(u.waiting))
	for _, use := range u.waiting {
		batch = append(batch, use)
	}
	clear(u.waiting)
	if u.timer != nil {
		u.timer.Stop()
		u.timer = nil
	}
	u.mu.Unlock()
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
