package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

type pairModel struct {
	BlueAgentID           types.String      `tfsdk:"blue_agent_id"`
	GreenAgentID          types.String      `tfsdk:"green_agent_id"`
	RotationTrigger       types.Map         `tfsdk:"rotation_trigger"`
	RotateAfter           types.String      `tfsdk:"rotate_after"`
	Active                types.String      `tfsdk:"active"`
	RevokeInactiveTrigger types.Map         `tfsdk:"revoke_inactive_trigger"`
	OnDrift               types.String      `tfsdk:"on_drift"`
	DeletionPolicy        types.String      `tfsdk:"deletion_policy"`
	OnExisting            types.String      `tfsdk:"on_existing"`
	SealTo                types.Set         `tfsdk:"seal_to"`
	SecretWO              types.String      `tfsdk:"secret_wo"` // null, always: see given
	SecretWOVersion       types.Int64       `tfsdk:"secret_wo_version"`
	ActiveSide            types.String      `tfsdk:"active_side"`
	AgentID               types.String      `tfsdk:"agent_id"`
	Secret                types.String      `tfsdk:"secret"`
	SealedSecret          types.String      `tfsdk:"sealed_secret"`
	SealedVersion         types.Int64       `tfsdk:"sealed_version"`
	Version               types.Int64       `tfsdk:"version"`
	RotatedAt             timetypes.RFC3339 `tfsdk:"rotated_at"`
	Blue                  types.Object      `tfsdk:"blue"`
	Green                 types.Object      `tfsdk:"green"`
	RotationDue           types.Bool        `tfsdk:"rotation_due"`
	Drift                 types.Bool        `tfsdk:"drift"`
	RevokePending         types.Bool        `tfsdk:"revoke_pending"`
}

// side is what the pair knows of the secret of one agent. The zero id: nothing.
type side struct {
	SecretID  types.String
	Secret    types.String
	Sealed    types.String
	Version   types.Int64
	RotatedAt timetypes.RFC3339
}

var sideTypes = map[string]attr.Type{
	"secret_id": types.StringType, "secret": types.StringType, "sealed_secret": types.StringType,
	"version": types.Int64Type, "rotated_at": timetypes.RFC3339Type{},
}

func (s side) object() types.Object {
	return types.ObjectValueMust(sideTypes, map[string]attr.Value{
		"secret_id": s.SecretID, "secret": s.Secret, "sealed_secret": s.Sealed, "version": s.Version, "rotated_at": s.RotatedAt,
	})
}

// lost is the side when nobody has its secret any more.
func (s side) lost() side {
	s.Secret, s.Sealed = types.StringNull(), types.StringNull()
	s.SecretID = types.StringNull()
	return s
}

// killed is the side after a secret was set that nobody knows, when it was; 0 when
// that is not known.
func (s side) killed(at int64) side {
	s = s.lost()
	if at != 0 {
		s.RotatedAt = millis(at)
	}
	return s
}

func noSide() side {
	return side{types.StringNull(), types.StringNull(), types.StringNull(), types.Int64Null(), timetypes.NewRFC3339Null()}
}

func other(name string) string {
	if name == blue {
		return green
	}
	return blue
}

// slot is where the model has a side, and its agent.
func (m *pairModel) slot(name string) (object *types.Object, agentID string) {
	if name == blue {
		return &m.Blue, m.BlueAgentID.ValueString()
	}
	return &m.Green, m.GreenAgentID.ValueString()
}

func (m *pairModel) side(name string) side {
	object, _ := m.slot(name)
	s := noSide()
	for key, v := range object.Attributes() {
		switch v := v.(type) {
		case types.Int64:
			s.Version = v
		case timetypes.RFC3339:
			s.RotatedAt = v
		case types.String:
			switch key {
			case "secret_id":
				s.SecretID = v
			case "secret":
				s.Secret = v
			case "sealed_secret":
				s.Sealed = v
			}
		}
	}
	return s
}

func (m *pairModel) setSide(name string, s side) {
	object, _ := m.slot(name)
	*object = s.object()
}

// show lets the outputs follow a side.
func (m *pairModel) show(name string) {
	_, agentID := m.slot(name)
	s := m.side(name)
	m.ActiveSide, m.AgentID = types.StringValue(name), types.StringValue(agentID)
	m.Secret, m.SealedSecret, m.SealedVersion, m.RotatedAt = s.Secret, s.Sealed, s.Version, s.RotatedAt
}

// target is the side that a rotation sets the secret of: the one that is
// pinned, or else the idle one.
func (m *pairModel) target(state *pairModel) string {
	if !m.Active.IsNull() {
		return m.Active.ValueString()
	}
	return other(state.ActiveSide.ValueString())
}

// flips reports whether the pin asks for the other side.
func (m *pairModel) flips(state *pairModel) bool {
	return !m.Active.IsNull() && !m.Active.IsUnknown() && !m.Active.Equal(state.ActiveSide)
}

// usable reports whether the pair knows the secret that a side has. One that
// was given is known to who gave it.
func (m *pairModel) usable(name string) bool { return !m.side(name).SecretID.IsNull() }

// asSecret is the pair as far as it is like one secret: what decides when to
// rotate, and where the value goes.
func (m *pairModel) asSecret() *secretModel {
	return &secretModel{
		AgentID: m.AgentID, RotationTrigger: m.RotationTrigger, RotateAfter: m.RotateAfter, OnDrift: m.OnDrift,
		ExpireAfter: types.StringNull(), GracePeriod: types.StringNull(), Previous: noPrevious(),
		SealTo: m.SealTo, SecretWOVersion: m.SecretWOVersion, Secret: m.Secret, SealedSecret: m.SealedSecret,
		Version: m.Version, RotatedAt: m.RotatedAt, RotationDue: m.RotationDue, Drift: m.Drift, SecretID: m.side(m.ActiveSide.ValueString()).SecretID,
	}
}

// revokes reports whether the plan wants the idle side dead.
func (m *pairModel) revokes(state *pairModel) bool {
	changed := !sameMap(m.RevokeInactiveTrigger, state.RevokeInactiveTrigger) && !emptyMap(m.RevokeInactiveTrigger)
	return changed || state.RevokePending.ValueBool()
}

// take puts a secret that was just set into its side, and shows it. It cannot
// fail: there is no way back.
func (m *pairModel) take(name string, n newSecret, prior int64) {
	one := m.asSecret()
	one.setSecret(n, prior)
	m.setSide(name, side{one.SecretID, one.Secret, one.SealedSecret, one.Version, one.RotatedAt})
	m.show(name)
	m.Version, m.SecretWO = one.Version, types.StringNull()
	m.RotationDue, m.Drift = types.BoolValue(false), types.BoolValue(false)
}

// stillHas reports whether an agent has the secret that the side knows.
func (s side) stillHas(a api.Agent) bool {
	return a.PasswordTime() == 0 || s.SecretID.ValueString() == passwordOf(a).SecretID
}
