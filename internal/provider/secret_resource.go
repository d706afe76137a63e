package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
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
	_ resource.ResourceWithConfigure      = (*secretResource)(nil)
	_ resource.ResourceWithImportState    = (*secretResource)(nil)
	_ resource.ResourceWithIdentity       = (*secretResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*secretResource)(nil)
	_ resource.ResourceWithValidateConfig = (*secretResource)(nil)
)

const (
	driftRotate = "rotate"
	driftWarn   = "warn"
	driftIgnore = "ignore"

	deletionRevoke    = "revoke"
	onExistingReplace = "replace"
)

type secretResource struct{ resourceBase }

func newSecretResource() resource.Resource { return &secretResource{} }

func (r *secretResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = TypeName + "_agent_secret"
}

// IdentitySchema names the agent alone: the secret's id changes with each
// rotation, the object stays.
func (r *secretResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"agent_id": identityschema.StringAttribute{RequiredForImport: true, Description: "Id of the agent that the secret belongs to."},
	}}
}

func (r *secretResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	keepBool := []planmodifier.Bool{boolplanmodifier.UseStateForUnknown()}
	period := []validator.String{durationBetween(minPeriod, maxPeriod)}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The secret of an agent, and its rotation. A change of `rotation_trigger` makes a new secret **in place**; the old one keeps working for `grace_period`, so consumers can follow without downtime. " +
			"Tainting or `-replace` is the emergency path: the old secret is revoked at once. Declare one per agent.",
		Attributes: map[string]schema.Attribute{
			"agent_id": schema.StringAttribute{
				Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				MarkdownDescription: "Id of the agent. A change replaces the secret.",
			},
			"rotation_trigger": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Any values; when one changes, or the map appears, the secret is rotated in place. `{}` is as unset; taking the map away does not rotate. " +
					"For a schedule: `{ period = provider::agentcreds::rotation_period(plantimestamp(), \"720h\") }`, or `rotate_after`.",
			},
			"rotate_after": schema.StringAttribute{
				Optional: true, Validators: period,
				MarkdownDescription: "Age, as `720h`, at which the secret is due: the next plan rotates it. Judged by the server's clock when the state is refreshed.",
			},
			"expire_after": schema.StringAttribute{
				Optional: true, Validators: period,
				MarkdownDescription: "Age at which the secret stops working, whoever forgets it. Default: never. A change moves the expiry of the current secret.",
			},
			"grace_period": schema.StringAttribute{
				Optional: true, Validators: []validator.String{durationBetween(0, maxGrace)},
				MarkdownDescription: "How long the old secret keeps working after a rotation. Unset: `24h`. `0s`: it ends at once. At most `720h`. A change moves the end of the present grace.",
			},
			"on_drift": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(driftRotate),
				Validators:          []validator.String{stringvalidator.OneOf(driftRotate, driftWarn, driftIgnore)},
				MarkdownDescription: "What to do when the secret was rotated or revoked outside Terraform, or expired: `rotate` (default) makes a new one, `warn` says so in each plan, `ignore` does neither.",
			},
			"deletion_policy": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(deletionRevoke),
				Validators:          []validator.String{stringvalidator.OneOf(deletionRevoke, deletionAbandon)},
				MarkdownDescription: "What destroying does: `revoke` (default) ends the secret, and its predecessor if that is still in its grace, at once; `abandon` leaves both alive.",
			},
			"on_existing": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(onExistingError),
				Validators:          []validator.String{stringvalidator.OneOf(onExistingError, onExistingReplace)},
				MarkdownDescription: "What to do when secrets that others made leave no room for a new one: `error` (default), or `replace`, which revokes the oldest.",
			},
			"seal_to": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Validators: []validator.Set{sealRecipients{}},
				MarkdownDescription: "[age](https://age-encryption.org) recipients (`age1…`, or post-quantum `age1pq1…`), each of which can open the secret. With it `secret` is null, and `sealed_secret` has the value, readable for nobody else: " +
					"nothing readable is in the state or in a plan. `[]` is as unset. Another set rotates the secret in place, and so does taking it away; right after an import it rotates nothing.",
			},
			"secret_wo": schema.StringAttribute{
				Optional: true, Sensitive: true, WriteOnly: true, Validators: []validator.String{strongSecret{}},
				MarkdownDescription: "The secret, where it comes from elsewhere, as from a secret manager: 8 to 100 characters with a lower-case letter, an upper-case letter and a digit. It is stored nowhere; `secret`, `sealed_secret` and `hint` are null. " +
					"It is sent when `secret_wo_version` changes; a rotation because of `on_drift` sends it again, unless somebody revoked it. Excludes `rotation_trigger`, `rotate_after` and `seal_to`. Needs Terraform or OpenTofu 1.11.",
			},
			"secret_wo_version": schema.Int64Attribute{
				Optional: true, Validators: givenVersion(),
				MarkdownDescription: "Any number that changes with `secret_wo`, as the version of the secret manager's entry: a change sends the new value, in place, and the old one has its grace. Right after an import nothing is sent.",
			},
			"secret_id": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "Id of the current secret; not secret itself.",
			},
			"secret": schema.StringAttribute{
				Computed: true, Sensitive: true, PlanModifiers: keep,
				MarkdownDescription: "The secret. **It is in the state**, so keep the state encrypted and its readers few, or set `seal_to`. Null after an import, until the first rotation, and with `seal_to` or `secret_wo`.",
			},
			"sealed_secret": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "With `seal_to`, the secret encrypted to its recipients, for the ephemeral resource `agentcreds_agent_secret` to open: text in the armor of age, bound to this agent and `version`. Else null.",
			},
			"hint": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "Last four characters of the secret, for telling secrets apart; null with `secret_wo`.",
			},
			"version": schema.Int64Attribute{
				Computed: true, PlanModifiers: []planmodifier.Int64{int64planmodifier.UseStateForUnknown()},
				MarkdownDescription: "Grows with every new secret and never goes back, replacement included. Give it to the `…_wo_version` of the resource that takes the secret.",
			},
			"rotated_at": schema.StringAttribute{
				Computed: true, CustomType: timetypes.RFC3339Type{}, PlanModifiers: keep,
				MarkdownDescription: "When the current secret was made.",
			},
			"expires_at": schema.StringAttribute{
				Computed: true, CustomType: timetypes.RFC3339Type{}, PlanModifiers: keep,
				MarkdownDescription: "When the current secret stops working; null for never.",
			},
			"previous": schema.SingleNestedAttribute{
				Computed: true, PlanModifiers: []planmodifier.Object{objectplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "The secret before the last rotation; null when there was none, or when it is revoked.",
				Attributes: map[string]schema.Attribute{
					"secret_id":  schema.StringAttribute{Computed: true, MarkdownDescription: "Its id."},
					"expires_at": schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: "When it stops working, or stopped."},
				},
			},
			"rotation_due": schema.BoolAttribute{
				Computed: true, PlanModifiers: keepBool,
				MarkdownDescription: "Whether the secret was older than `rotate_after` when it was last read.",
			},
			"drift": schema.BoolAttribute{
				Computed: true, PlanModifiers: keepBool,
				MarkdownDescription: "Whether the secret was found rotated, revoked or expired when it was last read; see `on_drift`.",
			},
		},
	}
}
