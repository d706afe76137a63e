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
		if _, err := r.Agent(agentID); err != nil {
			return noAgent(err, agentID)
		}
		s, err := r.Secret(agentID, secretID)
		if err != nil {
			return noSecret(err, agentID, secretID)
		}
		now := a.Now()
		latest, err := newest(r, agentID, now)
		*out = Secret{Secret: s, Status: status(s, now), Latest: latest == secretID}
		return err
	}
}

// ExpireSecret moves the expiry of a live secret (unix seconds; 0 never). A
// time that is past ends it at once. The grace of a retiring one never goes
// beyond the expiry that it had before.
func (a *Authority) ExpireSecret(ctx context.Context, p Principal, agentID, secretID string, expires int64) (Secret, error) {
	var out Secret
	base := audit.Event{Actor: p.Name, Action: audit.SecretExpire, AgentID: agentID, Target: secretID}
	err := a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		return writeSecret(tx, base, a.Now(), func(s *store.Secret, now time.Time) error {
			end := expires
			switch {
			case !s.Live(now):
				return refuse(Dead, "Secret %s of agent %s is %s: its expiry cannot be moved.", secretID, agentID, status(*s, now))
			case s.Retiring && end == 0:
				return refuse(Invalid, "Secret %s of agent %s is retiring: it needs an end.", secretID, agentID)
			case s.Retiring:
				end = earlier(s.Ends, end)
			}
			if s.Expires == end {
				return errUnchanged
			}
			s.Expires = end
			ev.Detail["expires"] = "never"
			if end != 0 {
				ev.Detail["expires"] = time.Unix(end, 0).UTC().Format(time.RFC3339)
			}
			return nil
		})
	}, a.readSecret(agentID, secretID, &out))
	if err != nil {
		return Secret{}, err
	}
	return out, nil
}

// RevokeSecret ends a secret at once; the last one too. Revoking what is
// revoked already changes nothing. latest is as in NewSecret.
func (a *Authority) RevokeSecret(ctx context.Context, p Principal, agentID, secretID string, latest *string) error {
	base := audit.Event{Actor: p.Name, Action: audit.SecretRevoke, AgentID: agentID, Target: secretID}
	return a.act(ctx, base, func(tx store.Tx, ev *audit.Event) error {
		if latest != nil {
			if _, err := tx.Agent(agentID); err != nil {
				return noAgent(err, agentID)
			}
			present, err := newest(tx, agentID, a.Now())
			if err != nil {
				return err
			}
			if present != *latest {
				return refuse(Stale, "The newest secret of agent %s is %s, not %s.", agentID, named(present), named(*latest))
			}
		}
		return writeSecret(tx, base, a.Now(), func(s *store.Secret, now time.Time) error {
			if !s.Revoked.IsZero() {
				return errUnchanged
			}
			s.Revoked = now
			return nil
		})
	}, nil)
}

// writeSecret changes the secret that the event is about.
func writeSecret(tx store.Tx, base audit.Event, now time.Time, change func(*store.Secret, time.Time) error) error {
	if _, err := tx.Agent(base.AgentID); err != nil {
		return noAgent(err, base.AgentID)
	}
	s, err := tx.Secret(base.AgentID, base.Target)
	if err != nil {
		return noSecret(err, base.AgentID, base.Target)
	}
	if err := change(&s, now); err != nil {
		return err
	}
	return tx.SetSecret(s)
}

// judge tells the status of secrets that are newest first.
func judge(secrets []store.Secret, now time.Time) []Secret {
	out := make([]Secret, len(secrets))
	for i, s := range secrets {
		out[i] = Secret{Secret: s, Status: status(s, now), Latest: i == 0}
	}
	return slices.Clip(out)
}

func status(s store.Secret, now time.Time) Status {
	switch {
	case !s.Revoked.IsZero():
		return StatusRevoked
	case !s.Live(now):
		return StatusExpired
	case s.Retiring:
		return StatusRetiring
	default:
		return StatusActive
	}
}

// newest is the id of the newest secret of an agent, live or not; "" for none.
func newest(r store.Reader, agentID string, now time.Time) (string, error) {
	found, err := r.Secrets([]string{agentID}, now.Unix(), 1)
	if err != nil || len(found[agentID]) == 0 {
		return "", err
	}
	return found[agentID][0].ID, nil
}
