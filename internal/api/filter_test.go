package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func TestParseFilter(t *testing.T) {
	one := func(attribute, op, value string) api.Filter { return api.Filter{{attribute, op, value}} }
	for _, tt := range []struct {
		text string
		want api.Filter
	}{
		{``, nil},
		{`   `, nil},
		{`id eq "x"`, one("id", "eq", "x")},
		{`id eq x`, one("id", "eq", "x")},
		{`id EQ x`, one("id", "eq", "x")},
		{`  id   eq   x  `, one("id", "eq", "x")},
		{`id eq ""`, one("id", "eq", "")},
		{`id eq "a b"`, one("id", "eq", "a b")},
		{`id eq "a\"b\\c\u0041"`, one("id", "eq", `a"b\cA`)},
		{`id eq " and "`, one("id", "eq", " and ")},
		{`id eq and`, one("id", "eq", "and")},
		{`id eq true`, one("id", "eq", "true")},
		{`urn:scim:wso2:agent:schema.DisplayName co foo`, one("urn:scim:wso2:agent:schema.DisplayName", "co", "foo")},
		{`a sw b and c ew "d" AND e co f`, api.Filter{{"a", "sw", "b"}, {"c", "ew", "d"}, {"e", "co", "f"}}},
	} {
		got, err := api.ParseFilter(tt.text)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("ParseFilter(%q) = %v (-want +got):\n%s", tt.text, err, diff)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`id`:                      `after "id"`,
		`"id" eq x`:               "attribute name",
		`(id eq x)`:               "attribute name",
		`not (id eq x)`:           `"(id"`,
		`emails[type eq "work"]`:  "attribute name",
		`id pr`:                   `"pr" is not supported`,
		`id gt 3`:                 `"gt" is not supported; use one of eq, co, sw, ew`,
		`id eq`:                   "a value is expected",
		`id eq "x`:                "not a JSON string",
		`id eq "x"y`:              "a space is expected",
		`id eq "\x"`:              "not a JSON string",
		`id eq x"y`:               "a value is expected",
		`id eq (x)`:               "a value is expected",
		`id eq x or id eq y`:      `"or" is not supported`,
		`id eq x y`:               `"y" is not supported`,
		`id eq x and`:             "a comparison is expected after and",
		`id eq x and and id eq y`: `"id" is not supported`,
		"id eq \xff":              "not valid UTF-8",
	} {
		if f, err := api.ParseFilter(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseFilter(%q) = %v, %v; want an error that says %s", text, f, err, says)
		}
	}
}

// FuzzFilter holds the law that a filter prints as what reads as the same.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{`id eq "x" and b co c`, `a sw "\"\\\u0000"`, "a ew \t", `a eq <&>`, "a\u00a0b eq c", "a eq \"\u2028\"", "a eq \"\xff\""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := api.ParseFilter(text)
		if err != nil {
			return
		}
		again, err := api.ParseFilter(parsed.String())
		if err != nil {
			t.Fatalf("ParseFilter(%q) = %v, whose text %q cannot be read: %v", text, parsed, parsed.String(), err)
		}
		if diff := cmp.Diff(parsed, again); diff != "" {
			t.Errorf("%q prints as %q (-first +again):\n%s", text, parsed.String(), diff)
		}
	})
}
