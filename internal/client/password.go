package client

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// passwordTries is how often a password is sent whose fate is not known.
const passwordTries = 3

// SetPassword sets the secret of an agent where that is its password: what it
// had before ends at once, and every token with it. When the answer is lost it
// looks whether the password was set, by the time at which it last was; only if
// it was not, the same value is sent again. It returns the agent as it is then,
// and ErrAmbiguous when that cannot be found out.
func (c *Client) SetPassword(ctx context.Context, id string, value secret.Text) (api.Agent, error) {
	if err := c.mayWrite(ctx, id); err != nil {
		return api.Agent{}, err
	}
	before, err := c.snap.read(ctx, id)
	if err != nil {
		return api.Agent{}, err
	}
	patch, err := api.PasswordPatch(value)
	if err != nil {
		return api.Agent{}, err
	}
	for try := 1; ; try++ {
		after, err := write[api.Agent](ctx, c, id, call{
			method: http.MethodPatch, path: api.PathAgent(id), body: patch, shielded: true,
		})
		if err == nil && before.PasswordTime() != 0 && after.PasswordTime() <= before.PasswordTime() {
			// Some answers are made before the time is written.
			return c.snap.get(context.WithoutCancel(ctx), id)
		}
		if err == nil {
			return after, nil
		}
		refused, isAnswer := errors.AsType[*api.Error](err)
		again := try > 1 && isAnswer && refused.Status == http.StatusBadRequest // a history of passwords that has it now
		if !errors.Is(err, ErrAmbiguous) && !again {
			return api.Agent{}, err
		}
		found, lookErr := c.snap.get(context.WithoutCancel(ctx), id)
		switch {
		case lookErr != nil:
			return api.Agent{}, errors.Join(err, ErrAmbiguous, lookErr)
		case found.PasswordTime() > before.PasswordTime():
			return found, nil
		case again || try == passwordTries || ctx.Err() != nil:
			return api.Agent{}, err
		}
	}
}

// Disclaim notes that nobody knows the secret that the agent has, as if this
// client had set it.
func (c *Client) Disclaim(a api.Agent) { c.snap.set(a) }

// PasswordSetHere reports whether this client set the secret that the agent has:
// at its birth, or since.
func (c *Client) PasswordSetHere(a api.Agent) bool {
	c.snap.mu.Lock()
	defer c.snap.mu.Unlock()
	return a.PasswordTime() != 0 && slices.Contains(c.snap.passwords[a.ID], a.PasswordTime())
}
