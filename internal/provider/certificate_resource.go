package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

var (
	_ resource.ResourceWithConfigure      = (*certificateResource)(nil)
	_ resource.ResourceWithImportState    = (*certificateResource)(nil)
	_ resource.ResourceWithIdentity       = (*certificateResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*certificateResource)(nil)
	_ resource.ResourceWithValidateConfig = (*certificateResource)(nil)
)

// Lives of certificates that the server signs. The default is the server's.
const (
	maxValidity     = 90 * 24 * time.Hour
	defaultValidity = 30 * 24 * time.Hour
)

// certificateResource is the certificate by which an agent logs in. It rotates
// as a secret does, and is renewed before it ends.
type certificateResource struct{ resourceBase }

func newCertificateResource() resource.Resource { return &certificateResource{} }

func (r *certificateResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = TypeName + "_agent_certificate"
}

// IdentitySchema names the agent alone: the serial number changes with each
// renewal, the object stays.
func (r *certificateResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"agent_id": identityschema.StringAttribute{RequiredForImport: true, Description: "Id of the agent that the certificate belongs to."},
	}}
}

func (r *certificateResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	computed := func(text string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: text}
	}
	moment := func(text string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, PlanModifiers: keep, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: text}
	}
	subject := func(text string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: text}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The certificate by which an agent logs in (mutual TLS, RFC 8705), and its rotation. Exactly one of three things: a request (`csr_pem`, or `csr_pem_wo` with its version), which the server's CA signs, " +
			"for its key alone, in the name `spiffe://<trust domain>/agent/<agent_id>`; a certificate that is trusted as it is (`certificate_pem`); or a name (`subject_dn`, `san_dns`, `san_uri`, `san_ip`, `san_email`) that is trusted in certificates of the CAs of `serve --tls-client-ca`. " +
			"The private key stays with the agent. A signed certificate is renewed **in place** before it ends, at the next apply; the old one keeps working for `grace_period`. " +
			"Destroying revokes the certificate at once, and every token that was got with it; where the agent has a newer one, it gets its grace. " +
			"For `serve` and the embedded server; WSO2 has no certificates of agents. Declare one per agent.",
		Attributes: map[string]schema.Attribute{
			"agent_id": schema.StringAttribute{
				Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				MarkdownDescription: "Id of the agent. A change replaces the certificate.",
			},
			"csr_pem": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "A request for a certificate (PKCS #10) in PEM. Its key counts, nothing else of it: a request for another key rotates, another request for the same key changes nothing.",
			},
			"csr_pem_wo": schema.StringAttribute{
				Optional: true, WriteOnly: true,
				MarkdownDescription: "The same, where it comes from an ephemeral value and cannot be kept in the state. It is renewed by itself only while it is for the same key. Needs Terraform or OpenTofu 1.11.",
			},
			"csr_pem_wo_version": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Any number that changes with `csr_pem_wo`: without a change a request for another key is not looked at.",
			},
			"validity": schema.StringAttribute{
				Optional: true, Validators: []validator.String{durationBetween(minPeriod, maxValidity)},
				MarkdownDescription: "How long a certificate that the server signs is good for, at most `2160h`, and never past the end of the CA. Unset: `720h`. A change counts from the next certificate on.",
			},
			"early_renewal": schema.StringAttribute{
				Optional: true, Validators: []validator.String{durationBetween(minPeriod, maxPeriod)},
				MarkdownDescription: "How long before its end `ready_for_renewal` becomes true, and the next apply renews. Unset, or not shorter than the certificate's life: a third of that.",
			},
			"certificate_pem": schema.StringAttribute{
				Optional: true, Computed: true, PlanModifiers: keep,
				MarkdownDescription: "The certificate in PEM. Given: it is trusted as it is, whoever signed it (`self_signed_tls_client_auth`); another one rotates, and none is taken twice. Else the one that the server signed; null for a name.",
			},
			"subject_dn": subject("A distinguished name (RFC 4514), as `CN=bot,O=Example`, that a certificate must have to be the agent's. No wildcards."),
			"san_dns":    subject("A DNS name that it must have instead."),
			"san_uri":    subject("A URI that it must have instead, as a SPIFFE id."),
			"san_ip":     subject("An IP address that it must have instead."),
			"san_email":  subject("An e-mail address that it must have instead."),
			"grace_period": schema.StringAttribute{
				Optional: true, Validators: []validator.String{durationBetween(0, maxGrace)},
				MarkdownDescription: "How long the old certificate keeps working after a rotation or a renewal, never past its own end. Unset: `24h`. `0s`: it ends at once. At most `720h`. A change moves the end of the present grace.",
			},
			"certificate_id":    computed("Id of the certificate at the server."),
			"ca_chain_pem":      computed("The certificates above one that the server signed, in PEM; null for others."),
			"serial_number":     computed("Serial number in lower-case hexadecimal, as in the revocation list; null for a name."),
			"thumbprint_sha256": computed("SHA-256 of the certificate in base64url: `x5t#S256`, to which tokens are bound (RFC 8705). Null for a name."),
			"not_before":        moment("When it starts to be good; null for a name."),
			"not_after":         moment("When it ends; null for a name."),
			"ready_for_renewal": schema.BoolAttribute{
				Computed: true, PlanModifiers: []planmodifier.Bool{boolplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Whether it is time for the next one, when it was last read, by the server's clock. The plan renews one that the server signed, and warns of one that is given.",
			},
			"version": schema.Int64Attribute{
				Computed: true, PlanModifiers: []planmodifier.Int64{int64planmodifier.UseStateForUnknown()},
				MarkdownDescription: "Grows with every new certificate and never goes back: for the `_wo_version` of a secret manager.",
			},
			"previous": schema.SingleNestedAttribute{
				Computed: true, PlanModifiers: []planmodifier.Object{objectplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "The certificate before the last rotation or renewal; null when there was none, or when it is revoked.",
				Attributes: map[string]schema.Attribute{
					"certificate_id": schema.StringAttribute{Computed: true, MarkdownDescription: "Its id."},
					"serial_number":  schema.StringAttribute{Computed: true, MarkdownDescription: "Its serial number."},
					"expires_at":     schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: "When it stops working, or stopped."},
				},
			},
		},
	}
}

// ValidateConfig wants exactly one certificate. Where what was given could be a
// private key by mistake, it names no path: with one Terraform shows the line.
func (r *certificateResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m certificateModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	switch given := howMany(m.sources()); {
	case given > 1 || given == 0 && m.CSRPEMWOVersion.IsNull():
		resp.Diagnostics.AddError("Not exactly one certificate", fmt.Sprintf(
			"Exactly one of csr_pem, csr_pem_wo, certificate_pem, subject_dn, san_dns, san_uri, san_ip and san_email says what the certificate is; %d are set.", given))
	case m.CSRPEMWO.IsNull() != m.CSRPEMWOVersion.IsNull():
		resp.Diagnostics.AddError("No version of the given request",
			"csr_pem_wo and csr_pem_wo_version go together: the version is a number that changes with the request. Without it nobody sees that another request is given.")
	case m.form() != requestForm && !m.Validity.IsNull():
		resp.Diagnostics.AddAttributeError(path.Root("validity"), "Only for a request", "validity says how long a certificate is good for that the server signs. Leave it out: what is given here has an end of its own.")
	case m.form() == subjectForm && !m.EarlyRenewal.IsNull():
		resp.Diagnostics.AddAttributeError(path.Root("early_renewal"), "Only for a request", "A name that is trusted has no end. Leave early_renewal out.")
	case m.form() == requestForm && m.alwaysDue():
		resp.Diagnostics.AddAttributeError(path.Root("early_renewal"), "The certificate would always be due", fmt.Sprintf(
			"early_renewal is %s, and a certificate is good for %s: each apply would renew it. Shorten the first, or lengthen validity.",
			m.EarlyRenewal.ValueString(), short(duration(m.Validity, defaultValidity))))
	default:
		if _, err := m.offer(); err != nil {
			resp.Diagnostics.AddError("Invalid certificate", sentence(err))
		}
	}
}

func (m *certificateModel) alwaysDue() bool {
	if m.EarlyRenewal.IsNull() || m.EarlyRenewal.IsUnknown() || m.Validity.IsUnknown() {
		return false
	}
	return duration(m.EarlyRenewal, 0) >= duration(m.Validity, defaultValidity)
}
