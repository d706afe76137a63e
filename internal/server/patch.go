package server

import (
	"encoding/json"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// maxOperations bounds a PATCH.
const maxOperations = 100

// patchOf is the change that a PatchOp asks for (RFC 7644 §3.5.2), in the
// forms that clients of WSO2 send: with a path, or with an object of
// attributes, nested by schema or not. Operations apply in their order.
func patchOf(profile *Profile, id string, p api.Patch) (change, error) {
	c := change{profile: profile, manner: patching, id: id}
	if len(p.Operations) == 0 {
		return c, invalid(api.TypeInvalidSyntax, "A PATCH needs Operations.")
	}
	if len(p.Operations) > maxOperations {
		return c, invalid(api.TypeInvalidSyntax, "A PATCH can have %d operations, not %d.", maxOperations, len(p.Operations))
	}
	for _, op := range p.Operations {
		if err := c.operation(op); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *change) operation(op api.Operation) error {
	v := value{named: op.Path, raw: op.Value}
	switch strings.ToLower(op.Op) {
	case "add":
		v.add = true
	case "replace":
	case "remove":
		v.remove, v.raw = true, nil
	default:
		return invalid(api.TypeInvalidSyntax, "The operation %q is not one of add, replace, remove.", op.Op)
	}
	switch {
	case op.Path != "" && len(v.raw) == 0 && !v.remove:
		return invalid(api.TypeInvalidValue, "The operation %s of %s needs a value.", op.Op, op.Path)
	case op.Path != "":
		return c.set(parsePath(op.Path), v)
	case v.remove:
		return invalid(api.TypeNoTarget, "A remove needs a path.")
	}
	v.named = "The value of an operation without a path"
	var members map[string]json.RawMessage
	if len(v.raw) == 0 || v.read(&members, "") != nil || members == nil {
		return invalid(api.TypeInvalidSyntax, "%s must be an object of attributes.", v.named)
	}
	return c.members("", members, v.add)
}
