package server

import (
	"net/http"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

func (s *Server) addCertificate(c *call, in api.CertificateRequest) (any, error) {
	return c.addCertificate(in, "")
}

// putCertificate answers 200 when the same is there already: the request was a
// repetition.
func (s *Server) putCertificate(c *call, in api.CertificateRequest) (any, error) {
	return c.addCertificate(in, c.PathValue("serial"))
}

// maxValidity is more seconds than any certificate is for.
const maxValidity = 1 << 31

func (c *call) addCertificate(in api.CertificateRequest, id string) (any, error) {
	if in.Validity < 0 || in.Validity > maxValidity {
		return nil, invalid(api.TypeInvalidValue, "validitySeconds is not possible.")
	}
	add := authority.NewCertificate{
		ID: id, RequestPEM: in.CSRPEM, Life: time.Duration(in.Validity) * time.Second, CertificatePEM: in.CertificatePEM,
	}
	if in.Subject != nil {
		add.Subject = authority.Subject(*in.Subject)
	}
	how := addition{expires: in.ExpiresAt, revoke: in.Revoke, idName: "id"}
	if p := in.Previous; p != nil {
		how.previous = &authority.Retire{ID: p.ID, Expires: p.ExpiresAt}
	}
	var err error
	if add.Rotation, err = c.rotation(how); err != nil {
		return nil, err
	}
	add.Claim = in.Claim
	made, err := c.authority.AddCertificate(c.Context(), c.principal, add)
	if err != nil {
		return nil, err
	}
	if made.Again {
		c.status = http.StatusOK
	}
	c.header.Set("Location", c.base+api.PathCertificate(made.AgentID, made.ID))
	return certificateBody(made), nil
}

func (s *Server) listCertificates(c *call) (any, error) {
	found, err := c.authority.Certificates(c.Context(), c.PathValue("id"))
	list := api.CertificateList{Count: len(found), List: make([]api.Certificate, len(found))}
	for i, cert := range found {
		list.List[i] = certificateBody(cert)
	}
	return list, err
}

func (s *Server) getCertificate(c *call) (any, error) {
	cert, err := c.authority.Certificate(c.Context(), c.PathValue("id"), c.PathValue("serial"))
	return certificateBody(cert), err
}

func (s *Server) expireCertificate(c *call, in api.CertificateChange) (any, error) {
	end, err := newEnd(in.ExpiresAt)
	if err != nil {
		return nil, err
	}
	cert, err := c.authority.ExpireCertificate(c.Context(), c.principal, c.PathValue("id"), c.PathValue("serial"), end)
	return certificateBody(cert), err
}

func (s *Server) revokeCertificate(c *call) (any, error) {
	newest, err := latest(c.Header)
	if err != nil {
		return nil, err
	}
	return nil, c.authority.RevokeCertificate(c.Context(), c.principal, c.PathValue("id"), c.PathValue("serial"), newest)
}

// revocationList is the one answer that is not JSON: verifiers fetch it as it
// is (RFC 5280 §4.2.1.13, RFC 2585 §4.2).
// Certificates name that of their own CA.
func (s *Server) revocationList(c *call) (any, error) {
	der, err := c.authority.RevocationList(c.Context(), c.URL.Query().Get("ca"))
	return raw{kind: "application/pkix-crl", data: der}, err
}

// certificateBody is a certificate on the wire.
func certificateBody(cert authority.Certificate) api.Certificate {
	body := api.Certificate{
		ID:             cert.ID,
		CertificatePEM: cert.Certificate,
		CAChainPEM:     cert.Chain,
		SerialNumber:   cert.Serial,
		ThumbprintS256: cert.Fingerprint,
		NotBefore:      cert.NotBefore,
		NotAfter:       cert.NotAfter,
		ExpiresAt:      cert.Expires,
		CreatedAt:      cert.Created,
		Status:         api.Status(cert.Status),
		Latest:         cert.Latest,
		CreatedBy:      cert.Creator,
	}
	body.Subject = SubjectBody(cert.Subject)
	if !cert.FirstUsed.IsZero() {
		body.FirstUsedAt = cert.FirstUsed.UnixMilli()
	}
	if !cert.LastUsed.IsZero() {
		body.LastUsedAt = cert.LastUsed.UnixMilli()
	}
	return body
}

// SubjectBody is a subject on the wire; nil for none.
func SubjectBody(s map[string]string) *api.Subject {
	if len(s) == 0 {
		return nil
	}
	return &api.Subject{DN: s["dn"], DNS: s["dns"], URI: s["uri"], IP: s["ip"], Email: s["email"]}
}
