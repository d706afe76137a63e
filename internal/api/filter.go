package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Filter is a SCIM filter of the kind that WSO2 takes: comparisons joined by
// "and". All must hold; the empty filter holds for everything.
type Filter []Comparison

// Comparison compares an attribute with a value.
type Comparison struct {
	Attribute string // as it was written, "urn:scim:wso2:agent:schema:Owner" or "id"
	Op        string // one of eq, co, sw, ew
	Value     string
}

var filterOps = []string{"eq", "co", "sw", "ew"}

// ParseFilter reads a filter: `id eq "x" and DisplayName co "bot"`. A value
// may stand without quotes when it is one word. What it cannot read it refuses
// by naming the place.
func ParseFilter(text string) (Filter, error) {
	var f Filter
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not valid UTF-8")
	}
	rest := strings.TrimSpace(text)
	for rest != "" {
		var c Comparison
		var err error
		c.Attribute, rest = word(rest)
		c.Op, rest = word(rest)
		c.Op = strings.ToLower(c.Op)
		switch {
		case c.Attribute == "" || strings.ContainsAny(c.Attribute, `"()[]`):
			return nil, fmt.Errorf("an attribute name is expected instead of %q", c.Attribute)
		case c.Op == "":
			return nil, fmt.Errorf("an operator is expected after %q", c.Attribute)
		case !slices.Contains(filterOps, c.Op):
			return nil, fmt.Errorf("the operator %q is not supported; use one of %s, joined by and", c.Op, strings.Join(filterOps, ", "))
		}
		if c.Value, rest, err = value(rest); err != nil {
			return nil, fmt.Errorf("after %q: %w", c.Attribute+" "+c.Op, err)
		}
		f = append(f, c)
		if rest == "" {
			break
		}
		var join string
		if join, rest = word(rest); !strings.EqualFold(join, "and") {
			return nil, fmt.Errorf("%q is not supported; join comparisons by and", join)
		}
		if rest == "" {
			return nil, fmt.Errorf("a comparison is expected after and")
		}
	}
	return f, nil
}

// String writes the filter so that ParseFilter reads the same one.
func (f Filter) String() string {
	parts := make([]string, len(f))
	for i, c := range f {
		quoted, _ := json.Marshal(c.Value) // a string always encodes
		parts[i] = c.Attribute + " " + c.Op + " " + string(quoted)
	}
	return strings.Join(parts, " and ")
}

func word(s string) (head, rest string) {
	head, rest, _ = strings.Cut(s, " ")
	return head, strings.TrimSpace(rest)
}

func value(s string) (v, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		if v, rest = word(s); v == "" || strings.ContainsAny(v, `"()[]`) {
			return "", "", fmt.Errorf("a value is expected")
		}
		return v, rest, nil
	}
	dec := json.NewDecoder(strings.NewReader(s))
	if err := dec.Decode(&v); err != nil {
		return "", "", fmt.Errorf("the quoted value is not a JSON string")
	}
	rest = s[dec.InputOffset():]
	if rest != "" && rest[0] != ' ' {
		return "", "", fmt.Errorf("a space is expected after the quoted value")
	}
	return v, strings.TrimSpace(rest), nil
}
