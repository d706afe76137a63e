package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
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
	o := &opener{cfg: cfg, who: who}
	var err error
	o.empty, err = authority.Empty(o.config(nil))
	return o, err
}

// config is how the rules are over a store. What it has is its user's alone, so
// it makes its CA by itself, with the first certificate that is asked for.
func (o *opener) config(s store.Store) authority.Config {
	c := authority.Config{Store: s, MaxSecrets: o.cfg.MaxSecrets, Now: o.cfg.Now}
	c.CA = authority.CAConfig{Own: true, TrustDomain: trustDomain, Seal: o.seal}
	return c
}

// seal reads the key that wraps the CA's, beside the database, where serve looks
// for it too. It is made when it is needed, and never again: see secret.SealFile.
func (o *opener) seal() (secret.SealKey, error) {
	ctx := context.Background() // of no request: the answer is kept
	rules, err := o.authority(ctx, false)
	if err != nil {
		return secret.SealKey{}, err
	}
	file := secret.SealFile{Path: o.cfg.Path + ".key", Known: rules.SealFingerprint}
	key, err := file.Open(ctx)
	if err == nil {
		var known string
		if known, err = rules.SealFingerprint(ctx); err == nil && known != "" && known != key.Fingerprint() {
			err = fmt.Errorf("%w: that was %s, this is %s", secret.ErrSealKey, known, key.Fingerprint())
		}
	}
	if err != nil {
		return key, fmt.Errorf("use the seal key in %s: %w; bring the file back that was beside the database (mode 0600)", file.Path, err)
	}
	return key, nil
}

// trustDomain is in the names of certificates that the embedded server signs:
// spiffe://localhost/agent/<id>, as from serve on a loopback address.
const trustDomain = "localhost"

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
	if rules, err = authority.New(o.config(s)); err == nil {
		err = o.admit(ctx, rules)
	}
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	return rules, err
}

// admit refuses a store that came from a backup, by the name of its file. The next
// request looks again.
func (o *opener) admit(ctx context.Context, rules *authority.Authority) error {
	q, closed, err := rules.Quarantined(ctx)
	if err != nil || !closed {
		return err
	}
	return fmt.Errorf("use the database %[1]s: %[2]w since %[3]s: it came from a backup, and nobody has accepted it; run terraform-provider-agentcreds restore --accept --database %[1]s",
		o.cfg.Path, store.ErrQuarantined, q.Since.Format(time.RFC3339))
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
