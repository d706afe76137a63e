package oauth

import (
	"net/http"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// ScopeIntrospect lets a management client look at every token.
const ScopeIntrospect = "internal_token_introspect"

// inactive is all that is told of a token that is not in force, or is not the
// caller's business (RFC 7662 §2.2).
var inactive = map[string]any{"active": false}

// introspect tells whether a token is in force (RFC 7662). The caller
// authenticates as at the token endpoint, or by a token of its own.
func (h *Handler) introspect(w http.ResponseWriter, r *http.Request) {
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
	c, err := h.issuer.Inspect(r.Context(), secret.New(f["token"]))
	if _, refused := asRefusal(err); err != nil && !refused {
		h.refuse(w, r, h.failureOf(r, err))
		return
	}
	everything := !caller.Agent && slices.Contains(caller.Scopes, ScopeIntrospect)
	if err != nil || (!everything && !slices.Contains(c.Audience, caller.ID)) {
		h.write(w, http.StatusOK, inactive)
		return
	}
	h.write(w, http.StatusOK, struct {
		Active bool `json:"active"`
		authority.Claims
		TokenType string `json:"token_type"`
	}{true, c, "Bearer"})
}

// caller is who calls: by a token in the Authorization header, or by one of the
// ways of the token endpoint.
func (h *Handler) caller(r *http.Request, f form) (authority.Caller, *failure) {
	token, ok := bearer(r)
	if !ok {
		l, fail := h.login(r, f)
		if fail != nil {
			return authority.Caller{}, fail
		}
		caller, err := h.issuer.Authenticate(r.Context(), l)
		if err != nil {
			return authority.Caller{}, h.failureOf(r, err)
		}
		return caller, nil
	}
	c, err := h.issuer.Inspect(r.Context(), token)
	if err != nil {
		return authority.Caller{}, h.failureOf(r, err)
	}
	return authority.Caller{ID: c.Subject, Agent: c.Agent(), Scopes: c.Scopes()}, nil
}
