// Package authority is every rule about agents and their credentials: who may
// exist, how secrets overlap, what a revocation ends. It is the only writer of
// a store; each act and its audit entry are one transaction. It never sees
// HTTP, and no secret leaves it but in the answer to the call that made it.
package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Bounds of Config.MaxSecrets.
const (
	DefaultMaxSecrets = 2
	HighestMaxSecrets = 10
)

// Config says how an Authority behaves.
type Config struct {
	Store      store.Store      // required
	MaxSecrets int              // live secrets of one agent; 0 means 2; at most 10
	Now        func() time.Time // nil means time.Now
	Rules      Rules
	CA         CAConfig
}

// Rules are the rules that differ from product to product. The zero value is
// ours.
type Rules struct {
	// OnlyLocks: of what a client can set, accountLocked alone blocks an
	// agent; active is remembered, and no more.
	OnlyLocks bool
	// AgentsByApp: agents log in through an application alone, and are no
	// OAuth clients themselves.
	AgentsByApp bool
	// AnyPermission: roles can hold the scopes of the management API too, as
	// they can there. No agent gets those.
	AnyPermission bool
	// Password makes the secret that an agent is born with; nil means
	// secret.Generate.
	Password func() secret.Text
}

// Authority applies the rules. Its methods may be called by many goroutines.
type Authority struct {
	store      store.Store // lets nobody in while it is quarantined
	bare       store.Store // the same, and does: for what ends a quarantine, and what anybody may know
	maxSecrets int
	rules      Rules
	now        func() time.Time
	ca         CAConfig
	lists      madeLists
	ring       caRing
	slow       *turns // of slow digests
}

// New makes an Authority.
func New(cfg Config) (*Authority, error) {
	if cfg.Store == nil {
		return nil, errors.New("authority: a store is required")
	}
	if cfg.MaxSecrets == 0 {
		cfg.MaxSecrets = DefaultMaxSecrets
	}
	if cfg.MaxSecrets < 1 || cfg.MaxSecrets > HighestMaxSecrets {
		return nil, fmt.Errorf("authority: %d live secrets for an agent: 1 to %d are possible", cfg.MaxSecrets, HighestMaxSecrets)
	}
	if cfg.CA.Seal != nil && cfg.CA.TrustDomain == "" {
		return nil, errors.New("authority: a CA needs a trust domain, which names the agents")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rules.Password == nil {
		cfg.Rules.Password = secret.Generate
	}
	return &Authority{
		store:      guarded{cfg.Store},
		bare:       cfg.Store,
		maxSecrets: cfg.MaxSecrets,
		rules:      cfg.Rules,
		now:        cfg.Now,
		ca:         cfg.CA,
		slow:       newTurns(mostSlow()),
	}, nil
}

// StoreID is the id of the store that the authority writes.
func (a *Authority) StoreID() string { return a.store.ID() }

// Writable is nil while nothing is known that would keep the store from being
// written. Where a disk fails, it does not come back before the next start.
func (a *Authority) Writable() error {
	if s, ok := a.bare.(interface{ Broken() error }); ok {
		return s.Broken()
	}
	return nil
}

// MaxSecrets is how many live secrets an agent may have.
func (a *Authority) MaxSecrets() int { return a.maxSecrets }

// Blocked reports whether the agent may not authenticate.
func (a *Authority) Blocked(agent store.Agent) bool {
	if a.rules.OnlyLocks {
		agent.Inactive = false
	}
	return agent.Blocked()
}

// Now is the clock by which everything is judged.
func (a *Authority) Now() time.Time { return a.now().UTC() }

// Principal is who asks.
type Principal struct {
	Name   string   // as the audit names it: "local:ann@laptop", "admin"
	Scopes []string // what it may do; AllScopes for everything

	// ClientID and Epoch are those of a management client, as its token says;
	// "" for others.
	ClientID string
	Epoch    int64
}

// AllScopes as a scope of a principal lets it do everything.
const AllScopes = "*"

// May reports whether the principal has the scope. The empty scope is
// everybody's.
func (p Principal) May(scope string) bool {
	return scope == "" || slices.Contains(p.Scopes, scope) || slices.Contains(p.Scopes, AllScopes)
}

// errUnchanged ends a transaction that has nothing to write.
var errUnchanged = errors.New("nothing changed")

// act carries out one change. fn works from what it reads in tx, may fill in
// the event, and may be called more than once. answer, when not nil, reads what
// the caller is told, before the commit: nothing can fail between the commit
// and the answer, which may hold a value that is nowhere else. A refusal is
// written to the audit in a transaction of its own; when that fails, the caller
// gets that error too.
func (a *Authority) act(ctx context.Context, base audit.Event, fn func(store.Tx, *audit.Event) error, answer func(store.Reader) error) error {
	return a.acts(ctx, base, func(tx store.Tx, ev *audit.Event) ([]audit.Event, error) {
		err := fn(tx, ev)
		return []audit.Event{*ev}, err
	}, answer)
}

// acts is act for a change that is entered as several: fn returns them all. The
// event that it gets is what a refusal is entered as.
func (a *Authority) acts(ctx context.Context, base audit.Event, fn func(store.Tx, *audit.Event) ([]audit.Event, error), answer func(store.Reader) error) error {
	var last audit.Event
	err := a.store.Update(ctx, func(tx store.Tx) ([]audit.Event, error) {
		ev := base
		ev.Detail = map[string]string{}
		events, err := fn(tx, &ev)
		last = ev
		if answer != nil && (err == nil || errors.Is(err, errUnchanged)) {
			if err := answer(tx); err != nil {
				return nil, err
			}
		}
		return events, err
	})
	if err == nil || errors.Is(err, errUnchanged) {
		return nil
	}
	return a.refused(ctx, last, err)
}

// refused enters a refusal into the audit: who wanted what, and not what the
// act had done before it was undone. Another error is passed on.
func (a *Authority) refused(ctx context.Context, ev audit.Event, err error) error {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	ev.Outcome, ev.Reason, ev.Detail = audit.Refused, refusal.Message, nil
	if noteErr := a.note(ctx, ev); noteErr != nil {
		return errors.Join(err, noteErr)
	}
	return err
}

// note writes an event that goes with no change.
func (a *Authority) note(ctx context.Context, ev audit.Event) error {
	err := a.bare.Update(ctx, func(store.Tx) ([]audit.Event, error) {
		return []audit.Event{ev}, nil
	})
	if err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	return nil
}

// newID makes the id of an agent or a secret: a random UUID in lower case.
func newID() string { return uuid.NewString() }
