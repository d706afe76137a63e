package authority

import (
	"context"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Rotation is how a new secret, key or certificate of an agent comes beside the
// others of its kind.
type Rotation struct {
	AgentID string
	Expires int64 // of the new one, unix seconds; 0 never

	// Previous, when not nil, retires one other.
	Previous *Retire
	// Revoke names others that end at once.
	Revoke []string
	// Latest, when not nil, must be the id of the agent's newest one, "" for
	// none yet; else the answer is Stale.
	Latest *string
	// Claim makes a key or certificate that is there already, and Active, the
	// caller's newest one: it was made now, and not when it was. Whoever had
	// it before can tell that it is another's.
	Claim bool
}

// Retire lets one live until Expires (unix seconds), never longer than it would
// have.
type Retire struct {
	ID      string
	Expires int64
}

// rotates reports whether the request changes what is there, beyond adding.
func (n Rotation) rotates() bool {
	return n.Previous != nil || len(n.Revoke) > 0 || n.Latest != nil
}

// makeRoom checks that the agent may get one more, and retires and revokes what
// the request says.
func (a *Authority) makeRoom(tx store.Tx, sh shelf, agent store.Agent, n Rotation, ev *audit.Event) error {
	if !agent.RevokedAt.IsZero() {
		return refuse(Blocked, "Agent %s was revoked at %s: it gets no new %s until it is reinstated.", agent.ID, agent.RevokedAt.Format(time.RFC3339), sh.word)
	}
	if a.Blocked(agent) && n.rotates() {
		return refuse(Blocked, "Agent %s is blocked: its %ss are not rotated until it is unblocked.", agent.ID, sh.word)
	}
	now := a.Now()
	if n.Expires != 0 && n.Expires <= now.Unix() {
		return refuse(Invalid, "expiresAt %d is not in the future (it is %d now).", n.Expires, now.Unix())
	}
	if n.Latest != nil {
		latest, err := sh.newest(tx, agent.ID, now)
		if err != nil {
			return err
		}
		if *n.Latest != latest {
			return refuse(Stale, "The newest %s of agent %s is %s, not %s: it was rotated by another.", sh.word, agent.ID, named(latest), named(*n.Latest))
		}
	}
	if err := sh.retire(tx, agent.ID, n, now, ev); err != nil {
		return err
	}
	found, err := sh.list(tx, agent.ID, now.Unix(), 0)
	if err != nil {
		return err
	}
	if live := len(found); live >= a.maxSecrets {
		return refuse(Limit, "Agent %s has %d live %ss, and %d are allowed: revoke one, or let the request retire it.", agent.ID, live, sh.word, a.maxSecrets)
	}
	return nil
}

// retire does what the request says to the agent's others. What has expired is not
// retired, and what is revoked stays as it is.
func (sh shelf) retire(tx store.Tx, agentID string, n Rotation, now time.Time, ev *audit.Event) error {
	if n.Previous != nil {
		// 0 would mean that it never ends.
		if n.Previous.Expires <= 0 {
			return refuse(Invalid, "The %s %s cannot be retired without an end: previous needs an expiresAt.", sh.word, n.Previous.ID)
		}
		l, err := sh.read(tx, agentID, n.Previous.ID)
		if err != nil {
			return sh.none(err, agentID, n.Previous.ID)
		}
		if l.live(now) {
			if !l.retiring {
				l.retiring, l.ends = true, l.expires
			}
			l.expires = earlier(l.expires, n.Previous.Expires)
			if err := sh.set(tx, agentID, l); err != nil {
				return err
			}
			ev.Detail["retired:"+l.id] = time.Unix(l.expires, 0).UTC().Format(time.RFC3339)
		}
	}
	for _, id := range n.Revoke {
		l, err := sh.read(tx, agentID, id)
		if err != nil {
			return sh.none(err, agentID, id)
		}
		if err := sh.end(tx, agentID, l, now, ev); err != nil {
			return err
		}
	}
	return nil
}

// earlier is the earlier of two expiries, where 0 is never.
func earlier(a, b int64) int64 {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

func named(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

// move moves the expiry of a live one (unix seconds; 0 never). A time that is
// past ends it at once. The grace of a retiring one never goes beyond the
// expiry that it had before.
func (a *Authority) move(ctx context.Context, sh shelf, base audit.Event, expires int64, answer func(store.Reader) error) error {
	base.Action = sh.expire
	return a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		now := a.Now()
		return sh.change(tx, base, func(l *life) error {
			end := expires
			switch {
			case !l.live(now):
				return refuse(Dead, "The %s %s of agent %s is %s: its expiry cannot be moved.", sh.word, l.id, base.AgentID, l.status(now))
			case l.retiring && end == 0:
				return refuse(Invalid, "The %s %s of agent %s is retiring: it needs an end.", sh.word, l.id, base.AgentID)
			case l.retiring:
				end = earlier(l.ends, end)
			}
			end = earlier(l.notAfter, end)
			if l.expires == end {
				return errUnchanged
			}
			l.expires = end
			ev.Detail["expires"] = "never"
			if end != 0 {
				ev.Detail["expires"] = time.Unix(end, 0).UTC().Format(time.RFC3339)
			}
			return nil
		})
	}, answer)
}

// withdraw ends one at once; the last one too. Revoking what is revoked already
// changes nothing. latest is as in Rotation.
func (a *Authority) withdraw(ctx context.Context, sh shelf, base audit.Event, latest *string) error {
	base.Action = sh.revoke
	return a.act(ctx, base, func(tx store.Tx, _ *audit.Event) error {
		if latest != nil {
			if _, err := tx.Agent(base.AgentID); err != nil {
				return noAgent(err, base.AgentID)
			}
			present, err := sh.newest(tx, base.AgentID, a.Now())
			if err != nil {
				return err
			}
			if present != *latest {
				return refuse(Stale, "The newest %s of agent %s is %s, not %s.", sh.word, base.AgentID, named(present), named(*latest))
			}
		}
		return sh.change(tx, base, func(l *life) error {
			if !l.revoked.IsZero() {
				return errUnchanged
			}
			l.revoked = a.Now()
			return nil
		})
	}, nil)
}
