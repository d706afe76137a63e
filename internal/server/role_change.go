package server

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// wholeRole is what a POST or a PUT of a role asks for. Members stays nil where
// no users are named.
func (c *call) wholeRole(in api.RoleResource) (step authority.RoleChange, err error) {
	if in.DisplayName == "" {
		return step, invalid(api.TypeInvalidValue, "displayName is required.")
	}
	if a := in.Audience; a != nil && a.Type != "" && !strings.EqualFold(a.Type, api.AudienceOrganization) {
		return step, invalid(api.TypeInvalidValue, "There are no applications here: the audience of a role is of the type %s, not %.200q.", api.AudienceOrganization, a.Type)
	}
	if len(in.Groups) > 0 {
		return step, noGroups()
	}
	step.Name = &in.DisplayName
	scopes, err := values("permissions", in.Permissions)
	if err != nil {
		return step, err
	}
	step.Scopes = &scopes
	if in.Users != nil {
		ids, err := values("users", in.Users)
		if err != nil {
			return step, err
		}
		step.Members = &ids
		if err := c.mayAssign(); err != nil {
			return step, err
		}
	}
	return step, nil
}

func noGroups() *api.Error {
	return invalid(api.TypeInvalidValue, "There are no groups here: give the role to agents, by users.")
}

// roleSteps are what a PatchOp asks of a role, in its order.
func roleSteps(p api.Patch, one func(api.Operation) (authority.RoleChange, error)) (steps []authority.RoleChange, err error) {
	if len(p.Operations) == 0 {
		return nil, invalid(api.TypeInvalidSyntax, "A PATCH needs Operations.")
	}
	if len(p.Operations) > maxOperations {
		return nil, invalid(api.TypeInvalidSyntax, "A PATCH can have %d operations, not %d.", maxOperations, len(p.Operations))
	}
	for _, op := range p.Operations {
		op.Op = strings.ToLower(op.Op)
		if !slices.Contains([]string{"add", "replace", "remove"}, op.Op) {
			return nil, invalid(api.TypeInvalidSyntax, "The operation %.200q is not one of add, replace, remove.", op.Op)
		}
		step, err := one(op)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// usersOperation is one operation at …/Users, where the path may be left out, or
// be the filter of one member alone.
func usersOperation(op api.Operation) (authority.RoleChange, error) {
	path := strings.TrimSpace(op.Path)
	switch {
	case path == "":
		op.Path = "users"
	case strings.HasPrefix(strings.ToLower(path), "value "):
		op.Path = "users[" + path + "]"
	}
	attr, _ := splitPath(op.Path)
	if attr != "users" {
		return authority.RoleChange{}, invalid(api.TypeInvalidPath, "The path %.200q is not one of users.", op.Path)
	}
	return roleOperation(op)
}

// roleOperation is one operation at a role: with a path, or with an object of
// attributes.
func roleOperation(op api.Operation) (step authority.RoleChange, err error) {
	if op.Path != "" {
		return step, setRole(&step, op)
	}
	if op.Op == "remove" {
		return step, invalid(api.TypeNoTarget, "A remove needs a path.")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(op.Value, &members) != nil || members == nil {
		return step, invalid(api.TypeInvalidSyntax, "The value of an operation without a path must be an object of attributes.")
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := setRole(&step, api.Operation{Op: op.Op, Path: name, Value: members[name]}); err != nil {
			return step, err
		}
	}
	return step, nil
}

// setRole takes what an operation says of one attribute.
func setRole(step *authority.RoleChange, op api.Operation) error {
	attr, filter := splitPath(op.Path)
	switch attr {
	case "displayname":
		var name string
		if op.Op == "remove" || filter != "" || json.Unmarshal(op.Value, &name) != nil || name == "" {
			return invalid(api.TypeInvalidValue, "displayName must be a string that is not empty.")
		}
		step.Name = &name
		return nil
	case "users":
		return setMany(op, filter, &step.Members, &step.Add, &step.Remove)
	case "permissions":
		return setMany(op, filter, &step.Scopes, &step.MoreScopes, &step.LessScopes)
	case "groups":
		return noGroups()
	case "audience", "id", "meta", "schemas":
		return immutable(op.Path)
	}
	return invalid(api.TypeInvalidPath, "The attribute %.200q is not known for roles.", op.Path)
}

// setMany takes what an operation says of a list. A remove takes what its path
// names, or its value; one that names nothing takes everything, as on WSO2.
func setMany(op api.Operation, filter string, all **[]string, more, less *[]string) error {
	if filter != "" {
		one, ok := byValue(filter)
		if !ok || op.Op != "remove" {
			return invalid(api.TypeInvalidPath, "The path %.200q is not understood: a remove can have %s[value eq \"…\"].", op.Path, cutPath(op.Path))
		}
		*less = append(*less, one)
		return nil
	}
	if op.Op == "remove" && (len(op.Value) == 0 || string(op.Value) == "null") {
		*all = &[]string{}
		return nil
	}
	var given []api.Reference
	if json.Unmarshal(op.Value, &given) != nil {
		var one api.Reference
		if json.Unmarshal(op.Value, &one) != nil {
			return invalid(api.TypeInvalidValue, "%.200s must be a list of objects that have a value.", op.Path)
		}
		given = []api.Reference{one}
	}
	list, err := values(op.Path, given)
	switch {
	case err != nil:
		return err
	case op.Op == "add":
		*more = append(*more, list...)
	case op.Op == "remove":
		*less = append(*less, list...)
	default:
		*all = &list
	}
	return nil
}

// splitPath is the attribute of a path, in lower case, and the filter behind it.
func splitPath(path string) (attr, filter string) {
	path = strings.TrimLeft(cutFold(strings.TrimSpace(path), api.SchemaRole), ":.")
	attr, rest, filtered := strings.Cut(path, "[")
	if filtered {
		inner, closed := strings.CutSuffix(strings.TrimSpace(rest), "]")
		if filter = inner; !closed || inner == "" {
			filter = "?" // which nothing is
		}
	}
	return strings.ToLower(strings.TrimSpace(attr)), filter
}

func cutPath(path string) string { attr, _ := splitPath(path); return attr }

// byValue is the value that a filter compares with.
func byValue(filter string) (string, bool) {
	parsed, err := api.ParseFilter(filter)
	if err != nil || len(parsed) != 1 || !strings.EqualFold(parsed[0].Attribute, "value") || parsed[0].Op != "eq" {
		return "", false
	}
	return parsed[0].Value, fitWord(parsed[0].Value)
}

// values are the values of references.
func values(what string, list []api.Reference) ([]string, error) {
	out := make([]string, len(list))
	for i, r := range list {
		if !fitWord(r.Value) {
			return nil, invalid(api.TypeInvalidValue, "Number %d of %.200s has the value %.200q: 1 to 200 characters of ASCII are needed, without spaces.", i+1, what, r.Value)
		}
		out[i] = r.Value
	}
	return out, nil
}

// fitWord reports whether a text can be an id or a scope.
func fitWord(text string) bool { return chosen(text) != "" }
