package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// decode reads a body that is exactly one JSON object. What two readers could
// understand differently is refused: members that nobody knows, members that
// are there twice, something after the end, and bytes that are not UTF-8,
// which encoding/json would replace in silence, in a secret too.
func decode(data []byte, into any) error { return decodeFrom('{', data, into) }

// decodeList reads a body that is exactly one JSON array, by the same rules.
func decodeList(data []byte, into any) error { return decodeFrom('[', data, into) }

func decodeFrom(first byte, data []byte, into any) error {
	if !utf8.Valid(data) {
		return invalid(api.TypeInvalidSyntax, "The body is not valid UTF-8.")
	}
	if err := checkShape(first, data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return invalid(api.TypeInvalidSyntax, "The member %q must be %s.", wrong.Field, kindName(wrong.Type))
	}
	// What is left is an unknown member, or the words of a type of package
	// api; neither repeats a value.
	return invalid(api.TypeInvalidSyntax, "The body is refused: %s.", strings.TrimPrefix(err.Error(), "json: "))
}

// checkShape checks that the text is one JSON object, or array, without trailing
// data in which no object has a member twice.
func checkShape(first byte, data []byte) error {
	kind := map[byte]string{'{': "object", '[': "array"}[first]
	trimmed := bytes.TrimSpace(data)
	switch {
	case len(trimmed) == 0:
		return invalid(api.TypeInvalidSyntax, "The body is empty; a JSON %s is expected.", kind)
	case trimmed[0] != first:
		return invalid(api.TypeInvalidSyntax, "The body must be a JSON %s.", kind)
	}
	dec := json.NewDecoder(bytes.NewReader(trimmed))
	dec.UseNumber()
	var w walk
	for {
		token, err := dec.Token()
		if err != nil {
			return badJSON(err)
		}
		if name, twice := w.step(token); twice {
			return invalid(api.TypeInvalidSyntax, "The member %q is there twice.", name)
		}
		if len(w.open) == 0 {
			break
		}
	}
	if int(dec.InputOffset()) < len(trimmed) {
		return invalid(api.TypeInvalidSyntax, "There is something after the JSON %s of the body.", kind)
	}
	return nil
}

// walk follows the tokens of a JSON text.
type walk struct {
	open  []map[string]bool // names seen in each object that is open; nil for an array
	value bool              // in an object: what comes next is a value
}

// step takes the next token. It reports the name of a member that its object
// has already, letter case ignored: SCIM knows none in names (RFC 7643 §2.1),
// nor does encoding/json.
func (w *walk) step(token json.Token) (name string, twice bool) {
	switch token {
	case json.Delim('{'):
		w.open, w.value = append(w.open, map[string]bool{}), false
		return "", false
	case json.Delim('['):
		w.open, w.value = append(w.open, nil), false
		return "", false
	case json.Delim('}'), json.Delim(']'):
		w.open, w.value = w.open[:len(w.open)-1], false
		return "", false
	}
	names := w.open[len(w.open)-1]
	if names == nil || w.value {
		w.value = false
		return "", false
	}
	name, _ = token.(string)
	folded := strings.ToLower(name)
	twice = names[folded]
	names[folded], w.value = true, true
	return name, twice
}

// badJSON says where the body stops being JSON, and nothing of what is there.
func badJSON(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return invalid(api.TypeInvalidSyntax, "The body is not JSON: it goes wrong at byte %d.", syntax.Offset)
	}
	return invalid(api.TypeInvalidSyntax, "The body ends in the middle of its JSON.")
}

// kindName says what JSON a Go type is read from.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Pointer:
		return kindName(t.Elem())
	default:
		return "an object"
	}
}
