package authority

import (
	"context"
	"errors"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// deadShown is how many expired and revoked secrets of an agent are listed
// beside its live ones: enough to see what happened, and bounded however often
// the agent rotates.
const deadShown = 10

// Status is the state of a credential at a moment.
type Status string

// The states. Nothing leads back from Expired or Revoked.
const (
	StatusActive   Status = "ACTIVE"
	StatusRetiring Status = "RETIRING" // superseded; works until it expires
	StatusExpired  Status = "EXPIRED"
	StatusRevoked  Status = "REVOKED"
)

// Secret is a secret as it stands.
type Secret struct {
	store.Secret
	Status Status
	Latest bool // the newest of its agent, live or not
	Again  bool // AddSecret found that it was there already
}

// NewSecret asks for a secret.
type NewSecret struct {
	AgentID string
	ID      string      // "": one is made
	Value   secret.Text // zero: one is made
	Expires int64       // unix seconds; 0 never

	// Previous, when not nil, retires one other secret.
	Previous *Retire
	// Revoke names secrets that end at once.
	Revoke []string
	// Latest, when not nil, must be the id of the agent's newest secret, ""
	// for none yet; else the answer is Stale.
	Latest *string
}

// rotates reports whether the request changes what is there, beyond adding.
func (n NewSecret) rotates() bool {
	return n.Previous != nil || len(n.Revoke) > 0 || n.Latest != nil
}

// Retire lets a secret live until Expires (unix seconds), never longer than it
// would have.
type Retire struct {
	ID      string
	Expires int64
}

// AddSecret adds a secret to an agent; it retires and revokes only what it is
// told to. It is idempotent for a caller that chooses id and value: the same
// again changes nothing, and is found before Latest and the limit are looked
// at. The value is returned only when it was made here.
func (a *Authority) AddSecret(ctx context.Context, p Principal, n NewSecret) (Secret, secret.Text, error) {
	made := n.Value.IsZero()
	if made {
		n.Value = secret.Generate()
	}
	if n.ID == "" {
		n.ID = newID()
	}
	base := audit.Event{Actor: p.Name, Action: audit.SecretCreate, AgentID: n.AgentID, Target: n.ID}
	add, err := a.prepare(ctx, n)
	if err != nil {
		return Secret{}, secret.Text{}, a.refused(ctx, base, err)
	}
	var out Secret
	var again bool
	err = a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		agent, err := tx.Agent(n.AgentID)
		if err != nil {
			return noAgent(err, n.AgentID)
		}
		again = false
		switch before, err := tx.Secret(n.AgentID, add.ID); {
		case err == nil:
			again = true
			return same(before, n.Value)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := a.makeRoom(tx, agent, n, ev); err != nil {
			return err
		}
		if err := add.write(tx, &agent, p); err != nil {
			return err
		}
		return tx.SetAgent(agent)
	}, a.readSecret(n.AgentID, n.ID, &out))
	if err != nil {
		return Secret{}, secret.Text{}, err
	}
	out.Again = again
	if !made {
		return out, secret.Text{}, nil
	}
	return out, n.Value, nil
}

// same ends a repeated request: well when it is the same, else with UsedID.
func same(before store.Secret, value secret.Text) error {
	switch {
	case !before.Revoked.IsZero():
		return refuse(UsedID, "The secret id %s was revoked; ids are not used twice.", before.ID)
	case !secret.Digest(before.Digest).Matches(before.AgentID, value):
		return refuse(UsedID, "The secret id %s is that of another secret.", before.ID)
	}
	return errUnchanged
}

// makeRoom checks that the agent may get one more secret, and retires and
// revokes what the request says.
func (a *Authority) makeRoom(tx store.Tx, agent store.Agent, n NewSecret, ev *audit.Event) error {
	if !agent.RevokedAt.IsZero() {
		return refuse(Blocked, "Agent %s was revoked at %s: it gets no new secret until it is reinstated.", agent.ID, agent.RevokedAt.Format(time.RFC3339))
	}
	if a.Blocked(agent) && n.rotates() {
		return refuse(Blocked, "Agent %s is blocked: its secrets are not rotated until it is unblocked.", agent.ID)
	}
	now := a.Now()
	if n.Expires != 0 && n.Expires <= now.Unix() {
		return refuse(Invalid, "expiresAt %d is not in the future (it is %d now).", n.Expires, now.Unix())
	}
	found, err := tx.Secrets([]string{agent.ID}, now.Unix(), 1)
	if err != nil {
		return err
	}
	secrets := found[agent.ID]
	if n.Latest != nil {
		latest := ""
		if len(secrets) > 0 {
			latest = secrets[0].ID
		}
		if *n.Latest != latest {
			return refuse(Stale, "The newest secret of agent %s is %s, not %s: it was rotated by another.", agent.ID, named(latest), named(*n.Latest))
		}
	}
	if err := retire(tx, agent.ID, n, now, ev); err != nil {
		return err
	}
	if found, err = tx.Secrets([]string{agent.ID}, now.Unix(), 0); err != nil {
		return err
	}
	if live := len(found[agent.ID]); live >= a.maxSecrets {
		return refuse(Limit, "Agent %s has %d live secrets, and %d are allowed: revoke one, or let the request retire it.", agent.ID, live, a.maxSecrets)
	}
	return nil
}

// retire does what the request says to the agent's other secrets. What is dead
// already stays as it is.
func retire(tx store.Tx, agentID string, n NewSecret, now time.Time, ev *audit.Event) error {
	if n.Previous != nil {
		// 0 would mean that it never ends.
		if n.Previous.Expires <= 0 {
			return refuse(Invalid, "Secret %s cannot be retired without an end: previous needs an expiresAt.", n.Previous.ID)
		}
		s, err := tx.Secret(agentID, n.Previous.ID)
		if err != nil {
			return noSecret(err, agentID, n.Previous.ID)
		}
		if s.Live(now) {
			if !s.Retiring {
				s.Retiring, s.Ends = true, s.Expires
			}
			s.Expires = earlier(s.Expires, n.Previous.Expires)
			if err := tx.SetSecret(s); err != nil {
				return err
			}
			ev.Detail["retired:"+s.ID] = time.Unix(s.Expires, 0).UTC().Format(time.RFC3339)
		}
	}
	for _, id := range n.Revoke {
		s, err := tx.Secret(agentID, id)
		if err != nil {
			return noSecret(err, agentID, id)
		}
		if s.Live(now) {
			s.Revoked = now
			if err := tx.SetSecret(s); err != nil {
				return err
			}
			ev.Detail["revoked:"+s.ID] = "secret"
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
