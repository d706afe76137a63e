package provider_test

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// attrs are the values of an object by name: nil, unknown, a string, a bool, an
// int64, attrs for a map or an object, a sorted []any for a set.
type attrs map[string]any

// unknown stands for a value that is known only after apply.
var unknown = unknownValue{}

type unknownValue struct{}

func (unknownValue) String() string { return "(known after apply)" }

// words is a set.
func words(w ...string) []any {
	slices.Sort(w)
	out := make([]any, len(w))
	for i, s := range w {
		out[i] = s
	}
	return out
}

// with gives a copy with changes: name, value, name, value, and so on.
func (a attrs) with(changes ...any) attrs {
	out := maps.Clone(a)
	if out == nil {
		out = attrs{}
	}
	for i := 0; i < len(changes); i += 2 {
		out[fmt.Sprint(changes[i])] = changes[i+1]
	}
	return out
}

// value makes a value of a type. What an object does not name is null.
func value(t *testing.T, ty tftypes.Type, v any) tftypes.Value {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return tftypes.NewValue(ty, nil)
	case unknownValue:
		return tftypes.NewValue(ty, tftypes.UnknownValue)
	case int:
		return tftypes.NewValue(ty, big.NewFloat(float64(v)))
	case int64:
		return tftypes.NewValue(ty, new(big.Float).SetInt64(v))
	case attrs:
		return container(t, ty, v)
	case []any:
		set, ok := ty.(tftypes.Set)
		if !ok {
			t.Fatalf("%v takes no set", ty)
		}
		elements := make([]tftypes.Value, len(v))
		for i, e := range v {
			elements[i] = value(t, set.ElementType, e)
		}
		return tftypes.NewValue(ty, elements)
	default:
		return tftypes.NewValue(ty, v)
	}
}

func container(t *testing.T, ty tftypes.Type, v attrs) tftypes.Value {
	t.Helper()
	members := map[string]tftypes.Value{}
	switch ty := ty.(type) {
	case tftypes.Map:
		for name, e := range v {
			members[name] = value(t, ty.ElementType, e)
		}
	case tftypes.Object:
		for name, e := range ty.AttributeTypes {
			members[name] = value(t, e, v[name])
		}
		for name := range v {
			if _, ok := ty.AttributeTypes[name]; !ok {
				t.Fatalf("there is no attribute %q", name)
			}
		}
	default:
		t.Fatalf("%v takes no attributes", ty)
	}
	return tftypes.NewValue(ty, members)
}

// plain is the way back from a value.
func plain(t *testing.T, v tftypes.Value) any {
	t.Helper()
	switch {
	case v.IsNull():
		return nil
	case !v.IsKnown():
		return unknown
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v: %v", v, err)
		}
	}
	switch ty := v.Type(); {
	case ty.Is(tftypes.String):
		var s string
		must(v.As(&s))
		return s
	case ty.Is(tftypes.Bool):
		var b bool
		must(v.As(&b))
		return b
	case ty.Is(tftypes.Number):
		var f big.Float
		must(v.As(&f))
		n, _ := f.Int64()
		return n
	case ty.Is(tftypes.Set{}), ty.Is(tftypes.List{}):
		var list []tftypes.Value
		must(v.As(&list))
		out := make([]any, len(list))
		for i, e := range list {
			out[i] = plain(t, e)
		}
		if ty.Is(tftypes.Set{}) {
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		return out
	default:
		var members map[string]tftypes.Value
		must(v.As(&members))
		out := attrs{}
		for name, e := range members {
			out[name] = plain(t, e)
		}
		return out
	}
}

// object reads a value as an object; nil when it is null.
func object(t *testing.T, v tftypes.Value) attrs {
	t.Helper()
	a, _ := plain(t, v).(attrs)
	return a
}

// unknowns are the names of attributes that are not wholly known, sorted.
func (a attrs) unknowns() []string {
	var names []string
	for name, v := range a {
		if holdsUnknown(v) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func holdsUnknown(v any) bool {
	switch v := v.(type) {
	case unknownValue:
		return true
	case attrs:
		return len(v.unknowns()) > 0
	case []any:
		return slices.ContainsFunc(v, holdsUnknown)
	}
	return false
}

// changes are the names of attributes whose known values differ, sorted.
func (a attrs) changes(to attrs) []string {
	var names []string
	for name, v := range to {
		if !holdsUnknown(v) && !cmp.Equal(a[name], v) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (a attrs) text(name string) string { s, _ := a[name].(string); return s }
func (a attrs) version() int64 {
	n, _ := a["version"].(int64)
	return n
}

// sorted is a sorted copy of names, with more.
func sorted(names []string, more ...string) []string {
	return slices.Sorted(slices.Values(slices.Concat(names, more)))
}

func contains(text, part string) bool { return strings.Contains(text, part) }

const hour = time.Hour
