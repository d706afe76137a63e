package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// randomEphemeral is a new secret, each time it is opened. Nobody keeps it.
type randomEphemeral struct{}

func newRandomEphemeral() ephemeral.EphemeralResource { return randomEphemeral{} }

type randomModel struct {
	Value types.String `tfsdk:"value"`
}

func (randomEphemeral) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = TypeName + "_random_secret"
}

func (randomEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A new secret of 256 random bits that every server takes: 54 characters with a lower-case letter, an upper-case letter, a digit and an underscore, of the form `agcs_…`, which scanners find when it leaks. " +
			"It is **another one at each plan and each apply**, so give it to one place only, the secret manager, and let `secret_wo` read it back from there. Given to two places, the second gets another value when a run is repeated after the first has taken its own. " +
			"Needs Terraform 1.10 or OpenTofu 1.11.",
		Attributes: map[string]schema.Attribute{
			"value": schema.StringAttribute{Computed: true, Sensitive: true,
				MarkdownDescription: "The secret. It is in no state and no plan, and can go where ephemeral values can."},
		},
	}
}

// Open makes one; nothing is left behind when it is not used.
func (randomEphemeral) Open(ctx context.Context, _ ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	resp.Diagnostics.Append(resp.Result.Set(ctx, &randomModel{types.StringValue(secret.Generate().Reveal())})...)
}
