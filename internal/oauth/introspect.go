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
func (h *Handler) introspect(w http.ResponseWriter, r *http.Request) *failure {
	caller, token, fail := h.about(r)
	if fail != nil {
		return fail
	}
	c, err := h.issuer.Inspect(r.Context(), token)
	if _, refused := asRefusal(err); err != nil && !refused {
		return h.failureOf(r, err)
	}
	if err != nil || !maySee(caller, c) {
		h.write(w, http.StatusOK, inactive)
		return nil
	}
	h.write(w, http.StatusOK, struct {
		Active bool `json:"active"`
		authority.Claims
		TokenType string `json:"token_type"`
	}{true, c, "Bearer"})
	return nil
}

// maySee: a management client with the scope for it may see every token, and
// whoever a token is meant for that one.
func maySee(caller authority.Caller, c authority.Claims) bool {
	if !caller.Agent && (slices.Contains(caller.Scopes, ScopeIntrospect) || slices.Contains(caller.Scopes, authority.AllScopes)) {
		return true
	}
	return slices.ContainsFunc(caller.Audiences, func(own string) bool { return own != "" && slices.Contains(c.Audience, own) })
}

// about is who asks about a token, and which.
func (h *Handler) about(r *http.Request) (authority.Caller, secret.Text, *failure) {
	f, fail := readForm(r)
	if fail != nil {
		return authority.Caller{}, secret.Text{}, fail
	}
	caller, fail := h.caller(r, f)
	if fail == nil && f["token"] == "" {
		fail = badRequest("token is missing")
	}
	return caller, secret.New(f["token"]), fail
}
