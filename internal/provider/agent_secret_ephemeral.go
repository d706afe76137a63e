package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

var _ ephemeral.EphemeralResourceWithConfigure = (*secretEphemeral)(nil)

// secretEphemeral opens a sealed secret. It asks nobody: what it is given, and
// the identity of the provider, decide.
type secretEphemeral struct{ base }

func newSecretEphemeral() ephemeral.EphemeralResource { return &secretEphemeral{} }

type openedModel struct {
	AgentID      types.String `tfsdk:"agent_id"`
	Version      types.Int64  `tfsdk:"version"`
	SealedSecret types.String `tfsdk:"sealed_secret"`
	Secret       types.String `tfsdk:"secret"`
}

func (e *secretEphemeral) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = TypeName + "_agent_secret"
}

func (e *secretEphemeral) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	e.configure(req.ProviderData, &resp.Diagnostics)
}

func (e *secretEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Opens the `sealed_secret` of an `agentcreds_agent_secret` with `seal_to`, for whatever takes the secret without keeping it: a write-only argument of a secret manager, a provider block. " +
			"It makes no request. It needs the provider's `seal_identity`, at plan as well as at apply, also when nothing changes; while the secret is rotated it waits until the new one is there. Needs Terraform 1.10 or OpenTofu 1.11.",
		Attributes: map[string]schema.Attribute{
			"agent_id": schema.StringAttribute{Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "`agent_id` of the secret. What was sealed for another agent is refused."},
			"version": schema.Int64Attribute{Required: true,
				MarkdownDescription: "`version` of the secret: not known while it is rotated, so nothing is opened too early. Another version than the sealed one is refused."},
			"sealed_secret": schema.StringAttribute{Optional: true,
				MarkdownDescription: "`sealed_secret` of the secret. Needed; null is an error that says why it may be null."},
			"secret": schema.StringAttribute{Computed: true, Sensitive: true,
				MarkdownDescription: "The secret. It is in no state and no plan, and can go where ephemeral values can."},
		},
	}
}

// Open runs at plan and at apply.
func (e *secretEphemeral) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m openedModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() || !e.ready(&resp.Diagnostics) {
		return
	}
	if m.SealedSecret.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("sealed_secret"), "The secret is not sealed", fmt.Sprintf(
			"sealed_secret of agent %s is null. Either its agentcreds_agent_secret has no seal_to: set it, or use the attribute secret. Or the secret is given by secret_wo: take it from where that comes from. "+
				"Or it was imported and not rotated since: no server tells the value of a secret, so let the import be done alone (terraform apply -target=agentcreds_agent_secret.NAME), and then change rotation_trigger.", m.AgentID.ValueString()))
		return
	}
	keys, err := e.server.identity.open()
	if err != nil {
		e.noIdentity(err, resp)
		return
	}
	opened, err := secret.OpenEnvelope(m.SealedSecret.ValueString(), keys, m.AgentID.ValueString(), m.Version.ValueInt64())
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("sealed_secret"), "Cannot open the sealed secret",
			"Agent "+m.AgentID.ValueString()+": "+err.Error()+". "+whatToOpen(err))
		return
	}
	m.Secret = types.StringValue(opened.Value.Reveal())
	resp.Diagnostics.Append(resp.Result.Set(ctx, &m)...)
}

// noIdentity says what the provider lacks.
func (e *secretEphemeral) noIdentity(err error, resp *ephemeral.OpenResponse) {
	const need = "Sealed secrets are opened with an age identity (AGE-SECRET-KEY-…) of one of the recipients in seal_to. " +
		"Set AGENTCREDS_SEAL_IDENTITY to it, or to file:NAME, or set seal_identity of the provider to an ephemeral value. Jobs that only plan need it, too; terraform destroy -refresh=false does without."
	switch {
	case errors.Is(err, errNoIdentity):
		resp.Diagnostics.AddError("No identity to open sealed secrets with", need)
	case errors.Is(err, errLateIdentity):
		resp.Diagnostics.AddError("The identity is not known yet", "seal_identity of the provider is known only after apply. Apply what it depends on first, with -target, or give it a value that is known. "+need)
	default:
		resp.Diagnostics.AddError("Cannot use the identity", "seal_identity, or AGENTCREDS_SEAL_IDENTITY: "+err.Error()+
			". Give age identities (AGE-SECRET-KEY-…), one a line, or file:NAME with a file that has them and has mode 0600.")
	}
}

// whatToOpen is what to do about an envelope that does not open.
func whatToOpen(err error) string {
	switch {
	case errors.Is(err, secret.ErrNotForUs):
		return "Give the provider an identity of one of the recipients in seal_to (AGENTCREDS_SEAL_IDENTITY), or add a recipient whose identity you have: that rotates the secret."
	case errors.Is(err, secret.ErrForeign):
		return "Take agent_id, version and sealed_secret from the same agentcreds_agent_secret. If they are, somebody changed the state: rotate the secret."
	default:
		return "Take sealed_secret from agentcreds_agent_secret as it is. If it is, somebody changed the state: rotate the secret."
	}
}
