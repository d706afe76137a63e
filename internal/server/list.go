package server

import (
	"net/url"
	"strconv"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// defaultCount is the size of a page when nobody asks for another.
const defaultCount = 100

func (s *Server) listAgents(c *call) (any, error) {
	in, err := searchOf(c.query)
	if err != nil {
		return nil, err
	}
	return c.list(in)
}

func (s *Server) searchAgents(c *call, in api.SearchRequest) (any, error) {
	if err := c.wants(in.Attributes, in.ExcludedAttributes); err != nil {
		return nil, err
	}
	return c.list(in)
}

// searchOf reads a query as if it were the body of a search. What it does not
// know it ignores, as WSO2 does: "domain" above all.
func searchOf(query url.Values) (api.SearchRequest, error) {
	in := api.SearchRequest{
		Filter:    query.Get("filter"),
		SortBy:    query.Get("sortBy"),
		SortOrder: query.Get("sortOrder"),
	}
	for name, field := range map[string]**int{"startIndex": &in.StartIndex, "count": &in.Count} {
		if !query.Has(name) {
			continue
		}
		n, err := strconv.Atoi(query.Get(name))
		if err != nil {
			return in, invalid(api.TypeInvalidValue, "%s must be a whole number.", name)
		}
		*field = &n
	}
	return in, nil
}

// list answers with a page.
func (c *call) list(in api.SearchRequest) (any, error) {
	want := c.want
	if in.SortBy != "" || in.SortOrder != "" {
		return nil, notImplemented("Sorting is not supported")
	}
	where, some, err := conditions(in.Filter)
	if err != nil {
		return nil, err
	}
	start, count := window(in, c.profile.maxCount)
	body := api.List[api.Agent]{Schemas: []string{api.SchemaList}, StartIndex: start}
	// With a count of 0 WSO2 answers a total of 0, not the true one.
	if !some || count == 0 {
		return body, nil
	}
	q := authority.Query{Along: want.along}
	q.Where, q.Offset, q.Limit = where, start-1, count
	page, err := c.authority.Agents(c.Context(), q)
	if err != nil {
		return nil, err
	}
	for _, a := range page.Agents {
		body.Resources = append(body.Resources, want.of(c.profile.agent(c, a)))
	}
	body.TotalResults, body.ItemsPerPage = page.Total, len(page.Agents)
	return body, nil
}

// window is where the page starts, 1 being the first agent, and how long it
// may be. A page that is too long is cut: clients go on until one is empty.
func window(in api.SearchRequest, most int) (start, count int) {
	start, count = 1, defaultCount
	if in.StartIndex != nil {
		start = max(1, *in.StartIndex)
	}
	if in.Count != nil {
		count = min(max(0, *in.Count), most)
	}
	return start, count
}
