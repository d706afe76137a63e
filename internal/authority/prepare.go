package authority

import (
	"context"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// prepared is a secret that is ready to be written: what is slow is done.
type prepared struct {
	store.Secret
	now func() time.Time
}

// prepare checks and digests the value, which can take long, before a
// transaction is begun.
func (a *Authority) prepare(ctx context.Context, n NewSecret) (prepared, error) {
	if err := secret.Check(n.Value); err != nil {
		return prepared{}, refuse(Weak, "The secret is refused: %v.", err)
	}
	if n.ID == "" {
		n.ID = newID()
	}
	digest, err := a.digest(ctx, n.AgentID, n.Value)
	if err != nil {
		return prepared{}, err
	}
	return prepared{store.Secret{
		AgentID: n.AgentID,
		ID:      n.ID,
		Digest:  string(digest),
		Hint:    n.Value.Hint(),
		Expires: n.Expires,
	}, a.Now}, nil
}

// digest takes its turn where it is slow: each such digest needs 19 MiB and a
// processor, and Terraform asks for ten at once.
func (a *Authority) digest(ctx context.Context, agentID string, value secret.Text) (secret.Digest, error) {
	if !value.HasOurShape() {
		select {
		case a.slow <- struct{}{}:
			defer func() { <-a.slow }()
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	return secret.NewDigest(agentID, value), nil
}

// write adds the secret and moves the agent's clock of secrets, which the
// caller writes: creation times only grow, whatever the clock does.
func (s prepared) write(tx store.Tx, agent *store.Agent, p Principal) error {
	s.Creator = p.Name
	s.Created = max(s.now().UnixMilli(), agent.LastSecret+1)
	agent.LastSecret = s.Created
	return tx.AddSecret(s.Secret)
}
