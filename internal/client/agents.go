package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// CreateAgent makes an agent. Its answer is the only one that may have a
// password in it.
func (c *Client) CreateAgent(ctx context.Context, a api.Agent) (api.Agent, error) {
	ext, err := c.extended(ctx)
	if err != nil {
		return api.Agent{}, err
	}
	if !ext {
		created, err := c.createPlain(ctx, a)
		if err == nil {
			c.snap.set(created)
		}
		return created, err
	}
	created, err := do[api.Agent](ctx, c, call{method: http.MethodPost, path: api.PathAgents, body: a, shielded: true, needs: scopesExtension})
	c.server.flights.forget("") // the first agent of all makes the store
	if err == nil {
		c.snap.prove(created)
	}
	return created, err
}

// Agent asks the server for an agent: one request, always.
func (c *Client) Agent(ctx context.Context, id string) (api.Agent, error) {
	if err := checkID("an agent", id); err != nil {
		return api.Agent{}, err
	}
	return c.snap.get(ctx, id)
}

// ReadAgent gives an agent as it was when this client first read it, or first
// after it last wrote to it. Many reads cost few requests: the first three ask
// for the one agent, the others are answered from pages of all agents. What it
// returns is shared: do not change it.
func (c *Client) ReadAgent(ctx context.Context, id string) (api.Agent, error) {
	if err := checkID("an agent", id); err != nil {
		return api.Agent{}, err
	}
	return c.snap.read(ctx, id)
}

// FindAgents yields all agents that a filter holds for, each once. The first
// error ends it.
func (c *Client) FindAgents(ctx context.Context, f api.Filter) iter.Seq2[api.Agent, error] {
	return func(yield func(api.Agent, error) bool) {
		switch ext, err := c.extended(ctx); {
		case err != nil:
			yield(api.Agent{}, err)
			return
		case !ext:
			c.findPlain(ctx, f)(yield)
			return
		}
		for p := (pager{filter: f.String()}); !p.done; {
			page, err := c.snap.page(ctx, &p)
			if err != nil {
				yield(api.Agent{}, err)
				return
			}
			for _, a := range page {
				if !yield(a, nil) {
					return
				}
			}
		}
	}
}

// AgentByExternalID looks an agent up, in one request. It trusts no filter: of a
// server that ignores it, all pages are looked through.
func (c *Client) AgentByExternalID(ctx context.Context, externalID string) (a api.Agent, found bool, err error) {
	if externalID == "" {
		return api.Agent{}, false, errors.New("an external id is needed to look an agent up")
	}
	ext, err := c.extended(ctx)
	if err != nil {
		return api.Agent{}, false, err
	}
	if !ext {
		return c.byMarker(ctx, externalID)
	}
	p := pager{filter: api.Filter{{Attribute: "externalId", Op: "eq", Value: externalID}}.String()}
	var ours []api.Agent
	for filtered := false; !filtered && !p.done; {
		page, err := c.snap.page(ctx, &p)
		if err != nil {
			return api.Agent{}, false, err
		}
		filtered = true
		for _, a := range page {
			if a.ExternalID == externalID {
				ours = append(ours, a)
			} else {
				filtered = false
			}
		}
	}
	return only(ours, externalID)
}

// only is the one agent that has an external id.
func only(ours []api.Agent, externalID string) (a api.Agent, found bool, err error) {
	switch len(ours) {
	case 0:
		return api.Agent{}, false, nil
	case 1:
		return ours[0], true, nil
	default:
		return api.Agent{}, false, fmt.Errorf("%d agents have the external id %q, %s and %s among them", len(ours), externalID, ours[0].ID, ours[1].ID)
	}
}

// PatchAgent changes an agent. A change of the password is sent once.
func (c *Client) PatchAgent(ctx context.Context, id string, ops []api.Operation) (api.Agent, error) {
	if err := c.mayWrite(ctx, id); err != nil {
		return api.Agent{}, err
	}
	if ext, err := c.extended(ctx); err == nil && !ext {
		if ops, err = c.plainOperations(ctx, id, ops); err != nil {
			return api.Agent{}, err
		}
	}
	body := api.Patch{Schemas: []string{api.SchemaPatch}, Operations: ops}
	r := call{method: http.MethodPatch, path: api.PathAgent(id), body: body, effect: replays}
	if slices.ContainsFunc(ops, setsPassword) {
		r.effect, r.shielded = once, true
	}
	return write[api.Agent](ctx, c, id, r)
}

// ReplaceAgent puts a whole agent in the place of the one with its id. A change
// of the password is sent once.
func (c *Client) ReplaceAgent(ctx context.Context, a api.Agent) (api.Agent, error) {
	err := checkID("an agent", a.ID)
	if err != nil {
		return api.Agent{}, err
	}
	ext, err := c.extended(ctx)
	if err == nil && !ext {
		a, err = marked(a)
	}
	if err != nil {
		return api.Agent{}, err
	}
	r := call{method: http.MethodPut, path: api.PathAgent(a.ID), body: a, effect: replays}
	if !a.Password.IsZero() {
		r.effect, r.shielded = once, true
	}
	return write[api.Agent](ctx, c, a.ID, r)
}

// DeleteAgent deletes an agent. With an owner token, only that owner's.
func (c *Client) DeleteAgent(ctx context.Context, id, ownerToken string) error {
	r := call{method: http.MethodDelete, path: api.PathAgent(id), effect: replays}
	if ownerToken != "" {
		r.header = map[string]string{api.HeaderOwnerToken: ownerToken}
	}
	_, err := write[nothing](ctx, c, id, r)
	return err
}

// write sends a call that changes an agent, if it is one. What was read of the
// agent before is forgotten, however the call ends.
func write[T any](ctx context.Context, c *Client, id string, r call) (T, error) {
	if err := c.mayWrite(ctx, id); err != nil {
		var none T
		return none, err
	}
	ext, err := c.extended(ctx)
	if err != nil {
		var none T
		return none, err
	}
	if ext {
		r.needs = scopesExtension
	}
	c.snap.begin(id)
	v, err := do[T](ctx, c, r)
	alone := c.snap.drop(id)
	if a, isAgent := any(&v).(*api.Agent); isAgent && err == nil {
		if a.ID == "" { // the answer was a status alone
			if *a, err = c.snap.get(context.WithoutCancel(ctx), id); err != nil {
				return v, fmt.Errorf("%w: it was accepted, and then the agent could not be read: %w", ErrAmbiguous, err)
			}
		}
		*a = c.seen(*a)
		if setsOne(r.body) {
			c.snap.set(*a)
		}
		if alone && !ext { // what a plain WSO2 server answers to a write is the whole agent
			c.snap.keep([]api.Agent{*a}, c.snap.number())
		}
	}
	return v, err
}

// setsOne reports whether a body sets a password.
func setsOne(body any) bool {
	switch b := body.(type) {
	case api.Patch:
		return slices.ContainsFunc(b.Operations, setsPassword)
	case api.Agent:
		return !b.Password.IsZero()
	}
	return false
}

// mayWrite holds an id that may be a person's away from every write. Our
// reference server knows nothing but agents; of a WSO2 server, anything that
// showed the id as an agent's in this run is proof, else one GET.
func (c *Client) mayWrite(ctx context.Context, id string) error {
	if err := checkID("an agent", id); err != nil {
		return err
	}
	if ext, err := c.extended(ctx); err != nil || ext || c.snap.proven(id) {
		return err
	}
	a, err := c.snap.get(ctx, id)
	if err == nil && !a.IsAgent() {
		return fmt.Errorf("%w: the user name of %s does not start with %s", ErrNotAgent, id, api.UserNamePrefix)
	}
	return err
}
