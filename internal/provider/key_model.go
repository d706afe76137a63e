package provider

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

type keyModel struct {
	AgentID             types.String      `tfsdk:"agent_id"`
	PublicKeyPEM        types.String      `tfsdk:"public_key_pem"`
	PublicJWK           types.String      `tfsdk:"public_jwk"`
	CertificatePEM      types.String      `tfsdk:"certificate_pem"`
	PrivateKeyPEMWO     types.String      `tfsdk:"private_key_pem_wo"` // of the configuration alone: null in every state
	PrivateKeyWOVersion types.Int64       `tfsdk:"private_key_wo_version"`
	JWKSURI             types.String      `tfsdk:"jwks_uri"`
	Alg                 types.String      `tfsdk:"alg"`
	NotAfter            timetypes.RFC3339 `tfsdk:"not_after"`
	GracePeriod         types.String      `tfsdk:"grace_period"`
	KID                 types.String      `tfsdk:"kid"`
	Thumbprint          types.String      `tfsdk:"thumbprint"`
	Version             types.Int64       `tfsdk:"version"`
	Previous            types.Object      `tfsdk:"previous"`
}

var previousKeyTypes = map[string]attr.Type{"kid": types.StringType, "expires_at": timetypes.RFC3339Type{}}

func noPreviousKey() types.Object { return types.ObjectNull(previousKeyTypes) }

func (m *keyModel) setPrevious(kid string, expires int64) {
	m.Previous = types.ObjectValueMust(previousKeyTypes, map[string]attr.Value{
		"kid": types.StringValue(kid), "expires_at": seconds(expires),
	})
}

// previousID is the kid in previous; "" for none.
func (m *keyModel) previousID() string {
	kid, _ := m.Previous.Attributes()["kid"].(types.String)
	return kid.ValueString()
}

func (m *keyModel) grace() time.Duration { return duration(m.GracePeriod, defaultGrace) }

// added is when the key came, by the server's clock: its version says it.
func (m *keyModel) added() time.Time { return time.UnixMilli(m.Version.ValueInt64()) }

func (m *keyModel) owned() owned {
	return owned{m.AgentID.ValueString(), m.KID.ValueString(), m.previousID(), m.grace()}
}

// sources are the arguments of which one says what the key is.
func (m *keyModel) sources() map[string]types.String {
	return map[string]types.String{
		"public_key_pem": m.PublicKeyPEM, "public_jwk": m.PublicJWK, "certificate_pem": m.CertificatePEM,
		"private_key_pem_wo": m.PrivateKeyPEMWO, "jwks_uri": m.JWKSURI,
	}
}

// offer is a key on its way to the server. A key that is offered again is the
// same: so the request can be repeated until it is answered.
type offer struct {
	known   bool // else the configuration is known only after apply
	kid     string
	print   string // the thumbprint; "" of a jwks_uri
	request api.KeyRequest
	// What the configuration itself says of the key; "" where it does not.
	saysKID, saysAlg string
}

// offer reads the key of a configuration. Errors never repeat what was given:
// it could be a private key by mistake.
func (m *keyModel) offer() (offer, error) {
	for _, v := range m.sources() {
		if v.IsUnknown() {
			return offer{saysAlg: m.Alg.ValueString()}, nil
		}
	}
	if m.Alg.IsUnknown() {
		return offer{}, nil
	}
	if !m.JWKSURI.IsNull() {
		uri := m.JWKSURI.ValueString()
		if err := keys.CheckSource(uri); err != nil {
			return offer{}, fmt.Errorf("the jwks_uri %w", err)
		}
		return offer{known: true, kid: keys.SourceID(uri), request: api.KeyRequest{JWKSURI: uri}}, nil
	}
	k, name, err := m.public()
	if err != nil {
		return offer{}, fmt.Errorf("%s is refused: %w", name, err)
	}
	o := offer{known: true, kid: k.ID, print: k.Thumbprint(), saysKID: k.ID}
	if o.kid == "" {
		o.kid = o.print
	}
	if err := keys.CheckID(o.kid); err != nil {
		return offer{}, fmt.Errorf("%s is refused: a kid %w", name, err)
	}
	wished := m.Alg.ValueString()
	if wished == "" {
		wished = k.Alg
	}
	o.request, o.saysAlg = api.KeyRequest{JWK: k.JWK()}, wished
	if k.Alg != "" && k.Alg != wished {
		return offer{}, fmt.Errorf("alg is %s, and public_jwk is for %s: leave alg out, or give a JWK without it", wished, k.Alg)
	}
	if o.request.Alg, err = k.Public.Alg(wished); err != nil {
		return offer{}, fmt.Errorf("the key cannot be used for alg = %q: %s goes with it", wished, strings.Join(k.Algs(), ", "))
	}
	return o, nil
}

// public reads the public key, and says which argument it comes from.
func (m *keyModel) public() (k keys.JWK, from string, err error) {
	switch {
	case !m.PublicKeyPEM.IsNull():
		k.Public, err = keys.FromPEM([]byte(m.PublicKeyPEM.ValueString()))
		return k, "public_key_pem", err
	case !m.PublicJWK.IsNull():
		k, err = keys.FromJWK([]byte(m.PublicJWK.ValueString()))
		return k, "public_jwk", err
	case !m.CertificatePEM.IsNull():
		c, err := keys.FromCertificatePEM([]byte(m.CertificatePEM.ValueString()))
		k.Public = c.Public
		return k, "certificate_pem", err
	default:
		k.Public, err = keys.FromPrivatePEM([]byte(m.PrivateKeyPEMWO.ValueString()))
		return k, "private_key_pem_wo", err
	}
}

// expiry is not_after in unix seconds; 0 never.
func (m *keyModel) expiry() int64 {
	if m.NotAfter.IsNull() {
		return 0
	}
	return at(m.NotAfter).Unix()
}

// setKey takes on a key that was just added. prior is the version before, 0 for
// none: versions never go back.
func (m *keyModel) setKey(k api.Key, prior int64) {
	m.describe(k)
	m.Version = types.Int64Value(max(prior+1, k.CreatedAt))
}

// describe takes on what the server says of the key.
func (m *keyModel) describe(k api.Key) {
	m.PrivateKeyPEMWO = types.StringNull()
	m.KID, m.Thumbprint, m.Alg = types.StringValue(k.KID), optional(k.Thumbprint), optional(k.Alg)
	if m.expiry() != k.ExpiresAt { // the same moment can be written in several ways
		m.NotAfter = seconds(k.ExpiresAt)
	}
}

// keepComputed copies from the state what an update does not change.
func (m *keyModel) keepComputed(state *keyModel) {
	m.PrivateKeyPEMWO = types.StringNull()
	m.KID, m.Thumbprint, m.Alg, m.Version, m.Previous = state.KID, state.Thumbprint, state.Alg, state.Version, state.Previous
}

// same reports whether the key that is offered is the one of the state.
func (m *keyModel) same(o offer) bool {
	return o.known && (o.print != "" && o.print == m.Thumbprint.ValueString() || o.print == "" && o.kid == m.KID.ValueString())
}
