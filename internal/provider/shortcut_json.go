package provider

import (
	"bytes"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// fits reports whether a JSON text of a state has the type beyond doubt: every
// attribute is known to the type, and every value is of the kind that it says.
// Such a state can be handed back as it came.
func fits(text json.RawMessage, typ tftypes.Type) bool {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return false
	}
	if string(text) == "null" {
		return true
	}
	switch t := typ.(type) {
	case tftypes.Object:
		return allFit(text, func(name string) tftypes.Type { return t.AttributeTypes[name] })
	case tftypes.Map:
		return allFit(text, func(string) tftypes.Type { return t.ElementType })
	case tftypes.Set:
		return eachFits(text, t.ElementType)
	case tftypes.List:
		return eachFits(text, t.ElementType)
	}
	switch first := text[0]; {
	case typ.Is(tftypes.String):
		return first == '"'
	case typ.Is(tftypes.Bool):
		return first == 't' || first == 'f'
	case typ.Is(tftypes.Number):
		return first == '-' || first >= '0' && first <= '9'
	}
	return false
}

func allFit(text json.RawMessage, typ func(name string) tftypes.Type) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return false
	}
	for name, member := range members {
		if t := typ(name); t == nil || !fits(member, t) {
			return false
		}
	}
	return true
}

func eachFits(text json.RawMessage, typ tftypes.Type) bool {
	var elements []json.RawMessage
	if json.Unmarshal(text, &elements) != nil {
		return false
	}
	for _, element := range elements {
		if !fits(element, typ) {
			return false
		}
	}
	return true
}
