package provider

import (
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// optional is null for "": the wire does not tell unset from empty.
func optional(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// setOf is the set of the words; without any it is null, unless what was
// planned was an empty set.
func setOf(words []string, planned types.Set) types.Set {
	if len(words) == 0 && (planned.IsNull() || planned.IsUnknown()) {
		return types.SetNull(types.StringType)
	}
	values := make([]attr.Value, len(words))
	for i, w := range words {
		values[i] = types.StringValue(w)
	}
	return types.SetValueMust(types.StringType, values)
}

// wordsOf are the elements of a set, sorted; nil when it is null.
func wordsOf(s types.Set) []string {
	if s.IsNull() {
		return nil
	}
	words := make([]string, 0, len(s.Elements()))
	for _, v := range s.Elements() {
		if word, ok := v.(types.String); ok {
			words = append(words, word.ValueString())
		}
	}
	slices.Sort(words)
	return words
}

// holdsUnknownWord reports whether a set has an element that is not known yet.
func holdsUnknownWord(s types.Set) bool {
	return slices.ContainsFunc(s.Elements(), attr.Value.IsUnknown)
}

// mapOf is the map of the texts.
func mapOf(m map[string]string) types.Map {
	values := make(map[string]attr.Value, len(m))
	for k, v := range m {
		values[k] = types.StringValue(v)
	}
	return types.MapValueMust(types.StringType, values)
}

// textsOf are the elements of a map.
func textsOf(m types.Map) map[string]string {
	out := make(map[string]string, len(m.Elements()))
	for k, v := range m.Elements() {
		if text, ok := v.(types.String); ok {
			out[k] = text.ValueString()
		}
	}
	return out
}

// sameMap compares two maps, where {} is as null. What holds an unknown is the
// same as nothing.
func sameMap(a, b types.Map) bool {
	if a.IsUnknown() || b.IsUnknown() || holdsUnknown(a) || holdsUnknown(b) {
		return false
	}
	return maps.Equal(textsOf(a), textsOf(b))
}

func holdsUnknown(m types.Map) bool {
	for _, v := range m.Elements() {
		if v.IsUnknown() {
			return true
		}
	}
	return false
}

// emptyMap reports whether a known map is null or {}.
func emptyMap(m types.Map) bool { return !m.IsUnknown() && len(m.Elements()) == 0 }

// seconds is a time of the wire in unix seconds; null for 0.
func seconds(unix int64) timetypes.RFC3339 {
	if unix == 0 {
		return timetypes.NewRFC3339Null()
	}
	return timetypes.NewRFC3339TimeValue(time.Unix(unix, 0).UTC())
}

// millis is a time of the wire in unix milliseconds, shown in whole seconds;
// null for 0.
func millis(unix int64) timetypes.RFC3339 { return seconds(unix / 1000) }

// moment is a time of the wire in RFC 3339, shown in whole seconds; null for "".
func moment(text string) timetypes.RFC3339 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return timetypes.NewRFC3339Null()
	}
	return seconds(t.Unix())
}
