package server

import (
	"net/url"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// selection is which parts of an agent an answer shows, by the names of the
// members at the top: SCIM's attributes and excludedAttributes. id and schemas
// are always there, and a password that was made just now: it is shown once.
type selection struct {
	only   []string        // lower case; empty: all
	except []string        // lower case
	along  authority.Along // the credentials that were asked for by name
}

// selectionOf reads lists of attribute names, each a comma-separated text.
// Names that nobody knows select nothing.
func selectionOf(attributes, excluded []string) selection {
	var want selection
	for _, name := range names(attributes) {
		p := parsePath(name)
		want.only = append(want.only, p.top())
		if p.schema != api.SchemaCredentials {
			continue
		}
		switch strings.ToLower(p.name) {
		case "secrets":
			want.along.Secrets = true
		case "keys":
			want.along.Keys = true
		case "certificates":
			want.along.Certificates = true
		}
	}
	for _, name := range names(excluded) {
		// A part of a member is left in: showing more is the smaller fault.
		if p := parsePath(name); p.schema == "" || p.name == "" {
			want.except = append(want.except, strings.ToLower(p.schema+p.name))
		}
	}
	return want
}

// names splits lists of names.
func names(lists []string) []string {
	var out []string
	for name := range strings.SplitSeq(strings.Join(lists, ","), ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// top is the member at the top that holds the attribute, in lower case.
func (p attrPath) top() string {
	if p.schema != "" {
		return strings.ToLower(p.schema)
	}
	head, _, _ := strings.Cut(p.name, ".")
	return strings.ToLower(head)
}

// shows reports whether a member is to be shown.
func (want selection) shows(name string) bool {
	name = strings.ToLower(name)
	return (len(want.only) == 0 || slices.Contains(want.only, name)) && !slices.Contains(want.except, name)
}

// of leaves out what was not asked for.
func (want selection) of(a api.Agent) api.Agent {
	for _, part := range []struct {
		name  string
		clear func()
	}{
		{"externalId", func() { a.ExternalID = "" }},
		{"userName", func() { a.UserName = "" }},
		{"active", func() { a.Active = nil }},
		{"meta", func() { a.Meta = nil }},
		{"roles", func() { a.Roles = nil }},
		{api.SchemaWSO2Agent, func() { a.Profile = api.AgentProfile{} }},
		{api.SchemaWSO2, func() { a.System = nil }},
		{api.SchemaCredentials, func() { a.Extension = nil }},
	} {
		if !want.shows(part.name) {
			part.clear()
		}
	}
	return a
}

// readQuery takes the query before anything is done: a create must not fail
// after it made an agent. url.Query would drop what it cannot read.
func (c *call) readQuery() error {
	var err error
	if c.query, err = url.ParseQuery(c.URL.RawQuery); err != nil {
		return invalid(api.TypeInvalidSyntax, "The query of the URL cannot be read.")
	}
	return c.wants(c.query["attributes"], c.query["excludedAttributes"])
}

// wants takes what the caller wants to see of an agent, and refuses a caller
// who asks for what is known of credentials and may not.
func (c *call) wants(attributes, excluded []string) error {
	c.want = selectionOf(attributes, excluded)
	if !c.profile.credentials {
		c.want.along = authority.Along{}
	}
	if c.want.along == (authority.Along{}) {
		return nil
	}
	return c.need(api.ScopeCredentialView)
}
