package provider

import (
	"context"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// codec turns objects of Terraform's wire into models of a resource and back.
// The framework does the same by walking its schema anew for every attribute of
// every object.
type codec[M any] struct {
	object tftypes.Object
	fields []codecField
}

// codecField is a field of the model and what the schema says of it.
type codecField struct {
	index     int
	name      string
	attribute schema.Attribute
	typ       attr.Type
	at        path.Path
	pattern   path.Expression
	fallback  attr.Value // what it is unless it is configured; nil: nothing
}

func newCodec[M any](ctx context.Context, s schema.Schema) codec[M] {
	var c codec[M]
	c.object, _ = s.Type().TerraformType(ctx).(tftypes.Object)
	model := reflect.TypeFor[M]()
	for i := range model.NumField() {
		name := model.Field(i).Tag.Get("tfsdk")
		a := s.Attributes[name]
		c.fields = append(c.fields, codecField{i, name, a, a.GetType(), path.Root(name), path.MatchRoot(name), fallbackOf(ctx, a)})
	}
	return c
}

// fallbackOf is the default of an attribute; nil for none.
func fallbackOf(ctx context.Context, a schema.Attribute) attr.Value {
	switch a := a.(type) {
	case schema.StringAttribute:
		if a.Default != nil {
			var resp defaults.StringResponse
			a.Default.DefaultString(ctx, defaults.StringRequest{}, &resp)
			return resp.PlanValue
		}
	case schema.BoolAttribute:
		if a.Default != nil {
			var resp defaults.BoolResponse
			a.Default.DefaultBool(ctx, defaults.BoolRequest{}, &resp)
			return resp.PlanValue
		}
	}
	return nil
}

// valueOf is a field of a model: all of them are values of the framework.
func valueOf[M any](m *M, f codecField) attr.Value {
	v, _ := reflect.ValueOf(m).Elem().Field(f.index).Interface().(attr.Value)
	return v
}

// unpack takes an object apart; ok is false for one that is null, unknown, or of
// another type.
func (c codec[M]) unpack(v *tfprotov6.DynamicValue) (whole tftypes.Value, values map[string]tftypes.Value, ok bool) {
	if v == nil {
		return whole, nil, false
	}
	whole, err := v.Unmarshal(c.object)
	if err != nil || whole.IsNull() || !whole.IsKnown() || whole.As(&values) != nil {
		return whole, nil, false
	}
	return whole, values, true
}

// decode makes a model of an object.
func (c codec[M]) decode(ctx context.Context, v *tfprotov6.DynamicValue) (m M, ok bool) {
	_, values, ok := c.unpack(v)
	if !ok {
		return m, false
	}
	return c.model(ctx, values)
}

// model makes a model of an object's attributes. One that is only written has
// none.
func (c codec[M]) model(ctx context.Context, values map[string]tftypes.Value) (m M, ok bool) {
	into := reflect.ValueOf(&m).Elem()
	for _, f := range c.fields {
		value, err := f.typ.ValueFromTerraform(ctx, values[f.name])
		if err != nil || (f.attribute.IsWriteOnly() && !value.IsNull()) {
			return m, false
		}
		field, from := into.Field(f.index), reflect.ValueOf(value)
		if !from.Type().AssignableTo(field.Type()) {
			return m, false
		}
		field.Set(from)
	}
	return m, true
}

// encode makes an object of a model that was another before. A text that only
// says the same in other words stays as it was.
func (c codec[M]) encode(ctx context.Context, m, before *M) (*tfprotov6.DynamicValue, error) {
	values := map[string]tftypes.Value{}
	for _, f := range c.fields {
		value, err := sameMeaning(ctx, valueOf(m, f), valueOf(before, f)).ToTerraformValue(ctx)
		if err != nil {
			return nil, err
		}
		values[f.name] = value
	}
	out, err := tfprotov6.NewDynamicValue(c.object, tftypes.NewValue(c.object, values))
	return &out, err
}

// sameMeaning is the value before, where the one that follows it means the same.
func sameMeaning(ctx context.Context, v, before attr.Value) attr.Value {
	if v.IsNull() || before.IsNull() || before.IsUnknown() {
		return v
	}
	switch v := v.(type) {
	case basetypes.StringValuableWithSemanticEquals:
		if old, ok := before.(basetypes.StringValuable); ok {
			if same, d := v.StringSemanticEquals(ctx, old); same && !d.HasError() {
				return before
			}
		}
	case types.Object:
		old, ok := before.(types.Object)
		if !ok {
			return v
		}
		parts, was := v.Attributes(), old.Attributes()
		for name, part := range parts {
			parts[name] = sameMeaning(ctx, part, was[name])
		}
		return types.ObjectValueMust(v.AttributeTypes(ctx), parts)
	}
	return v
}

// equal reports whether two models are the same.
func (c codec[M]) equal(a, b *M) bool {
	for _, f := range c.fields {
		if !valueOf(a, f).Equal(valueOf(b, f)) {
			return false
		}
	}
	return true
}

// text is an attribute of the model that is a text.
func (c codec[M]) text(m *M, name string) string {
	for _, f := range c.fields {
		if v, ok := valueOf(m, f).(types.String); ok && f.name == name {
			return v.ValueString()
		}
	}
	return ""
}

// fallbacksHold reports whether every attribute with a default that is not
// configured has it.
func (c codec[M]) fallbacksHold(m *M, config *tfprotov6.DynamicValue) bool {
	_, values, ok := c.unpack(config)
	if !ok {
		return false
	}
	for _, f := range c.fields {
		if f.fallback != nil && values[f.name].IsNull() && !valueOf(m, f).Equal(f.fallback) {
			return false
		}
	}
	return true
}
