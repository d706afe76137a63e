package provider

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// sealRecipients checks the recipients of seal_to. It is one of the set: which
// of them go together matters, and the path of an element of a set has its
// value in it.
type sealRecipients struct{}

func (sealRecipients) Description(context.Context) string {
	return "age recipients: age1…, or age1pq1…"
}

func (v sealRecipients) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (sealRecipients) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	switch {
	case req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() || holdsUnknownWord(req.ConfigValue):
		return
	case len(req.ConfigValue.Elements()) == 0: // as an empty variable makes it: nobody may have meant that
		resp.Diagnostics.AddAttributeWarning(req.Path, "The secret is sealed to nobody",
			"seal_to is empty, which is as unset: the secret is readable in the state, in the attribute secret. Name a recipient; or leave seal_to out, or null, if that is what you want.")
		return
	}
	const title = "Invalid recipient"
	switch err := secret.CheckRecipients(wordsOf(req.ConfigValue)); {
	case err == nil:
	case errors.Is(err, secret.ErrIsIdentity):
		// Without the path: with it Terraform shows the line, and the key.
		resp.Diagnostics.AddError(title, "seal_to: "+err.Error()+". Now it has been in a configuration: make a new key.")
	default:
		resp.Diagnostics.AddAttributeError(req.Path, title, sentence(err))
	}
}

// givenVersion are the rules of secret_wo_version. What goes with secret_wo, and
// what does not, is said of its version: with a path to secret_wo Terraform
// shows the line, and the secret if it was written there.
func givenVersion() []validator.Int64 {
	return []validator.Int64{
		int64validator.AlsoRequires(path.MatchRoot("secret_wo")),
		int64validator.ConflictsWith(path.MatchRoot("rotation_trigger"), path.MatchRoot("rotate_after"), path.MatchRoot("seal_to")),
	}
}

// strongSecret refuses a value that every server would refuse.
type strongSecret struct{}

func (strongSecret) Description(context.Context) string {
	return "8 to 100 characters, with a lower-case letter, an upper-case letter and a digit"
}

func (v strongSecret) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString does not repeat the value, nor does it name the path.
func (strongSecret) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	var version types.Int64
	if resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("secret_wo_version"), &version)...); version.IsNull() {
		resp.Diagnostics.AddError("No version of the given secret", "secret_wo is set, and secret_wo_version is not. Set it to a number that changes with secret_wo, as the version of the secret manager's entry: without it nobody sees that another secret is given.")
	}
	if err := secret.Check(secret.New(req.ConfigValue.ValueString())); err != nil {
		resp.Diagnostics.AddError("Weak secret", "secret_wo: "+err.Error()+".")
	}
}

// ValidateConfig refuses durations that contradict each other.
func (r *secretResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m secretModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); !resp.Diagnostics.HasError() {
		r.check(&m, &resp.Diagnostics)
	}
}

func (r *secretResource) check(m *secretModel, diags *diag.Diagnostics) {
	if m.ExpireAfter.IsNull() || m.ExpireAfter.IsUnknown() {
		return
	}
	expire := duration(m.ExpireAfter, maxPeriod)
	if !m.GracePeriod.IsNull() && !m.GracePeriod.IsUnknown() && duration(m.GracePeriod, 0) > expire {
		diags.AddAttributeError(path.Root("grace_period"), "The grace is longer than the secret's life",
			"grace_period is "+m.GracePeriod.ValueString()+", but a secret expires "+m.ExpireAfter.ValueString()+" after it was made (expire_after): it would end before its grace does. Shorten grace_period or lengthen expire_after.")
	}
	if !m.RotateAfter.IsNull() && !m.RotateAfter.IsUnknown() && duration(m.RotateAfter, time.Hour) >= expire {
		diags.AddAttributeWarning(path.Root("rotate_after"), "The secret expires before it is due",
			"rotate_after is "+m.RotateAfter.ValueString()+", but a secret expires "+m.ExpireAfter.ValueString()+" after it was made (expire_after). Consumers fail until the next apply. Make rotate_after shorter.")
	}
}
