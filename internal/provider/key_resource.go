package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

var (
	_ resource.ResourceWithConfigure      = (*keyResource)(nil)
	_ resource.ResourceWithImportState    = (*keyResource)(nil)
	_ resource.ResourceWithIdentity       = (*keyResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*keyResource)(nil)
	_ resource.ResourceWithValidateConfig = (*keyResource)(nil)
)

// keyResource is the public key by which an agent logs in. It rotates as a
// secret does, but for this: whoever has the private half made it.
type keyResource struct{ resourceBase }

func newKeyResource() resource.Resource { return &keyResource{} }

func (r *keyResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = TypeName + "_agent_key"
}

// IdentitySchema names the agent alone: the kid changes with each rotation, the
// object stays.
func (r *keyResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"agent_id": identityschema.StringAttribute{RequiredForImport: true, Description: "Id of the agent that the key belongs to."},
	}}
}

func (r *keyResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The public key by which an agent logs in (`private_key_jwt`), and its rotation. Another key takes the place of the old one **in place**; the old one keeps verifying for `grace_period`, so the agent can change over without downtime. " +
			"The private half stays with the agent. Destroying revokes the key at once, and every token that was got with it; where the agent has a newer key, it gets its grace. " +
			"No server takes a key twice, so replacing (`-replace`, taint) needs another key. For `serve` and the embedded server; WSO2 has no keys of agents. Declare one per agent.",
		Attributes: map[string]schema.Attribute{
			"agent_id": schema.StringAttribute{
				Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				MarkdownDescription: "Id of the agent. A change replaces the key.",
			},
			"public_key_pem": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "The public key in PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`): EC on P-256, P-384 or P-521, RSA from 2048 bits, or Ed25519. Another key rotates; another form of the same key changes nothing. Exactly one of the five arguments for the key is set.",
			},
			"public_jwk": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "The public key as a JWK (RFC 7517). Its `kid` and `alg` count, where it has them.",
			},
			"certificate_pem": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "A certificate in PEM, of which the key alone is taken: neither its name nor its dates count.",
			},
			"private_key_pem_wo": schema.StringAttribute{
				Optional: true, Sensitive: true, WriteOnly: true,
				MarkdownDescription: "The private key in PEM, where Terraform has it, as from `ephemeral \"tls_private_key\"`. Only its public half is sent, and nothing of it is stored. Needs Terraform or OpenTofu 1.11.",
			},
			"private_key_wo_version": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Any number that changes with `private_key_pem_wo`: without a change another key is not looked at.",
			},
			"jwks_uri": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Where the agent publishes its keys itself (https): the server looks there when the agent logs in, Terraform never does.",
			},
			"alg": schema.StringAttribute{
				Optional: true, Computed: true, PlanModifiers: keep, Validators: []validator.String{stringvalidator.OneOf(keys.Algorithms...)},
				MarkdownDescription: "The one algorithm that the key is good for. Default: that of the JWK, else `RS256` with RSA, that of the curve with EC, `EdDSA` with Ed25519. It changes with the key only. Null with `jwks_uri`.",
			},
			"not_after": schema.StringAttribute{
				Optional: true, CustomType: timetypes.RFC3339Type{},
				MarkdownDescription: "When the key stops working, in RFC 3339 as `2027-01-31T00:00:00Z`. Default: never. A change moves the end of the present key.",
			},
			"grace_period": schema.StringAttribute{
				Optional: true, Validators: []validator.String{durationBetween(0, maxGrace)},
				MarkdownDescription: "How long the old key keeps verifying after a rotation. Unset: `24h`. `0s`: it ends at once. At most `720h`. A change moves the end of the present grace.",
			},
			"kid": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "Id of the key, which assertions name: that of the JWK, else the thumbprint.",
			},
			"thumbprint": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "JWK thumbprint of the key (RFC 7638, SHA-256). Null with `jwks_uri`.",
			},
			"version": schema.Int64Attribute{
				Computed: true, PlanModifiers: []planmodifier.Int64{int64planmodifier.UseStateForUnknown()},
				MarkdownDescription: "Grows with every new key and never goes back.",
			},
			"previous": schema.SingleNestedAttribute{
				Computed: true, PlanModifiers: []planmodifier.Object{objectplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "The key before the last rotation; null when there was none, or when it is revoked.",
				Attributes: map[string]schema.Attribute{
					"kid":        schema.StringAttribute{Computed: true, MarkdownDescription: "Its id."},
					"expires_at": schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: "When it stops working, or stopped."},
				},
			},
		},
	}
}
