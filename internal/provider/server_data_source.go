package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var _ datasource.DataSourceWithConfigure = (*serverData)(nil)

type serverData struct{ dataBase }

func newServerData() datasource.DataSource { return &serverData{} }

type serverModel struct {
	Kind         types.String `tfsdk:"kind"`
	Place        types.String `tfsdk:"place"`
	StoreID      types.String `tfsdk:"store_id"`
	Version      types.String `tfsdk:"version"`
	MaxSecrets   types.Int64  `tfsdk:"max_secrets"`
	Overlap      types.Bool   `tfsdk:"overlap"`
	Keys         types.Bool   `tfsdk:"keys"`
	Certificates types.Bool   `tfsdk:"certificates"`
	Audit        types.Bool   `tfsdk:"audit"`
	Principal    types.String `tfsdk:"principal"`
}

func (d *serverData) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_server"
}

func (d *serverData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The server that the provider works with, and what it can do.",
		Attributes: map[string]schema.Attribute{
			"kind":         schema.StringAttribute{Computed: true, MarkdownDescription: "`embedded`, `reference` (`serve`), or `wso2`."},
			"place":        schema.StringAttribute{Computed: true, MarkdownDescription: "The file of the embedded server, or the URL of another."},
			"store_id":     schema.StringAttribute{Computed: true, MarkdownDescription: "Identity of the store; null while the embedded server has none yet."},
			"version":      schema.StringAttribute{Computed: true, MarkdownDescription: "Version of the server, where it tells."},
			"max_secrets":  schema.Int64Attribute{Computed: true, MarkdownDescription: "How many live secrets an agent may have."},
			"overlap":      schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether an old secret can live on while the new one works."},
			"keys":         schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether agents can have public keys (Private Key JWT)."},
			"certificates": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether agents can have client certificates (mutual TLS)."},
			"audit":        schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the audit can be read."},
			"principal":    schema.StringAttribute{Computed: true, MarkdownDescription: "Who the provider is to the server."},
		},
	}
}

func (d *serverData) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	if !d.ready(&resp.Diagnostics) {
		return
	}
	srv, err := d.client().Server(ctx)
	if err != nil {
		resp.Diagnostics.AddError("Cannot ask the server what it is", d.explain(err))
		return
	}
	kind := "wso2"
	switch {
	case d.server.embedded:
		kind = "embedded"
	case srv.Extended():
		kind = "reference"
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &serverModel{
		Kind: types.StringValue(kind), Place: types.StringValue(d.server.place),
		StoreID: optional(srv.StoreID), Version: optional(srv.Version), Principal: optional(srv.Principal),
		MaxSecrets: types.Int64Value(int64(srv.MaxSecrets)), Overlap: types.BoolValue(srv.Overlap),
		Keys: types.BoolValue(srv.Keys), Certificates: types.BoolValue(srv.Certificates), Audit: types.BoolValue(srv.Audit),
	})...)
}
