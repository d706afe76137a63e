package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// A plain WSO2 server has no external ids, and refuses no second agent with the
// same one. Here both are made up for it: the external id stands in the
// description (api.Mark), and who reads an agent sees none of that.

const pathDescription = api.SchemaWSO2Agent + ":Description"

// seen is an agent as its reader shall see it. What stands in active of a plain
// WSO2 server blocks nobody: accountLocked alone does.
func (c *Client) seen(a api.Agent) api.Agent {
	if c.server.load().Kind != KindWSO2 {
		return a
	}
	a.Active = nil
	if description, id := api.Unmark(a.Profile.Description); id != "" {
		a.Profile.Description, a.ExternalID = description, id
	}
	return a
}

// marked is an agent as a plain WSO2 server gets it.
func marked(a api.Agent) (api.Agent, error) {
	text, err := api.Mark(a.Profile.Description, a.ExternalID)
	a.Profile.Description, a.ExternalID, a.Extension = text, "", nil
	return a, err
}

// createPlain makes an agent of a plain WSO2 server. With an external id it
// looks for the agent before, and again when it is not known what became of the
// request: there is nothing else that would keep it from being made twice.
func (c *Client) createPlain(ctx context.Context, a api.Agent) (api.Agent, error) {
	key := a.ExternalID
	body, err := marked(a)
	if err != nil {
		return api.Agent{}, err
	}
	if key != "" {
		defer c.marks.hold(key)()
		id, err := c.marks.find(ctx, c, key)
		if err != nil {
			return api.Agent{}, fmt.Errorf("look for an agent with the external id %q: %w", key, err)
		}
		if id != "" {
			return api.Agent{}, &api.Error{Status: http.StatusConflict, ScimType: api.TypeUniqueness,
				Message: fmt.Sprintf("the external id %q belongs to agent %s already", key, id)}
		}
	}
	made, err := do[api.Agent](ctx, c, call{method: http.MethodPost, path: api.PathAgents, body: body, shielded: true})
	if errors.Is(err, ErrAmbiguous) && key != "" {
		if found, there, lookErr := c.byMarker(context.WithoutCancel(ctx), key); lookErr == nil && there {
			made, err = found, nil
		}
	}
	if err != nil {
		return made, err
	}
	made = c.seen(made)
	c.marks.add(key, made.ID)
	kept := made
	kept.Password = secret.Text{}
	c.snap.keep([]api.Agent{kept}, c.snap.number())
	return made, nil
}

// byMarker looks an agent of a plain WSO2 server up by its external id.
func (c *Client) byMarker(ctx context.Context, key string) (a api.Agent, found bool, err error) {
	var ours []api.Agent
	for other, err := range c.withMarker(ctx, api.Marker(key)) {
		if err != nil {
			return api.Agent{}, false, err
		}
		if other.ExternalID == key {
			ours = append(ours, other)
		}
	}
	return only(ours, key)
}

// withMarker yields the agents with a text in their descriptions, and others
// too where the server filters not so, or not at all.
func (c *Client) withMarker(ctx context.Context, text string) func(func(api.Agent, error) bool) {
	return func(yield func(api.Agent, error) bool) {
		filter := api.Filter{{Attribute: api.SchemaWSO2Agent + ".Description", Op: "co", Value: text}}
		p := pager{filter: filter.String()}
		for !p.done {
			page, err := c.snap.page(ctx, &p)
			if p.filter != "" && p.passed == 0 && refusesFilter(err) {
				p.filter = ""
				continue
			}
			if err != nil {
				yield(api.Agent{}, err)
				return
			}
			for _, a := range page {
				if bare(a) { // a list of names: the text may be there all the same
					if a, err = c.snap.get(ctx, a.ID); err != nil {
						yield(api.Agent{}, err)
						return
					}
				}
				if !yield(a, nil) {
					return
				}
			}
			// Servers bound a page as they like, but not to one. The next that
			// is asked for shows whether this was the last.
			if len(page) == 1 && strings.Contains(api.Marker(page[0].ExternalID), text) {
				return
			}
		}
	}
}

// refusesFilter reports whether the server does not filter so.
func refusesFilter(err error) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotImplemented)
}

// marks knows which agents have which external id, for creates. The first are
// looked up one by one; then all that have one are listed.
type marks struct {
	flights flights[nothing]

	mu     sync.Mutex
	looked int
	all    map[string]string // ids by external id; nil: not listed yet
	held   map[string]*sync.Mutex
}

// hold keeps two creates with one key from passing each other.
func (m *marks) hold(key string) (release func()) {
	m.mu.Lock()
	if m.held == nil {
		m.held = map[string]*sync.Mutex{}
	}
	if m.held[key] == nil {
		m.held[key] = &sync.Mutex{}
	}
	lock := m.held[key]
	m.mu.Unlock()
	lock.Lock()
	return lock.Unlock
}

// find gives the id of the agent with an external id; "" for none.
func (m *marks) find(ctx context.Context, c *Client, key string) (string, error) {
	m.mu.Lock()
	id, listed := m.all[key], m.all != nil
	single := m.looked < singleReads
	m.looked++
	m.mu.Unlock()
	if listed {
		return id, nil
	}
	if single {
		a, _, err := c.byMarker(ctx, key)
		return a.ID, err
	}
	if _, err := m.flights.do(ctx, "", func(ctx context.Context) (nothing, error) { return nothing{}, m.list(ctx, c) }); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[key], nil
}

func (m *marks) list(ctx context.Context, c *Client) error {
	m.mu.Lock()
	listed := m.all != nil
	m.mu.Unlock()
	if listed {
		return nil
	}
	all := map[string]string{}
	for a, err := range c.withMarker(ctx, api.Marker("")) {
		if err != nil {
			return err
		}
		if a.ExternalID != "" {
			all[a.ExternalID] = a.ID
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = all
	return nil
}

func (m *marks) add(key, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all != nil && key != "" {
		m.all[key] = id
	}
}

// plainOperations are the operations of a PATCH for a plain WSO2 server:
// description and external id are one text there.
func (c *Client) plainOperations(ctx context.Context, id string, ops []api.Operation) ([]api.Operation, error) {
	var rest []api.Operation
	var description, key *string
	for _, op := range ops {
		var to **string
		switch op.Path {
		case pathDescription:
			to = &description
		case "externalId":
			to = &key
		default:
			rest = append(rest, op)
			continue
		}
		text, err := op.Text()
		if err != nil {
			return nil, err
		}
		*to = &text
	}
	if description == nil && key == nil {
		return ops, nil
	}
	have, err := c.snap.read(ctx, id)
	if err != nil {
		return nil, err
	}
	if description == nil {
		description = &have.Profile.Description
	}
	if key == nil {
		key = &have.ExternalID
	}
	text, err := api.Mark(*description, *key)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return append(rest, api.Operation{Op: "remove", Path: pathDescription}), nil
	}
	return append(rest, api.Replace(pathDescription, text)), nil
}
