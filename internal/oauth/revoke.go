package oauth

import (
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// revoke ends a token of the caller's own (RFC 7009). A token that is not in
// force is no error (§2.2).
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) {
	f, fail := readForm(r)
	if fail != nil {
		h.refuse(w, r, fail)
		return
	}
	caller, fail := h.caller(r, f)
	switch {
	case fail != nil:
		h.refuse(w, r, fail)
		return
	case f["token"] == "":
		h.refuse(w, r, badRequest("token is missing"))
		return
	}
	if err := h.issuer.RevokeToken(r.Context(), caller.ID, secret.New(f["token"])); err != nil {
		h.refuse(w, r, h.failureOf(r, err))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}
