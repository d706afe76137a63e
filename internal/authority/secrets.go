package authority

import (
	"context"
	"slices"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

// Secrets lists what there is of an agent's secrets, newest first: the live
// ones and the latest dead ones.
func (a *Authority) Secrets(ctx context.Context, agentID string) ([]Secret, error) {
	agent, err := a.Agent(ctx, agentID)
	return agent.Secrets, err
}

// Secret returns one secret, however long it has been dead.
func (a *Authority) Secret(ctx context.Context, agentID, secretID string) (Secret, error) {
	var out Secret
	err := a.store.View(ctx, a.readSecret(agentID, secretID, &out))
	return out, err
}

// readSecret reads a secret into out.
func (a *Authority) readSecret(agentID, secretID string, out *Secret) func(store.Reader) error {
	return func(r store.Reader) error {
		agent, err := r.Agent(agentID)
		if err != nil {
			return noAgent(err, agentID)
		}
		s, err := r.Secret(agentID, secretID)
		if err != nil {
			return secretShelf.none(err, agentID, secretID)
		}
		now := a.Now()
		*out = Secret{Secret: s, Status: lifeOfSecret(s).status(now), Latest: s.Created == agent.LastSecret}
		if !out.Latest { // a key or a certificate may be newer than the newest secret
			latest, err := secretShelf.newest(r, agentID, now)
			out.Latest = latest == secretID
			return err
		}
		return nil
	}
}

// ExpireSecret moves the expiry of a live secret (unix seconds; 0 never). A
// time that is past ends it at once. The grace of a retiring one never goes
// beyond the expiry that it had before.
func (a *Authority) ExpireSecret(ctx context.Context, p Principal, agentID, secretID string, expires int64) (Secret, error) {
	var out Secret
	base := audit.Event{Actor: p.Name, AgentID: agentID, Target: secretID}
	if err := a.move(ctx, secretShelf, base, expires, a.readSecret(agentID, secretID, &out)); err != nil {
		return Secret{}, err
	}
	return out, nil
}

// RevokeSecret ends a secret at once; the last one too. Revoking what is
// revoked already changes nothing. latest is as in Rotation.
func (a *Authority) RevokeSecret(ctx context.Context, p Principal, agentID, secretID string, latest *string) error {
	return a.withdraw(ctx, secretShelf, audit.Event{Actor: p.Name, AgentID: agentID, Target: secretID}, latest)
}

// judge tells the status of secrets that are newest first.
func judge(secrets []store.Secret, now time.Time) []Secret {
	out := make([]Secret, len(secrets))
	for i, s := range secrets {
		out[i] = Secret{Secret: s, Status: lifeOfSecret(s).status(now), Latest: i == 0}
	}
	return slices.Clip(out)
}
