package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

var (
	_ resource.ResourceWithConfigure   = (*agentResource)(nil)
	_ resource.ResourceWithImportState = (*agentResource)(nil)
	_ resource.ResourceWithIdentity    = (*agentResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*agentResource)(nil)
)

// What to do with an agent that is there already, and when a resource goes.
const (
	onExistingError = "error"
	onExistingAdopt = "adopt"

	deletionDelete  = "delete"
	deletionDisable = "disable"
	deletionAbandon = "abandon"
	deletionPrevent = "prevent"
)

type agentResource struct{ resourceBase }

func newAgentResource() resource.Resource { return &agentResource{} }

func (r *agentResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = TypeName + "_agent"
}

func (r *agentResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"id": identityschema.StringAttribute{RequiredForImport: true, Description: "Id of the agent."},
	}}
}

func (r *agentResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	nonEmpty := []validator.String{stringvalidator.LengthBetween(1, 1024)}
	words := []validator.Set{setvalidator.ValueStringsAre(stringvalidator.LengthBetween(1, 255))}
	resp.Schema = schema.Schema{
		MarkdownDescription: "An AI agent: its identity, and nothing secret. Credentials are resources of their own, as `agentcreds_agent_secret`, so that they rotate while the agent stays.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "Id of the agent, made by the server. It is the Agent ID that the agent authenticates with, and never changes.",
			},
			"display_name": schema.StringAttribute{
				Required: true, Validators: nonEmpty,
				MarkdownDescription: "Name for people. It need not be unique; a change updates the agent.",
			},
			"description": schema.StringAttribute{
				Optional: true, Validators: nonEmpty,
				MarkdownDescription: "What the agent is for. A change updates the agent.",
			},
			"owner": schema.StringAttribute{
				Optional: true, Validators: nonEmpty,
				MarkdownDescription: "Who answers for the agent; on WSO2 `<user id>@<organization>`. A change updates the agent.",
			},
			"attributes": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Further attributes of the agent schema. Only those that are named here are managed; removing one removes it from the agent.",
				Validators: []validator.Map{
					mapvalidator.KeysAre(stringvalidator.LengthBetween(1, 255),
						stringvalidator.NoneOfCaseInsensitive("DisplayName", "Description", "Owner", "IsUserServingAgent")),
					mapvalidator.ValueStringsAre(nonEmpty...),
				},
			},
			"is_user_serving_agent": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				PlanModifiers:       []planmodifier.Bool{boolplanmodifier.RequiresReplace()},
				MarkdownDescription: "Whether the agent acts for people who sign in. Default: `false`. **A change replaces the agent**, and with it all its credentials.",
			},
			"external_id": schema.StringAttribute{
				Optional: true, Validators: nonEmpty,
				MarkdownDescription: "Your own unique key of the agent, as `team/bot`. Strongly advised: by it an agent is found again whose creation was interrupted, and the server refuses a second agent with the same key. A change updates the agent.",
			},
			"enabled": schema.BoolAttribute{
				Optional: true, Computed: true,
				PlanModifiers:       []planmodifier.Bool{boolplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Whether the agent may authenticate. `false` blocks it and ends all its tokens at once. Unset, it is not managed: a lock-out by the server is left alone.",
			},
			"scopes": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Validators: words,
				MarkdownDescription: "Scopes that the agent may ask for. Default: none. A change updates the agent; tokens that were issued keep theirs until they expire.",
			},
			"audiences": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Validators: words,
				MarkdownDescription: "Audiences that the agent may ask tokens for. Default: the issuer alone.",
			},
			"allowed_auth_methods": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				Validators:          []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(api.AuthMethods()...))},
				MarkdownDescription: "Ways in which the agent may authenticate: `client_secret_basic`, `client_secret_post`, `private_key_jwt`, `tls_client_auth`, `self_signed_tls_client_auth`. Unset or empty: all.",
			},
			"prevent_lockout": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Refuse, at plan, a change of `allowed_auth_methods` that leaves the agent without a credential that it can use, judged by what it had when it was last read: secrets, keys, a `jwks_uri` and certificates that are live. So another way to authenticate takes two applies: add the credential and its method; then, when the agent uses it, take the old method away. Destroying the last credential only warns. Default: `true`.",
			},
			"roles": schema.SetAttribute{
				Computed: true, ElementType: types.StringType,
				PlanModifiers:       []planmodifier.Set{setplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "Names of the roles that the agent had when it was last read: one that an `agentcreds_agent_role` gives it shows after the next refresh.",
			},
			"reinstate_trigger": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "An agent that was revoked (the panic button, `POST …/revoke`) stays so: the next apply does not undo it, and updates and rotations are refused. A change of any value here reinstates it; its credentials stay revoked and are rotated by the apply after that.",
			},
			"revoked_at": schema.StringAttribute{
				Computed: true, CustomType: timetypes.RFC3339Type{}, PlanModifiers: keep,
				MarkdownDescription: "When everything that the agent had was revoked; null when it was not.",
			},
			"on_existing": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(onExistingError),
				Validators:          []validator.String{stringvalidator.OneOf(onExistingError, onExistingAdopt)},
				MarkdownDescription: "What to do when an agent with the same `external_id` is there already: `error` (default) shows an import block for it; `adopt` takes it over, id and credentials as they are.",
			},
			"deletion_policy": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(deletionDelete),
				Validators:          []validator.String{stringvalidator.OneOf(deletionDelete, deletionDisable, deletionAbandon, deletionPrevent)},
				MarkdownDescription: "What destroying does: `delete` (default) deletes the agent and all its credentials; `disable` blocks it and keeps it; `abandon` only forgets it; `prevent` makes the plan an error.",
			},
			"created_at": schema.StringAttribute{
				Computed: true, CustomType: timetypes.RFC3339Type{}, PlanModifiers: keep,
				MarkdownDescription: "When the agent was created.",
			},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{Create: true, Read: true, Update: true, Delete: true}),
		},
	}
}

// check finds nothing: what can be wrong in a configuration, the schema knows.
func (r *agentResource) check(*agentModel, *diag.Diagnostics) {}
