package oauth

import "net/http"

// revoke ends a token of the caller's own (RFC 7009). A token that is not in
// force is no error (§2.2), and token_type_hint would help nobody: there is one
// type.
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) *failure {
	caller, token, fail := h.about(r)
	if fail != nil {
		return fail
	}
	if err := h.issuer.RevokeToken(r.Context(), caller, token); err != nil {
		return h.failureOf(r, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}
