package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// back is the ephemeral resource sink_value: what the sink holds.
type back struct{}

type backModel struct {
	Name  types.String `tfsdk:"name"`
	After types.String `tfsdk:"after"`
	Value types.String `tfsdk:"value"`
}

func (back) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = "sink_value"
}

func (back) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"name":  schema.StringAttribute{Required: true},
		"after": schema.StringAttribute{Optional: true, Description: "Unknown while there is nothing to read yet."},
		"value": schema.StringAttribute{Computed: true, Sensitive: true},
	}}
}

func (back) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m backModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	held, found, err := call(ctx, http.MethodGet, m.Name.ValueString(), nil)
	if err == nil && !found {
		err = fmt.Errorf("the sink has nothing under %s", m.Name)
	}
	if err != nil {
		resp.Diagnostics.AddError("Cannot read from the sink", err.Error())
		return
	}
	m.Value = types.StringValue(held.Value)
	resp.Diagnostics.Append(resp.Result.Set(ctx, m)...)
}
