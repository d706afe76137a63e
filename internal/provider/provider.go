// Package provider maps the credential API onto Terraform. It holds a client
// and cannot tell whether the server behind it is this process, another
// machine, or a product; it decides when a secret is rotated, and nothing
// about what a rotation is.
package provider

import (
	"context"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

// TypeName starts the name of everything that the provider offers.
const TypeName = "agentcreds"

var (
	_ provider.Provider                       = (*agentcreds)(nil)
	_ provider.ProviderWithFunctions          = (*agentcreds)(nil)
	_ provider.ProviderWithEphemeralResources = (*agentcreds)(nil)
)

type agentcreds struct {
	version string
	server  atomic.Pointer[server] // nil before Configure
}

// New gives the constructor that a plugin server calls for each provider
// configuration. It opens, reads and generates nothing.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &agentcreds{version: version} }
}

func (p *agentcreds) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = TypeName, p.version
}

func (p *agentcreds) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Identities and credentials for AI agents: declare agents, rotate their secrets without downtime, and pass them on to secret managers.",
		Attributes: map[string]schema.Attribute{
			"endpoint": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Base URL of a credential API: `terraform-provider-agentcreds serve`, or WSO2 (`https://api.asgardeo.io/t/<organization>`). " +
					"Unset, the provider works with no server at all: the reference API runs embedded, over the file `embedded_path`. " + envText(envEndpoint),
				Validators: []validator.String{
					stringvalidator.LengthAtLeast(1),
					stringvalidator.ConflictsWith(path.MatchRoot("embedded_path")),
				},
			},
			"embedded_path": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "SQLite file of the embedded API. Default: `" + defaultPath + "` in the working directory. It is for one machine with a local state; " +
					"CI runners, teams and remote states use `endpoint`. With workspaces: `\"${terraform.workspace}.db\"`. Keep it out of source control (`agentcreds.db*`). " + envText(envPath),
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"organization_id": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Id of a sub-organization of WSO2, when `endpoint` is that of sub-organizations (`https://api.asgardeo.io/t/<organization>/o`): the token of the client is switched to it. " + envText(envOrganization),
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"client_id": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Client id of a management client, for the OAuth 2.0 client credentials grant. Needs `client_secret`, `private_key`, or `client_certificate` with `client_key`. " + envText(envClientID),
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"client_secret": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Secret of the management client. Better in the environment than in the configuration, which a saved plan contains. " + envText(envClientSecret),
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"private_key": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Private key of the management client, to sign in by (`private_key_jwt`) instead of `client_secret`: PEM, not encrypted, or `file:NAME` with a file that has it and that its owner alone can read. " +
					"It is sent nowhere: the server knows its public half (`client create --public-key-file`). Better in the environment or a file than in the configuration, which a saved plan contains. " + envText(envPrivateKey),
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"private_key_alg": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Algorithm that the key is registered for. Default: `RS256` with RSA, else that of the key. " + envText(envKeyAlg),
				Validators:          []validator.String{stringvalidator.OneOf(keys.Algorithms...)},
			},
			"client_certificate": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Certificate of the management client, to sign in by (`tls_client_auth`, `self_signed_tls_client_auth`) instead of `client_secret`, with those above it behind it: PEM, or a file with them. " +
					"The tokens that it gets are bound to it. Needs `client_key`, and an `endpoint` with https. " + envText(envCertificate),
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"client_key": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Private key of `client_certificate`, in the forms of `private_key`. " + envText(envClientKey),
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"access_token": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Bearer token for the management API, as the admin token of `serve`. Excludes `client_id` and `username`. " + envText(envToken),
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"username": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "User name for HTTP Basic authentication (WSO2 Identity Server). Needs `password`. " + envText(envUsername),
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"password": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Password for HTTP Basic authentication. " + envText(envPassword),
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"ca_certificate": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "CA certificates in PEM form, or a file with them, to trust for `endpoint` instead of the system's. " + envText(envCA),
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"insecure_skip_verify": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Accept any TLS certificate of `endpoint`. For rehearsals only: whoever sits between can read every secret. " + envText(envInsecure),
			},
			"requests_per_minute": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "At most this many requests a minute, shared by all resources of this provider configuration. Default: 200 for a plain WSO2 server, which is what Asgardeo allows; no limit for `serve`. Each alias, and each run at the same time from the same address, has a budget of its own: divide it. " + envText(envRate),
				Validators:          []validator.Int64{int64validator.AtLeast(1)},
			},
			"request_timeout": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "How long one attempt of a request may take, at most `30s` for those that change credentials. Default: `30s`. " + envText(envTimeout),
				Validators:          []validator.String{durationBetween(minTimeout, maxTimeout)},
			},
			"seal_identity": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Opens what `seal_to` sealed, for the ephemeral resource `agentcreds_agent_secret`: age identities (`AGE-SECRET-KEY-…`), one a line, or `file:NAME` with a file that has them and that its owner alone can read. " +
					"Nothing else needs it. Better in the environment, or an ephemeral variable, than in the configuration, which a saved plan contains. " + envText(envIdentity),
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"accept_new_store": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Objects remember in which store they live; a lost or swapped database is an error and never looks like deleted agents. " +
					"Set this for one run when the store was replaced on purpose: what is not in the new one is planned to be created again. " + envText(envNewStore),
			},
		},
	}
}

func (p *agentcreds) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newAgentResource, newSecretResource, newKeyResource, newCertificateResource, newPairResource, newRoleResource}
}

func (p *agentcreds) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newAgentData, newAgentsData, newCredentialsData, newAuditEventsData, newServerData}
}

func (p *agentcreds) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{newTokenEphemeral, newSecretEphemeral, newRandomEphemeral}
}

func (p *agentcreds) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newRotationPeriod, newJWKThumbprint, newPublicJWK}
}
