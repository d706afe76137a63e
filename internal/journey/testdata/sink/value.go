package main

import (
	"context"
	"net/http"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// value is the resource sink_value.
type value struct{}

type model struct {
	ID      types.String `tfsdk:"id"`
	Name    types.String `tfsdk:"name"`
	Value   types.String `tfsdk:"value_wo"`
	Version types.Int64  `tfsdk:"value_wo_version"`
}

func (value) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "sink_value"
}

func (value) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":               schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
		"name":             schema.StringAttribute{Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
		"value_wo":         schema.StringAttribute{Optional: true, WriteOnly: true, Sensitive: true},
		"value_wo_version": schema.Int64Attribute{Required: true},
	}}
}

func (value) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	write(ctx, req.Config, req.Plan, &resp.State, &resp.Diagnostics)
}

// Update writes only when the version says so, as Vault's does.
func (value) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	write(ctx, req.Config, req.Plan, &resp.State, &resp.Diagnostics)
}

func write(ctx context.Context, config tfsdk.Config, plan tfsdk.Plan, state *tfsdk.State, d *diag.Diagnostics) {
	var m model
	var secret types.String
	d.Append(plan.Get(ctx, &m)...)
	d.Append(config.GetAttribute(ctx, path.Root("value_wo"), &secret)...)
	if d.HasError() {
		return
	}
	_, _, err := call(ctx, http.MethodPut, m.Name.ValueString(), &entry{secret.ValueString(), m.Version.ValueInt64()})
	if err != nil {
		d.AddError("Cannot write to the sink", err.Error())
		return
	}
	m.ID, m.Value = m.Name, types.StringNull()
	d.Append(state.Set(ctx, m)...)
}

// Read removes what is not there; what else the sink holds, nobody compares.
func (value) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m model
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	_, found, err := call(ctx, http.MethodGet, m.Name.ValueString(), nil)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read from the sink", err.Error())
		return
	}
	if !found {
		resp.State.RemoveResource(ctx)
	}
}

func (value) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m model
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if _, _, err := call(ctx, http.MethodDelete, m.Name.ValueString(), nil); err != nil {
		resp.Diagnostics.AddError("Cannot delete from the sink", err.Error())
	}
}
