package provider

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

type secretModel struct {
	AgentID         types.String      `tfsdk:"agent_id"`
	RotationTrigger types.Map         `tfsdk:"rotation_trigger"`
	RotateAfter     types.String      `tfsdk:"rotate_after"`
	ExpireAfter     types.String      `tfsdk:"expire_after"`
	GracePeriod     types.String      `tfsdk:"grace_period"`
	OnDrift         types.String      `tfsdk:"on_drift"`
	DeletionPolicy  types.String      `tfsdk:"deletion_policy"`
	OnExisting      types.String      `tfsdk:"on_existing"`
	SealTo          types.Set         `tfsdk:"seal_to"`
	SecretWO        types.String      `tfsdk:"secret_wo"` // null, always: see given
	SecretWOVersion types.Int64       `tfsdk:"secret_wo_version"`
	SecretID        types.String      `tfsdk:"secret_id"`
	Secret          types.String      `tfsdk:"secret"`
	SealedSecret    types.String      `tfsdk:"sealed_secret"`
	Hint            types.String      `tfsdk:"hint"`
	Version         types.Int64       `tfsdk:"version"`
	RotatedAt       timetypes.RFC3339 `tfsdk:"rotated_at"`
	ExpiresAt       timetypes.RFC3339 `tfsdk:"expires_at"`
	Previous        types.Object      `tfsdk:"previous"`
	RotationDue     types.Bool        `tfsdk:"rotation_due"`
	Drift           types.Bool        `tfsdk:"drift"`
}

var previousTypes = map[string]attr.Type{"secret_id": types.StringType, "expires_at": timetypes.RFC3339Type{}}

// setSecret takes on a secret that was just made. prior is the version before,
// 0 for none: versions never go back, whatever the server's clock does. It
// cannot fail: there is no way back, and the state must get it.
func (m *secretModel) setSecret(n newSecret, prior int64) {
	m.describe(n.made)
	m.Version = types.Int64Value(max(prior+1, n.made.CreatedAt))
	m.RotationDue = types.BoolValue(false)
	m.Drift = types.BoolValue(false)
	m.keepValue(n)
}

// describe takes on what the server says of the secret.
func (m *secretModel) describe(s api.Secret) {
	m.SecretID = types.StringValue(s.SecretID)
	m.Hint = optional(s.Hint)
	if m.given() {
		m.Hint = types.StringNull()
	}
	m.RotatedAt = millis(s.CreatedAt)
	m.ExpiresAt = seconds(s.ExpiresAt)
}

// keepComputed copies from the state what an update does not change.
func (m *secretModel) keepComputed(state *secretModel) {
	m.SecretID, m.Secret, m.SealedSecret, m.Hint, m.Version = state.SecretID, state.Secret, state.SealedSecret, state.Hint, state.Version
	if m.given() {
		m.Hint = types.StringNull()
	}
	m.RotatedAt, m.ExpiresAt, m.Previous = state.RotatedAt, state.ExpiresAt, state.Previous
	m.RotationDue, m.Drift = state.RotationDue, state.Drift
}

// previousID is the id in previous; "" for none.
func (m *secretModel) previousID() string {
	id, _ := m.Previous.Attributes()["secret_id"].(types.String)
	return id.ValueString()
}

func (m *secretModel) setPrevious(id string, expires int64) {
	m.Previous = types.ObjectValueMust(previousTypes, map[string]attr.Value{
		"secret_id": types.StringValue(id), "expires_at": seconds(expires),
	})
}

func noPrevious() types.Object { return types.ObjectNull(previousTypes) }

// grace is how long the old secret lives on.
func (m *secretModel) grace() time.Duration { return duration(m.GracePeriod, defaultGrace) }

func (m *secretModel) owned() owned {
	return owned{m.AgentID.ValueString(), m.SecretID.ValueString(), m.previousID(), m.grace()}
}

// rotated is when the current secret was made.
func (m *secretModel) rotated() time.Time { return at(m.RotatedAt) }

// at is a time of the state; the zero time when it is null.
func at(v timetypes.RFC3339) time.Time {
	t, err := time.Parse(time.RFC3339, v.ValueString())
	if err != nil {
		return time.Time{}
	}
	return t
}

// expiry is when a secret of this configuration ends that was made at the
// time, in unix seconds; 0 never.
func (m *secretModel) expiry(made time.Time) int64 {
	if m.ExpireAfter.IsNull() {
		return 0
	}
	return made.Add(duration(m.ExpireAfter, maxPeriod)).Unix()
}

// due reports whether the current secret is older than rotate_after.
func (m *secretModel) due(now time.Time) bool {
	return !m.RotateAfter.IsNull() && !m.RotatedAt.IsNull() && !now.Before(m.rotated().Add(duration(m.RotateAfter, maxPeriod)))
}
