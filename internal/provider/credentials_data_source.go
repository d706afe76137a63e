package provider

import (
	"context"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

var _ datasource.DataSourceWithConfigure = (*credentialsData)(nil)

type credentialsData struct{ dataBase }

func newCredentialsData() datasource.DataSource { return &credentialsData{} }

type credentialsModel struct {
	AgentID      types.String      `tfsdk:"agent_id"`
	Secrets      []secretView      `tfsdk:"secrets"`
	Keys         []keyView         `tfsdk:"keys"`
	Certificates []certificateView `tfsdk:"certificates"`
}

// credentialView is what there is to tell of any credential.
type credentialView struct {
	Status      types.String      `tfsdk:"status"`
	Latest      types.Bool        `tfsdk:"latest"`
	CreatedBy   types.String      `tfsdk:"created_by"`
	CreatedAt   timetypes.RFC3339 `tfsdk:"created_at"`
	ExpiresAt   timetypes.RFC3339 `tfsdk:"expires_at"`
	FirstUsedAt timetypes.RFC3339 `tfsdk:"first_used_at"`
	LastUsedAt  timetypes.RFC3339 `tfsdk:"last_used_at"`
	AgeDays     types.Int64       `tfsdk:"age_days"`
}

type secretView struct {
	credentialView
	SecretID types.String `tfsdk:"secret_id"`
	Hint     types.String `tfsdk:"hint"`
}

type keyView struct {
	credentialView
	KID        types.String `tfsdk:"kid"`
	Thumbprint types.String `tfsdk:"thumbprint"`
	Alg        types.String `tfsdk:"alg"`
	JWKSURI    types.String `tfsdk:"jwks_uri"`
}

type certificateView struct {
	credentialView
	CertificateID    types.String      `tfsdk:"certificate_id"`
	SerialNumber     types.String      `tfsdk:"serial_number"`
	ThumbprintSHA256 types.String      `tfsdk:"thumbprint_sha256"`
	NotAfter         timetypes.RFC3339 `tfsdk:"not_after"`
	Subject          types.String      `tfsdk:"subject"`
}

func (d *credentialsData) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_agent_credentials"
}

func (d *credentialsData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(text string) schema.Attribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: text}
	}
	rfc3339 := func(text string) schema.Attribute {
		return schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: text}
	}
	list := func(description string, own map[string]schema.Attribute) schema.Attribute {
		maps.Copy(own, map[string]schema.Attribute{
			"status":        text("`ACTIVE`, `RETIRING` (superseded, works until it expires), `EXPIRED` or `REVOKED`."),
			"latest":        schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is the newest of the agent."},
			"created_by":    text("Who made it."),
			"created_at":    rfc3339("When it was made."),
			"expires_at":    rfc3339("When it stops working; null for never."),
			"first_used_at": rfc3339("When it was first used to authenticate; null for never."),
			"last_used_at":  rfc3339("When it was last used to authenticate; null for never."),
			"age_days":      schema.Int64Attribute{Computed: true, MarkdownDescription: "Full days since it was made, by the server's clock."},
		})
		return schema.ListNestedAttribute{
			Computed: true, MarkdownDescription: description, NestedObject: schema.NestedAttributeObject{Attributes: own},
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "What an agent can authenticate with: every live credential and the latest dead ones, with their ages and last use. Never a secret.",
		Attributes: map[string]schema.Attribute{
			"agent_id": schema.StringAttribute{Required: true, MarkdownDescription: "Id of the agent."},
			"secrets": list("The secrets, newest first.", map[string]schema.Attribute{
				"secret_id": text("Id of the secret."),
				"hint":      text("Last four characters."),
			}),
			"keys": list("The public keys, newest first; empty on a WSO2 server.", map[string]schema.Attribute{
				"kid":        text("Id of the key."),
				"thumbprint": text("JWK thumbprint of the key; null with `jwks_uri`."),
				"alg":        text("The algorithm that it is good for; null with `jwks_uri`."),
				"jwks_uri":   text("Where the agent publishes its keys itself; null for a key."),
			}),
			"certificates": list("The certificates and names that are trusted, newest first; empty on a WSO2 server.", map[string]schema.Attribute{
				"certificate_id":    text("Id of the certificate at the server."),
				"serial_number":     text("Serial number in hexadecimal; null for a name."),
				"thumbprint_sha256": text("SHA-256 of the certificate in base64url; null for a name."),
				"not_after":         rfc3339("When the certificate itself ends; null for a name."),
				"subject":           text("The name that is trusted, as `san_dns=bot.example`; null for a certificate."),
			}),
		},
	}
}

func (d *credentialsData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m credentialsModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() || !d.ready(&resp.Diagnostics) {
		return
	}
	a, ok := d.lookUp(ctx, m.AgentID.ValueString(), &resp.Diagnostics)
	if !ok {
		return
	}
	now, err := d.client().Now(ctx)
	if err != nil {
		resp.Diagnostics.AddError("Cannot read the credentials", "Agent "+a.ID+": "+d.explain(err))
		return
	}
	has := security(a)
	if a.Extension == nil && a.PasswordTime() != 0 {
		has.Secrets = []api.Secret{passwordOf(a)}
	}
	m.Secrets, m.Keys, m.Certificates = []secretView{}, []keyView{}, []certificateView{}
	for _, s := range has.Secrets {
		m.Secrets = append(m.Secrets, secretView{viewOfCredential(s, now), types.StringValue(s.SecretID), optional(s.Hint)})
	}
	for _, k := range has.Keys {
		m.Keys = append(m.Keys, keyView{viewOfCredential(asSecret(k), now), types.StringValue(k.KID), optional(k.Thumbprint), optional(k.Alg), optional(k.JWKSURI)})
	}
	for _, c := range has.Certificates {
		m.Certificates = append(m.Certificates, certificateView{
			viewOfCredential(certificateAsSecret(c), now), types.StringValue(c.ID), optional(c.SerialNumber), optional(c.ThumbprintS256), seconds(c.NotAfter), trusted(c.Subject),
		})
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// viewOfCredential tells what all credentials have, at a time by the server's clock.
func viewOfCredential(s api.Secret, now time.Time) credentialView {
	const day = 24 * 60 * 60 * 1000
	return credentialView{
		Status: types.StringValue(string(s.Status)), Latest: types.BoolValue(s.Latest),
		CreatedBy: optional(s.CreatedBy), CreatedAt: millis(s.CreatedAt), ExpiresAt: seconds(s.ExpiresAt),
		FirstUsedAt: millis(s.FirstUsedAt), LastUsedAt: millis(s.LastUsedAt), AgeDays: types.Int64Value(max(0, now.UnixMilli()-s.CreatedAt) / day),
	}
}

// trusted writes a subject with the name of its argument; null for none.
func trusted(s *api.Subject) types.String {
	if s == nil {
		return types.StringNull()
	}
	for name, value := range map[string]string{"subject_dn": s.DN, "san_dns": s.DNS, "san_uri": s.URI, "san_ip": s.IP, "san_email": s.Email} {
		if value != "" {
			return types.StringValue(name + "=" + value)
		}
	}
	return types.StringNull()
}
