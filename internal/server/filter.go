package server

import (
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// Limits of a filter.
const (
	maxFilter      = 4096 // bytes
	maxComparisons = 20
)

// fields are the attributes that a filter can look at, in lower case. The
// members of WSO2's agent schema can stand without its URN, as on WSO2.
var fields = map[attrPath]authority.Field{
	{"", "id"}:          authority.FieldID,
	{"", "externalid"}:  authority.FieldExternalID,
	{"", "displayname"}: authority.FieldDisplayName,
	{"", "description"}: authority.FieldDescription,
	{"", "owner"}:       authority.FieldOwner,

	{api.SchemaWSO2Agent, "displayname"}: authority.FieldDisplayName,
	{api.SchemaWSO2Agent, "description"}: authority.FieldDescription,
	{api.SchemaWSO2Agent, "owner"}:       authority.FieldOwner,
}

// conditions reads a filter. some is false when no agent can meet it.
func conditions(filter string) (where []authority.Condition, some bool, err error) {
	parsed, err := parseFilter(filter)
	if err != nil {
		return nil, false, err
	}
	for _, cmp := range parsed {
		p := parsePath(cmp.Attribute)
		cond := authority.Condition{Op: authority.Op(cmp.Op), Value: cmp.Value}
		lower := attrPath{p.schema, strings.ToLower(p.name)}
		switch field, known := fields[lower]; {
		case lower == attrPath{"", "username"}:
			ok := false
			if cond, ok = byUserName(cond); !ok {
				return nil, false, nil
			}
		case known:
			cond.Field = field
		case p.schema == api.SchemaWSO2Agent && fitName(p.name) && lower.name != "isuserservingagent":
			cond.Field = authority.FieldAttribute + authority.Field(p.name)
		default:
			return nil, false, invalid(api.TypeInvalidFilter, "Agents cannot be filtered by %q.", cmp.Attribute)
		}
		where = append(where, cond)
	}
	return where, true, nil
}

// parseFilter reads a filter that is not too long.
func parseFilter(filter string) (api.Filter, error) {
	if len(filter) > maxFilter {
		return nil, invalid(api.TypeInvalidFilter, "The filter has %d bytes; %d are possible.", len(filter), maxFilter)
	}
	parsed, err := api.ParseFilter(filter)
	if err != nil {
		return nil, invalid(api.TypeInvalidFilter, "The filter cannot be read: %v.", err)
	}
	if len(parsed) > maxComparisons {
		return nil, invalid(api.TypeInvalidFilter, "The filter has %d comparisons; %d are possible.", len(parsed), maxComparisons)
	}
	return parsed, nil
}

// byUserName turns a comparison with the user name, which is "AGENT/" and the
// id, into one with the id; letter case does not matter in it. ok is false when
// no agent can meet it.
func byUserName(c authority.Condition) (cond authority.Condition, ok bool) {
	prefix, v := strings.ToLower(api.UserNamePrefix), strings.ToLower(c.Value)
	c.Field = authority.FieldID
	head, tail, slash := strings.Cut(v, "/")
	head += "/"
	switch c.Op {
	case "eq":
		c.Value, ok = strings.CutPrefix(v, prefix)
	case "sw":
		if c.Value, ok = strings.CutPrefix(v, prefix); !ok {
			c.Value, ok = "", strings.HasPrefix(prefix, v)
		}
	case "ew":
		c.Value, ok = v, true
		if slash {
			c.Op, c.Value, ok = "eq", tail, strings.HasSuffix(prefix, head)
		}
	default:
		c.Value, ok = v, true
		switch {
		case slash:
			c.Op, c.Value, ok = "sw", tail, strings.HasSuffix(prefix, head)
		case strings.Contains(prefix, v):
			c.Value = ""
		}
	}
	return c, ok
}
