package provider_test

import (
	"bytes"
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	frame "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-log/tfsdklogtest"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/provider"
)

// ValidateResourceConfig asks both ways wherever it is asked: it changes nothing.
func (b *bothWays) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	got, err := b.ProviderServer.ValidateResourceConfig(ctx, req)
	if err != nil {
		return got, err
	}
	want, err := b.long.ValidateResourceConfig(ctx, req)
	if err != nil {
		b.t.Error(err)
		return got, nil
	}
	if g, w := sortedLines(got.Diagnostics), sortedLines(want.Diagnostics); !slices.Equal(g, w) {
		b.t.Errorf("validation of %s: says %q, and by the framework %q", req.TypeName, g, w)
	}
	return got, nil
}

// sortedLines are diagnostics in an order of their own: the framework's is that of a map.
func sortedLines(d problems) []string {
	return slices.Sorted(strings.SplitSeq(d.String(), "\n"))
}

const quickRecipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

// wrong are configurations that somebody has something to say of, or might have,
// by the attribute that it is said of.
var wrong = map[string][]attrs{
	agentType: {
		{"id": "x"}, {"id": unknown},
		{"display_name": nil}, {"display_name": ""}, {"display_name": strings.Repeat("x", 1025)},
		{"description": ""}, {"owner": ""}, {"external_id": ""},
		{"attributes": attrs{"": "x"}}, {"attributes": attrs{"displayname": "x"}}, {"attributes": attrs{"Team": ""}},
		{"scopes": words("")}, {"scopes": words(strings.Repeat("x", 256))}, {"scopes": words("a", "a")},
		{"audiences": words("", "b")}, {"allowed_auth_methods": words("client_secret_basic", "none")},
		{"roles": words("a")}, {"roles": words()}, {"revoked_at": "2020-01-01T00:00:00Z"}, {"created_at": "what"},
		{"on_existing": "ADOPT"}, {"deletion_policy": ""},
		{"timeouts": attrs{"read": "soon"}}, {"timeouts": attrs{"read": "1m"}}, {"timeouts": attrs{}}, {"timeouts": unknown},
	},
	secretType: {
		{"agent_id": nil}, {"agent_id": ""},
		{"rotate_after": "1d"}, {"rotate_after": "1s"}, {"rotate_after": "2h", "expire_after": "1h"}, {"rotate_after": "1h", "expire_after": "1h"},
		{"expire_after": ""}, {"expire_after": "1h", "grace_period": "2h"}, {"expire_after": "what", "grace_period": "1h"},
		{"grace_period": "-1s"}, {"grace_period": "721h"}, {"grace_period": "1ms"},
		{"on_drift": "never"}, {"deletion_policy": "delete"}, {"on_existing": "adopt"},
		{"seal_to": words()}, {"seal_to": words("age1abc")},
		{"secret_wo": "weak", "secret_wo_version": 1}, {"secret_wo": "Strong-enough-1"}, {"secret_wo": "Strong-enough-1", "secret_wo_version": 1}, {"secret_wo": unknown},
		{"secret_wo_version": 1}, {"secret_wo_version": 1, "rotation_trigger": trigger("1")},
		{"secret_id": "x"}, {"secret": "x"}, {"sealed_secret": "x"}, {"hint": ""}, {"version": 1}, {"rotated_at": "what"}, {"expires_at": unknown},
		{"previous": attrs{}}, {"previous": unknown}, {"rotation_due": false}, {"drift": true},
	},
}

// right are configurations that nobody has anything to say of.
var right = map[string][]attrs{
	agentType: {
		{},
		{"display_name": unknown, "description": unknown, "attributes": unknown, "scopes": unknown, "enabled": unknown, "on_existing": unknown},
		{"scopes": []any{unknown}, "attributes": attrs{"Team": unknown}, "reinstate_trigger": attrs{"a": unknown}},
		{"scopes": words(), "attributes": attrs{}, "allowed_auth_methods": words()},
		{
			"display_name": strings.Repeat("x", 1024), "description": "d", "owner": "o", "attributes": attrs{"Team": "x"}, "is_user_serving_agent": true, "external_id": "e",
			"enabled": false, "scopes": words("a", "b"), "audiences": words("a"), "allowed_auth_methods": words("private_key_jwt"), "prevent_lockout": false,
			"reinstate_trigger": trigger("1"), "on_existing": "adopt", "deletion_policy": "prevent",
		},
	},
	secretType: {
		{},
		{"agent_id": unknown, "rotation_trigger": unknown, "rotate_after": unknown, "expire_after": "1h", "grace_period": unknown, "seal_to": unknown},
		{"secret_wo_version": unknown},
		{"rotation_trigger": attrs{"a": unknown, "b": nil}, "seal_to": []any{unknown}, "expire_after": unknown, "rotate_after": "2h"},
		{
			"rotation_trigger": trigger("1"), "rotate_after": "24h", "expire_after": "48h", "grace_period": "0s",
			"on_drift": "warn", "deletion_policy": "abandon", "on_existing": "replace", "seal_to": words(quickRecipient),
		},
	},
}

// TestShortcut_validate: a configuration that is right is found so without the
// framework; whatever else it may be, the framework says what is to be said.
func TestShortcut_validate(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]attrs{agentType: {"display_name": "bot"}, secretType: {"agent_id": "a"}} {
		for _, set := range []struct {
			configs []attrs
			quick   bool
		}{{right[name], true}, {wrong[name], false}} {
			for _, config := range set.configs {
				whole := maps.Clone(base)
				maps.Copy(whole, config)
				p := start(t)
				if quick := p.quickly(name, whole); quick != set.quick {
					t.Errorf("%s %v: validated without the framework: %v, want %v", name, config, quick, set.quick)
				}
				p.validate(name, whole)
			}
		}
		if p := start(t); p.quickly(name, nil) {
			t.Errorf("%s: no configuration was validated without the framework", name)
		}
	}
}

// quickly reports whether a configuration is validated without the framework,
// which logs every step.
func (p *plugin) quickly(name string, config attrs) bool {
	p.t.Helper()
	var logs bytes.Buffer
	resp, err := provider.NewServer("test")().ValidateResourceConfig(tfsdklogtest.RootLogger(p.t.Context(), &logs),
		&tfprotov6.ValidateResourceConfigRequest{TypeName: name, Config: p.pack(p.typeOf(name), config)})
	p.answered(err)
	return logs.Len() == 0 && len(resp.Diagnostics) == 0
}

// TestShortcut_validateAll: there is a wrong configuration for each attribute
// that can have one.
func TestShortcut_validateAll(t *testing.T) {
	t.Parallel()
	for _, make := range provider.New("test")().Resources(t.Context()) {
		var name frame.MetadataResponse
		make().Metadata(t.Context(), frame.MetadataRequest{ProviderTypeName: provider.TypeName}, &name)
		if wrong[name.TypeName] == nil {
			continue
		}
		if _, ok := make().(frame.ResourceWithConfigValidators); ok {
			t.Errorf("%s has validators that the shortcut does not ask", name.TypeName)
		}
		var s frame.SchemaResponse
		make().Schema(t.Context(), frame.SchemaRequest{}, &s)
		for attribute, a := range s.Schema.Attributes {
			rules := reflect.ValueOf(a).FieldByName("Validators")
			canBeWrong := rules.IsValid() && rules.Len() > 0 || a.IsRequired() || !a.IsOptional() || a.IsWriteOnly()
			if canBeWrong && !slices.ContainsFunc(wrong[name.TypeName], func(c attrs) bool { _, ok := c[attribute]; return ok }) {
				t.Errorf("%s.%s: no configuration has it wrong", name.TypeName, attribute)
			}
		}
	}
}
