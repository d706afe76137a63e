package authority

import (
	"context"
	"errors"

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

	// As of a Rotation.
	Expires  int64
	Previous *Retire
	Revoke   []string
	Latest   *string
}

func (n NewSecret) rotation() Rotation {
	return Rotation{AgentID: n.AgentID, Expires: n.Expires, Previous: n.Previous, Revoke: n.Revoke, Latest: n.Latest}
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
		if err := a.makeRoom(tx, secretShelf, agent, n.rotation(), ev); err != nil {
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
