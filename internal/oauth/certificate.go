package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// certificateWay is mutual TLS (RFC 8705 §2): the caller says who it is, shows
// nothing else, and has connected with a certificate. Whether that is good for
// anything is judged by authority. Without one it has shown nothing at all, as
// when a proxy in between hands on none: the audit says so.
func (h *Handler) certificateWay(r *http.Request, f form) authority.Login {
	if chain := h.certificates(r); len(chain) > 0 {
		return authority.Login{ID: f["client_id"], Certificates: chain, Method: authority.TLSClientAuth}
	}
	return authority.Login{ID: f["client_id"], Method: "none", Unfit: "nothing is shown to authenticate with: no secret, no assertion and no certificate"}
}

// PeerCertificates are those that the caller has connected with, its own first.
func PeerCertificates(r *http.Request) [][]byte {
	if r.TLS == nil {
		return nil
	}
	var chain [][]byte
	for _, c := range r.TLS.PeerCertificates {
		chain = append(chain, c.Raw)
	}
	return chain
}

// boundTo is the x5t#S256 of the certificate that the caller has connected
// with; "" without one.
func (h *Handler) boundTo(r *http.Request) string { return Thumbprint(h.certificates(r)) }

// Thumbprint is the x5t#S256 of the first certificate of a chain (RFC 8705
// §3.1); "" without one.
func Thumbprint(chain [][]byte) string {
	if len(chain) == 0 {
		return ""
	}
	sum := sha256.Sum256(chain[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
