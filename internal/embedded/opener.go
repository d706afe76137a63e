package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

// opener opens the store once, when it is needed. Until there is a store it
// looks again at each request: another process may make it.
type opener struct {
	cfg   Config
	who   func() string
	empty *authority.Authority // answers before there is a store

	mu      sync.Mutex
	closed  bool
	store   store.Store          // nil: not open
	rules   *authority.Authority // over store
	attempt *attempt             // of opening, under way
}

// attempt is one attempt to open the store. It can take long when the file is
// locked, so whoever comes meanwhile shares its outcome, not the wait for the
// next one.
type attempt struct {
	done chan struct{}
	err  error // when done
}

func newOpener(cfg Config, who func() string) (*opener, error) {
	empty, err := authority.Empty(authority.Config{MaxSecrets: cfg.MaxSecrets, Now: cfg.Now})
	if err != nil {
		return nil, err
	}
	return &opener{cfg: cfg, who: who, empty: empty}, nil
}

// authority is server.Config.Authority.
func (o *opener) authority(ctx context.Context, create bool) (*authority.Authority, error) {
	for {
		rules, other, err := o.begin()
		switch {
		case rules != nil || err != nil:
			return rules, err
		case other == nil:
			return o.open(ctx, create)
		}
		select {
		case <-other.done:
			if other.err != nil {
				return nil, other.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// begin returns the rules of the open store, or the attempt that somebody else
// makes, or nothing when the caller's own attempt has begun.
func (o *opener) begin() (*authority.Authority, *attempt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return nil, nil, fmt.Errorf("use the database %s: %w", o.cfg.Path, os.ErrClosed)
	case o.rules != nil:
		return o.rules, nil, nil
	case o.attempt != nil:
		return nil, o.attempt, nil
	}
	o.attempt = &attempt{done: make(chan struct{})}
	return nil, nil, nil
}

// open carries out the attempt that begin began. One that was given up, or
// found no store, says nothing to others: they look for themselves.
func (o *opener) open(ctx context.Context, create bool) (rules *authority.Authority, err error) {
	var s store.Store
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if ctx.Err() == nil {
			o.attempt.err = err
		}
		if err == nil && s != nil {
			o.store, o.rules = s, rules
		}
		close(o.attempt.done)
		o.attempt = nil
	}()
	cfg := sqlite.Config{Path: o.cfg.Path, Create: create, Now: o.cfg.Now}
	if create {
		cfg.Creator = o.who()
	}
	opened, err := sqlite.Open(ctx, cfg)
	switch {
	case errors.Is(err, store.ErrNoStore) && !create:
		return o.empty, nil
	case err != nil:
		return nil, err
	}
	s = opened
	return authority.New(authority.Config{Store: s, MaxSecrets: o.cfg.MaxSecrets, Now: o.cfg.Now})
}

// close lets go of the file. An attempt that is under way is waited for.
func (o *opener) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for o.attempt != nil {
		other := o.attempt
		o.mu.Unlock()
		<-other.done
		o.mu.Lock()
	}
	if o.store == nil {
		return nil
	}
	return o.store.Close()
}
