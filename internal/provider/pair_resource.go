package provider

import (
	"context"

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
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	_ resource.ResourceWithConfigure      = (*pairResource)(nil)
	_ resource.ResourceWithImportState    = (*pairResource)(nil)
	_ resource.ResourceWithIdentity       = (*pairResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*pairResource)(nil)
	_ resource.ResourceWithValidateConfig = (*pairResource)(nil)
)

// The sides of a pair.
const (
	blue  = "blue"
	green = "green"
)

// pairResource is blue and green: two agents, each with the one secret that
// some servers keep for an agent. It sets the secret of the idle one and lets
// the outputs follow, so that the other goes on working.
type pairResource struct{ secretResource }

func newPairResource() resource.Resource { return &pairResource{} }

func (r *pairResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = TypeName + "_agent_pair"
}

func (r *pairResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"blue_agent_id":  identityschema.StringAttribute{RequiredForImport: true, Description: "Id of one agent."},
		"green_agent_id": identityschema.StringAttribute{RequiredForImport: true, Description: "Id of the other agent."},
	}}
}

func (r *pairResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	keepBool := []planmodifier.Bool{boolplanmodifier.UseStateForUnknown()}
	keepInt := []planmodifier.Int64{int64planmodifier.UseStateForUnknown()}
	agentID := func(what string) schema.StringAttribute {
		return schema.StringAttribute{
			Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}, MarkdownDescription: what,
		}
	}
	side := func(what string) schema.SingleNestedAttribute {
		return schema.SingleNestedAttribute{
			Computed: true, PlanModifiers: []planmodifier.Object{objectplanmodifier.UseStateForUnknown()}, MarkdownDescription: what,
			Attributes: map[string]schema.Attribute{
				"secret_id":     schema.StringAttribute{Computed: true, MarkdownDescription: "Which secret it is: when it was set, in milliseconds since 1970."},
				"secret":        schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The secret; null when nobody has it, and with `seal_to` or `secret_wo`."},
				"sealed_secret": schema.StringAttribute{Computed: true, MarkdownDescription: "With `seal_to`, the secret encrypted."},
				"version":       schema.Int64Attribute{Computed: true, MarkdownDescription: "`version` of the pair when it was set."},
				"rotated_at":    schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: "When it was set."},
			},
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Rotation **without downtime where an agent has one secret**, as on WSO2 Asgardeo: there a new secret ends the old one, and every token, at once. Of two agents with the same roles one is active. " +
			"A change of `rotation_trigger` sets the secret of the idle one, and then the outputs (`agent_id`, `secret`, `version`) follow; the agent that was left keeps working until the next rotation, or until `revoke_inactive_trigger` changes. " +
			"The pair owns the secrets of both agents and nothing else: do not declare an `agentcreds_agent_secret` for them.",
		Attributes: map[string]schema.Attribute{
			"blue_agent_id":  agentID("Id of one agent, which is active first. A change replaces the pair."),
			"green_agent_id": agentID("Id of the other agent. Give it the same roles (`agentcreds_agent_role`). A change replaces the pair."),
			"rotation_trigger": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Any values; when one changes, or the map appears, the idle agent gets a new secret and becomes the active one.",
			},
			"rotate_after": schema.StringAttribute{
				Optional: true, Validators: []validator.String{durationBetween(minPeriod, maxPeriod)},
				MarkdownDescription: "Age of the active secret, as `720h`, at which the next plan rotates.",
			},
			"active": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.OneOf(blue, green)},
				MarkdownDescription: "Pins the active side, `blue` or `green`: to roll back, set it to the side that was left. That sets no secret when the pair still has that side's. While it is set, a rotation sets the secret of that side, and ends the one before at once if it is active already. Unset, each rotation changes sides.",
			},
			"revoke_inactive_trigger": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Any values; when one changes, or the map appears, the idle agent gets a secret that nobody knows, and its tokens end. Change it together with `rotation_trigger` when the secret has leaked.",
			},
			"on_drift": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(driftRotate),
				Validators:          []validator.String{stringvalidator.OneOf(driftRotate, driftWarn, driftIgnore)},
				MarkdownDescription: "What to do when the secret of the active agent was set outside Terraform: `rotate` (default), `warn` or `ignore`.",
			},
			"deletion_policy": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(deletionRevoke),
				Validators:          []validator.String{stringvalidator.OneOf(deletionRevoke, deletionAbandon)},
				MarkdownDescription: "What destroying does: `revoke` (default) gives both agents secrets that nobody knows; `abandon` leaves theirs alive.",
			},
			"on_existing": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(onExistingError),
				Validators:          []validator.String{stringvalidator.OneOf(onExistingError, onExistingReplace)},
				MarkdownDescription: "What to do when the secret of one of the agents was set after the agent was created, so that somebody may use it: `error` (default) or `replace`.",
			},
			"seal_to": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Validators: []validator.Set{sealRecipients{}},
				MarkdownDescription: "[age](https://age-encryption.org) recipients, as in `agentcreds_agent_secret`: `secret` is null, and `sealed_secret` has the value. Another set rotates.",
			},
			"secret_wo": schema.StringAttribute{
				Optional: true, Sensitive: true, WriteOnly: true, Validators: []validator.String{strongSecret{}},
				MarkdownDescription: "The secret, where it comes from elsewhere. It is stored nowhere. It is set for the idle agent when `secret_wo_version` changes. Needs Terraform or OpenTofu 1.11.",
			},
			"secret_wo_version": schema.Int64Attribute{
				Optional: true, Validators: givenVersion(),
				MarkdownDescription: "Any number that changes with `secret_wo`.",
			},
			"active_side":    schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "The side that is active: `blue` or `green`."},
			"agent_id":       schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "Id of the active agent: what authenticates."},
			"secret":         schema.StringAttribute{Computed: true, Sensitive: true, PlanModifiers: keep, MarkdownDescription: "Secret of the active agent. **It is in the state**, so keep the state encrypted, or set `seal_to`."},
			"sealed_secret":  schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "With `seal_to`, the secret of the active agent encrypted to its recipients."},
			"sealed_version": schema.Int64Attribute{Computed: true, PlanModifiers: keepInt, MarkdownDescription: "The version that `sealed_secret` is bound to, for the ephemeral resource that opens it. It is `version`, but after a change of `active` that set no secret."},
			"version":        schema.Int64Attribute{Computed: true, PlanModifiers: keepInt, MarkdownDescription: "Grows whenever the outputs change, and never goes back. Give it to the `…_wo_version` of the resource that takes the secret."},
			"rotated_at":     schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, PlanModifiers: keep, MarkdownDescription: "When the secret of the active agent was set."},
			"blue":           side("The secret of the blue agent."),
			"green":          side("The secret of the green agent."),
			"rotation_due":   schema.BoolAttribute{Computed: true, PlanModifiers: keepBool, MarkdownDescription: "Whether the active secret was older than `rotate_after` when it was last read."},
			"drift":          schema.BoolAttribute{Computed: true, PlanModifiers: keepBool, MarkdownDescription: "Whether the secret of the active agent was found to be another when it was last read."},
			"revoke_pending": schema.BoolAttribute{Computed: true, PlanModifiers: keepBool, MarkdownDescription: "Whether the idle agent was to lose its secret and did not: the next apply sees to it."},
		},
	}
}

// ValidateConfig: one agent is no pair.
func (r *pairResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m pairModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if !m.BlueAgentID.IsUnknown() && m.BlueAgentID.Equal(m.GreenAgentID) {
		resp.Diagnostics.AddAttributeError(path.Root("green_agent_id"), "The pair is one agent",
			"blue_agent_id and green_agent_id are both "+m.BlueAgentID.ValueString()+". Create a second agent with the same roles.")
	}
}
