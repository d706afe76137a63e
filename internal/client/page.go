package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// pageSize is the default and the limit of a WSO2 store.
const pageSize = 100

// wholeAgent asks a server with our extension for everything, what there is of
// its credentials included: naming one attribute leaves out those not named. id and
// schemas always come.
var wholeAgent = strings.Join([]string{
	"externalId", "userName", "active", "meta", "roles",
	api.SchemaWSO2Agent, api.SchemaWSO2, api.SchemaCredentials,
	api.AttrSecrets, api.AttrKeys, api.AttrCertificates,
}, ",")

// reading is a read of agents. A plain WSO2 server sends everything that it has
// when it is asked for nothing.
func (c *Client) reading(ctx context.Context, path string) (call, error) {
	r := call{method: http.MethodGet, path: path, query: url.Values{}, effect: reads}
	ext, err := c.extended(ctx)
	if ext {
		r.query.Set("attributes", wholeAgent)
		r.needs = scopesExtension
	}
	return r, err
}

func (c *Client) getAgent(ctx context.Context, id string) (api.Agent, error) {
	r, err := c.reading(ctx, api.PathAgent(id))
	if err != nil {
		return api.Agent{}, err
	}
	a, err := do[api.Agent](ctx, c, r)
	return c.seen(a), err
}

// pager walks through the pages of a list. Its zero value is before the first
// page of all agents.
type pager struct {
	filter string
	passed int // resources so far; servers may give smaller pages than asked for
	seen   map[string]bool
	done   bool
}

// next gives the agents of the next page that were not on an earlier one. The
// end is a page that has none: totalResults is the size of the page on some
// stores, and a server that ignores startIndex would never end.
func (p *pager) next(ctx context.Context, c *Client) ([]api.Agent, error) {
	r, err := c.reading(ctx, api.PathAgents)
	if err != nil {
		return nil, err
	}
	r.query.Set("startIndex", strconv.Itoa(p.passed+1))
	r.query.Set("count", strconv.Itoa(pageSize))
	if p.filter != "" {
		r.query.Set("filter", p.filter)
	}
	list, err := do[api.List[api.Agent]](ctx, c, r)
	if err != nil {
		return nil, err
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	var fresh []api.Agent
	for _, a := range list.Resources {
		if !p.seen[a.ID] {
			p.seen[a.ID] = true
			fresh = append(fresh, c.seen(a))
		}
	}
	p.passed += len(list.Resources)
	p.done = len(fresh) == 0
	return fresh, nil
}
