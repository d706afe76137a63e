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

// mostWait is how long whoever sets a secret waits for its turn. A client that
// gives up at 30 s does not know what became of its request, and a create may
// not be repeated then; told before that nothing was changed, it simply comes
// again. It leaves time for the digest, and for a store that is locked.
const mostWait = 15 * time.Second

// digest digests a value for an agent, which can take long. It reports
// ErrCrowded when the turn does not come.
func (a *Authority) digest(ctx context.Context, agentID string, value secret.Text) (secret.Digest, error) {
	waiting, cancel := context.WithTimeout(ctx, mostWait)
	defer cancel()
	done, err := a.turn(waiting, "", value)
	if err != nil && ctx.Err() == nil {
		return "", ErrCrowded
	}
	if err != nil {
		return "", err
	}
	defer done()
	if value.HasOurShape() { // its digest has no salt, which it could share with others
		return secret.NewDigest(agentID, value), nil
	}
	return secret.NewDigest(agentID, value, a.digests(ctx, agentID)...), nil
}

// shown is a secret that somebody shows who says to be an agent.
type shown struct {
	agentID string
	value   secret.Text
	address string // where it comes from
}

// match finds the digest of what is shown among those of one agent; -1 when it
// is not there.
func (a *Authority) match(ctx context.Context, s shown, known []secret.Digest) (int, error) {
	done, err := a.turn(ctx, "from "+s.address, s.value)
	if err != nil {
		return -1, err
	}
	defer done()
	return secret.Find(s.agentID, s.value, known), nil
}

// turn waits for a place where the digest of the value is slow; keys take turns.
func (a *Authority) turn(ctx context.Context, key string, value secret.Text) (done func(), err error) {
	if value.HasOurShape() {
		return func() {}, nil
	}
	return a.slow.take(ctx, key)
}

// digests are those that an agent has by now. Without them a new one gets a
// salt of its own, which costs time at logins and does no harm.
func (a *Authority) digests(ctx context.Context, agentID string) (known []secret.Digest) {
	_ = a.store.View(ctx, func(r store.Reader) error {
		found, err := r.Secrets([]string{agentID}, a.Now().Unix(), 0)
		known = nil
		for _, s := range found[agentID] {
			known = append(known, secret.Digest(s.Digest))
		}
		return err
	})
	return known
}

// write adds the secret and moves the agent's clock of secrets, which the
// caller writes: creation times only grow, whatever the clock does.
func (s prepared) write(tx store.Tx, agent *store.Agent, p Principal) error {
	s.Creator = p.Name
	s.Created = max(s.now().UnixMilli(), agent.LastSecret+1)
	agent.LastSecret = s.Created
	return tx.AddSecret(s.Secret)
}
