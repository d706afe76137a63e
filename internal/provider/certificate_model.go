package provider

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

type certificateModel struct {
	AgentID          types.String      `tfsdk:"agent_id"`
	CSRPEM           types.String      `tfsdk:"csr_pem"`
	CSRPEMWO         types.String      `tfsdk:"csr_pem_wo"` // of the configuration alone: null in every state
	CSRPEMWOVersion  types.Int64       `tfsdk:"csr_pem_wo_version"`
	Validity         types.String      `tfsdk:"validity"`
	EarlyRenewal     types.String      `tfsdk:"early_renewal"`
	CertificatePEM   types.String      `tfsdk:"certificate_pem"`
	SubjectDN        types.String      `tfsdk:"subject_dn"`
	SANDNS           types.String      `tfsdk:"san_dns"`
	SANURI           types.String      `tfsdk:"san_uri"`
	SANIP            types.String      `tfsdk:"san_ip"`
	SANEmail         types.String      `tfsdk:"san_email"`
	GracePeriod      types.String      `tfsdk:"grace_period"`
	CertificateID    types.String      `tfsdk:"certificate_id"`
	CAChainPEM       types.String      `tfsdk:"ca_chain_pem"`
	SerialNumber     types.String      `tfsdk:"serial_number"`
	ThumbprintSHA256 types.String      `tfsdk:"thumbprint_sha256"`
	NotBefore        timetypes.RFC3339 `tfsdk:"not_before"`
	NotAfter         timetypes.RFC3339 `tfsdk:"not_after"`
	ReadyForRenewal  types.Bool        `tfsdk:"ready_for_renewal"`
	Version          types.Int64       `tfsdk:"version"`
	Previous         types.Object      `tfsdk:"previous"`
}

var previousCertificateTypes = map[string]attr.Type{
	"certificate_id": types.StringType, "serial_number": types.StringType, "expires_at": timetypes.RFC3339Type{},
}

func noPreviousCertificate() types.Object { return types.ObjectNull(previousCertificateTypes) }

// setPrevious takes on the one before, which ends at a moment in unix seconds.
func (m *certificateModel) setPrevious(id string, serial types.String, expires int64) {
	m.Previous = types.ObjectValueMust(previousCertificateTypes, map[string]attr.Value{
		"certificate_id": types.StringValue(id), "serial_number": serial, "expires_at": seconds(expires),
	})
}

func (m *certificateModel) previousText(name string) types.String {
	text, _ := m.Previous.Attributes()[name].(types.String)
	return text
}

// previousID is the id in previous; "" for none.
func (m *certificateModel) previousID() string { return m.previousText("certificate_id").ValueString() }

func (m *certificateModel) grace() time.Duration { return duration(m.GracePeriod, defaultGrace) }

// added is when the certificate came, by the server's clock.
func (m *certificateModel) added() time.Time { return time.UnixMilli(m.Version.ValueInt64()) }

func (m *certificateModel) owned() owned {
	return owned{m.AgentID.ValueString(), m.CertificateID.ValueString(), m.previousID(), m.grace()}
}

// due reports whether it is time for the next certificate: early_renewal before
// the end, or with the last third of its life. One that lives shorter than
// early_renewal, because the CA ends, is not due as soon as it is there.
func (m *certificateModel) due(now time.Time) bool {
	if m.NotAfter.IsNull() || m.NotBefore.IsNull() {
		return false
	}
	end := at(m.NotAfter)
	life := end.Sub(at(m.NotBefore))
	early := duration(m.EarlyRenewal, life/3)
	if early >= life {
		early = life / 3
	}
	return !now.Before(end.Add(-early))
}

// setCertificate takes on a certificate that was just added. prior is the
// version before, 0 for none: versions never go back.
func (m *certificateModel) setCertificate(c api.Certificate, prior int64, now time.Time) {
	m.describe(c)
	m.Version = types.Int64Value(max(prior+1, c.CreatedAt))
	m.ReadyForRenewal = types.BoolValue(m.due(now))
}

// describe takes on what the server says of the certificate. A text that holds
// the same certificate stays as it is written.
func (m *certificateModel) describe(c api.Certificate) {
	m.CSRPEMWO = types.StringNull()
	if written, err := keys.FromCertificatePEM([]byte(m.CertificatePEM.ValueString())); err != nil || written.Fingerprint() != c.ThumbprintS256 {
		m.CertificatePEM = optional(c.CertificatePEM)
	}
	m.CertificateID, m.CAChainPEM = types.StringValue(c.ID), optional(c.CAChainPEM)
	m.SerialNumber, m.ThumbprintSHA256 = optional(c.SerialNumber), optional(c.ThumbprintS256)
	m.NotBefore, m.NotAfter = seconds(c.NotBefore), seconds(c.NotAfter)
	s := api.Subject{}
	if c.Subject != nil {
		s = *c.Subject
	}
	m.SubjectDN, m.SANDNS, m.SANURI, m.SANIP, m.SANEmail = optional(s.DN), optional(s.DNS), optional(s.URI), optional(s.IP), optional(s.Email)
}

// keepComputed copies from the state what an update does not change.
func (m *certificateModel) keepComputed(state *certificateModel) {
	m.CSRPEMWO = types.StringNull()
	if m.CertificatePEM.IsUnknown() {
		m.CertificatePEM = state.CertificatePEM
	}
	m.CertificateID, m.CAChainPEM, m.SerialNumber, m.ThumbprintSHA256 = state.CertificateID, state.CAChainPEM, state.SerialNumber, state.ThumbprintSHA256
	m.NotBefore, m.NotAfter, m.Version, m.Previous = state.NotBefore, state.NotAfter, state.Version, state.Previous
}
