package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// validate finds that there is nothing to say of a configuration: each attribute
// passes, and so does what the resource itself looks at. One that is only written
// is for the framework, which knows whether the CLI can.
func (s shortcutOf[M]) validate(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) *tfprotov6.ValidateResourceConfigResponse {
	if s.schema.DeprecationMessage != "" {
		return nil
	}
	raw, values, ok := s.unpack(req.Config)
	if !ok {
		return nil
	}
	m, ok := s.model(ctx, values)
	if !ok {
		return nil
	}
	in := configured{Config: tfsdk.Config{Raw: raw, Schema: s.schema}}
	if req.ClientCapabilities != nil {
		in.cli.WriteOnlyAttributesAllowed = req.ClientCapabilities.WriteOnlyAttributesAllowed
	}
	for _, f := range s.fields {
		if !f.passes(ctx, values[f.name], valueOf(&m, f), in) {
			return nil
		}
	}
	var diags diag.Diagnostics
	if s.make().check(&m, &diags); len(diags) > 0 {
		return nil
	}
	return &tfprotov6.ValidateResourceConfigResponse{}
}

// configured is a configuration as validators look at it.
type configured struct {
	tfsdk.Config

	cli validator.ValidateSchemaClientCapabilities
}

// passes reports whether the framework has nothing to say of an attribute's
// value beyond doubt: it may be configured, or may be left out, its type has no
// objection, nor has any of its validators. What is nested is doubtful.
func (f codecField) passes(ctx context.Context, raw tftypes.Value, v attr.Value, in configured) bool {
	if v.IsNull() {
		return !f.attribute.IsRequired() && f.silent(ctx, v, in)
	}
	a := f.attribute
	if !a.IsRequired() && !a.IsOptional() || a.GetDeprecationMessage() != "" {
		return false
	}
	if _, ok := v.(xattr.ValidateableAttribute); ok {
		return false
	}
	t, ok := f.typ.(interface {
		Validate(ctx context.Context, in tftypes.Value, at path.Path) diag.Diagnostics
	})
	if ok && len(t.Validate(ctx, raw, f.at)) > 0 {
		return false
	}
	return f.silent(ctx, v, in)
}

// silent reports whether all validators of an attribute have nothing to say.
func (f codecField) silent(ctx context.Context, v attr.Value, in configured) bool {
	switch a := f.attribute.(type) {
	case schema.StringAttribute:
		return each(a.Validators, v, func(rule validator.String, v types.String) diag.Diagnostics {
			var said validator.StringResponse
			rule.ValidateString(ctx, validator.StringRequest{Path: f.at, PathExpression: f.pattern, Config: in.Config, ConfigValue: v, ClientCapabilities: in.cli}, &said)
			return said.Diagnostics
		})
	case schema.Int64Attribute:
		return each(a.Validators, v, func(rule validator.Int64, v types.Int64) diag.Diagnostics {
			var said validator.Int64Response
			rule.ValidateInt64(ctx, validator.Int64Request{Path: f.at, PathExpression: f.pattern, Config: in.Config, ConfigValue: v, ClientCapabilities: in.cli}, &said)
			return said.Diagnostics
		})
	case schema.MapAttribute:
		return each(a.Validators, v, func(rule validator.Map, v types.Map) diag.Diagnostics {
			var said validator.MapResponse
			rule.ValidateMap(ctx, validator.MapRequest{Path: f.at, PathExpression: f.pattern, Config: in.Config, ConfigValue: v, ClientCapabilities: in.cli}, &said)
			return said.Diagnostics
		})
	case schema.SetAttribute:
		return each(a.Validators, v, func(rule validator.Set, v types.Set) diag.Diagnostics {
			var said validator.SetResponse
			rule.ValidateSet(ctx, validator.SetRequest{Path: f.at, PathExpression: f.pattern, Config: in.Config, ConfigValue: v, ClientCapabilities: in.cli}, &said)
			return said.Diagnostics
		})
	case schema.BoolAttribute:
		return len(a.Validators) == 0
	case schema.SingleNestedAttribute:
		return v.IsNull() && len(a.Validators) == 0
	}
	return false
}

// each reports whether none of the validators has anything to say of a value.
func each[R any, V attr.Value](rules []R, v attr.Value, ask func(rule R, v V) diag.Diagnostics) bool {
	if len(rules) == 0 {
		return true
	}
	value, ok := v.(V)
	for _, rule := range rules {
		if !ok || len(ask(rule, value)) > 0 {
			return false
		}
	}
	return true
}
