package provider

import (
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

// certificateForm is what a configuration gives.
type certificateForm int

const (
	requestForm certificateForm = iota // a request, which the server's CA signs
	givenForm                          // a certificate that is trusted as it is
	subjectForm                        // a name that certificates of other CAs have
)

// certificateOffer is a certificate on its way to the server.
type certificateOffer struct {
	known   bool // else the configuration is known only after apply
	form    certificateForm
	print   string           // of a request: the thumbprint of its key; of a certificate: its own
	given   keys.Certificate // of a given one
	request api.CertificateRequest
}

// sources are the arguments of which one says what the certificate is.
func (m *certificateModel) sources() map[string]types.String {
	return map[string]types.String{
		"csr_pem": m.CSRPEM, "csr_pem_wo": m.CSRPEMWO, "certificate_pem": m.CertificatePEM,
		"subject_dn": m.SubjectDN, "san_dns": m.SANDNS, "san_uri": m.SANURI, "san_ip": m.SANIP, "san_email": m.SANEmail,
	}
}

// form is what a configuration gives; a value need not be known for that.
func (m *certificateModel) form() certificateForm {
	switch {
	case !m.CSRPEM.IsNull() || !m.CSRPEMWO.IsNull():
		return requestForm
	case !m.CertificatePEM.IsNull():
		return givenForm
	default:
		return subjectForm
	}
}

// offer reads what a configuration gives. Errors never repeat it: it could be a
// private key by mistake.
func (m *certificateModel) offer() (certificateOffer, error) {
	o := certificateOffer{form: m.form()}
	for _, v := range m.sources() {
		if v.IsUnknown() {
			return o, nil
		}
	}
	if m.Validity.IsUnknown() {
		return o, nil
	}
	var err error
	switch o.form {
	case requestForm:
		name, text := "csr_pem", m.CSRPEM
		if text.IsNull() {
			name, text = "csr_pem_wo", m.CSRPEMWO
		}
		public, problem := keys.FromRequestPEM([]byte(text.ValueString()))
		if problem != nil {
			return o, fmt.Errorf("%s is refused: %w", name, problem)
		}
		o.print = public.Thumbprint()
		o.request.CSRPEM = text.ValueString()
		o.request.Validity = int64(duration(m.Validity, 0) / time.Second)
	case givenForm:
		if o.given, err = keys.FromCertificatePEM([]byte(m.CertificatePEM.ValueString())); err != nil {
			return o, fmt.Errorf("certificate_pem is refused: %w", err)
		}
		o.print = o.given.Fingerprint()
		o.request.CertificatePEM = m.CertificatePEM.ValueString()
	case subjectForm:
		s := m.subject()
		if err := keys.Subject(s).Check(); err != nil {
			return o, fmt.Errorf("the subject is refused: %w", err)
		}
		o.request.Subject = &s
	}
	o.known = true
	return o, nil
}

func (m *certificateModel) subject() api.Subject {
	return api.Subject{
		DN: m.SubjectDN.ValueString(), DNS: m.SANDNS.ValueString(), URI: m.SANURI.ValueString(),
		IP: m.SANIP.ValueString(), Email: m.SANEmail.ValueString(),
	}
}

// ended tells that a certificate that is given has ended already.
func (o certificateOffer) ended(now time.Time) error {
	if o.form == givenForm && !now.Before(o.given.NotAfter) {
		return fmt.Errorf("certificate_pem cannot be used: it ended at %s", o.given.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// id is what the server calls a certificate that is given; "" of others, whose
// ids are made as they are sent.
func (o certificateOffer) id() string {
	if o.form != givenForm {
		return ""
	}
	return "sha256:" + o.print
}

// is reports whether a certificate of the server is the one that is offered: of
// a request, one for the same key.
func (o certificateOffer) is(c api.Certificate) bool {
	switch {
	case !o.known:
		return false
	case o.form == givenForm:
		return c.CAChainPEM == "" && c.ThumbprintS256 == o.print
	case o.form == subjectForm:
		return c.Subject != nil && *c.Subject == *o.request.Subject
	}
	signed, err := keys.FromCertificatePEM([]byte(c.CertificatePEM))
	return err == nil && c.CAChainPEM != "" && signed.Public.Thumbprint() == o.print
}

// has reports whether the certificate of a state is the one that is offered.
func (m *certificateModel) has(o certificateOffer) bool {
	subject := m.subject()
	c := api.Certificate{ThumbprintS256: m.ThumbprintSHA256.ValueString(), CertificatePEM: m.CertificatePEM.ValueString(), CAChainPEM: m.CAChainPEM.ValueString()}
	if subject != (api.Subject{}) {
		c.Subject = &subject
	}
	return o.is(c)
}
