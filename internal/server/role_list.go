package server

import (
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

func (s *Server) listRoles(c *call) (any, error) {
	in, err := searchOf(c.query)
	if err != nil {
		return nil, err
	}
	return c.listRoles(in)
}

func (s *Server) searchRoles(c *call, in api.SearchRequest) (any, error) {
	c.want = selectionOf(in.Attributes, in.ExcludedAttributes)
	return c.listRoles(in)
}

// listRoles answers with a page. Users and permissions are in it when they are
// asked for by name.
func (c *call) listRoles(in api.SearchRequest) (any, error) {
	if in.SortBy != "" || in.SortOrder != "" {
		return nil, notImplemented("Sorting is not supported.")
	}
	where, some, err := c.roleConditions(in.Filter)
	if err != nil {
		return nil, err
	}
	start, count := window(in, c.profile.maxCount)
	body := api.List[api.RoleResource]{Schemas: []string{api.SchemaList}, StartIndex: start}
	if !some || count == 0 { // WSO2 counts nothing then
		return body, nil
	}
	named := func(name string) bool { return slices.Contains(c.want.only, name) }
	q := authority.RoleQuery{Members: named("users")}
	q.Where, q.Offset, q.Limit = where, start-1, count
	page, err := c.roles(q)
	if err != nil {
		return nil, err
	}
	for _, r := range page.Roles {
		body.Resources = append(body.Resources, c.roleWith(r, named))
	}
	body.TotalResults, body.ItemsPerPage = page.Total, len(page.Roles)
	return body, nil
}

// roleConditions reads a filter of roles. some is false when no role can meet
// it. All roles here have one audience, which is not looked up.
func (c *call) roleConditions(filter string) (where []authority.Condition, some bool, err error) {
	parsed, err := parseFilter(filter)
	if err != nil {
		return nil, false, err
	}
	for _, cmp := range parsed {
		name := strings.ToLower(strings.TrimLeft(cutFold(cmp.Attribute, api.SchemaRole), ":."))
		cond := authority.Condition{Op: authority.Op(cmp.Op), Value: cmp.Value}
		switch name {
		case "displayname":
			cond.Field = authority.FieldDisplayName
		case "id":
			cond.Field = authority.FieldID
		case "audience.type", "audience.value":
			value := api.AudienceOrganization
			if name == "audience.value" {
				value = c.authority.StoreID()
			}
			if !meets(cond, value) {
				return nil, false, nil
			}
			continue
		default:
			return nil, false, invalid(api.TypeInvalidFilter, "Filtering based on attribute: %.200s is not supported.", cmp.Attribute)
		}
		where = append(where, cond)
	}
	return where, true, nil
}

// meets compares one value with a condition.
func meets(c authority.Condition, value string) bool {
	switch c.Op {
	case "co":
		return strings.Contains(value, c.Value)
	case "sw":
		return strings.HasPrefix(value, c.Value)
	case "ew":
		return strings.HasSuffix(value, c.Value)
	default:
		return value == c.Value
	}
}

// cutFold cuts a prefix off, whatever its letter case.
func cutFold(text, prefix string) string {
	if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		return text[len(prefix):]
	}
	return text
}
