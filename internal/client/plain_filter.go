package client

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// A filter is written as for our own server: the members of the agent schema
// can stand without its URN, and there are external ids. A plain WSO2 server
// takes a member without the URN for an attribute of users with the same name,
// and finds nobody, and external ids are in descriptions. So what is sent to it
// is another filter, and comparisons with descriptions are decided here.

// ofUsers are the attributes that agents have because they are users, in lower
// case.
var ofUsers = []string{"id", "username", "active", "schemas", "meta", "roles", "groups"}

// plainly turns a filter into the one that a plain WSO2 server gets. What it
// finds must hold for ours, too.
func plainly(f api.Filter) (sent, ours api.Filter) {
	for _, c := range f {
		name, member := strings.CutPrefix(c.Attribute, api.SchemaWSO2Agent)
		name = strings.TrimLeft(name, ":.")
		first, _, _ := strings.Cut(strings.ToLower(name), ".")
		switch {
		case !member && strings.Contains(name, ":"), !member && slices.Contains(ofUsers, first):
			sent = append(sent, c)
		case !member && strings.EqualFold(name, "externalId"):
			c.Attribute = "externalId"
			ours = append(ours, c)
			sent = append(sent, about(api.Marker(""), c))
		case strings.EqualFold(name, "Description"):
			c.Attribute = "Description"
			ours = append(ours, c)
			if c.Value != "" {
				sent = append(sent, about("", c))
			}
		default:
			for _, known := range []string{"DisplayName", "Owner"} {
				if strings.EqualFold(name, known) {
					name = known
				}
			}
			sent = append(sent, api.Comparison{Attribute: api.SchemaWSO2Agent + "." + name, Op: c.Op, Value: c.Value})
		}
	}
	return sent, ours
}

// about is what a description must contain for a comparison to hold, with what
// stands before the value in it.
func about(before string, c api.Comparison) api.Comparison {
	text := before
	switch c.Op {
	case "eq", "sw":
		text += c.Value
	default:
		if before == "" {
			text = c.Value
		}
	}
	return api.Comparison{Attribute: api.SchemaWSO2Agent + ".Description", Op: "co", Value: text}
}

// holds reports whether comparisons with descriptions and external ids hold.
func holds(ours api.Filter, a api.Agent) bool {
	return !slices.ContainsFunc(ours, func(c api.Comparison) bool {
		have := a.Profile.Description
		if c.Attribute == "externalId" {
			if have = a.ExternalID; have == "" {
				return true // no external id at all
			}
		}
		switch c.Op {
		case "eq":
			return have != c.Value
		case "co":
			return !strings.Contains(have, c.Value)
		case "sw":
			return !strings.HasPrefix(have, c.Value)
		default:
			return !strings.HasSuffix(have, c.Value)
		}
	})
}

// findPlain is FindAgents on a plain WSO2 server.
func (c *Client) findPlain(ctx context.Context, f api.Filter) iter.Seq2[api.Agent, error] {
	sent, ours := plainly(f)
	return func(yield func(api.Agent, error) bool) {
		p := pager{filter: sent.String()}
		for !p.done {
			page, err := c.snap.page(ctx, &p)
			if len(ours) > 0 && p.passed == 0 && p.filter != "" && refusesFilter(err) {
				// It does not filter by descriptions.
				rest := slices.DeleteFunc(slices.Clone(sent), func(s api.Comparison) bool { return s.Attribute == api.SchemaWSO2Agent+".Description" }).String()
				if rest != p.filter {
					p.filter = rest
					continue
				}
			}
			if err != nil {
				yield(api.Agent{}, err)
				return
			}
			for _, a := range page {
				if len(ours) > 0 && bare(a) { // a list of names
					if a, err = c.snap.get(ctx, a.ID); err != nil {
						yield(api.Agent{}, err)
						return
					}
				}
				if holds(ours, a) && !yield(a, nil) {
					return
				}
			}
		}
	}
}
