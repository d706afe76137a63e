package oauth

import (
	"errors"
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// way is one way to authenticate at the token endpoint. It reports whether the
// request uses it; who uses more than one is refused (RFC 6749 §2.3).
type way func(*http.Request, form) (l authority.Login, used bool, f *failure)

// ways are those of the handler, but for the certificate of the connection.
func (h *Handler) ways() []way {
	if h.secretsOnly {
		return []way{secretBasic, secretPost}
	}
	return []way{secretBasic, secretPost, privateKeyJWT}
}

// login reads who wants to authenticate, and how.
func (h *Handler) login(r *http.Request, f form) (authority.Login, *failure) {
	var l authority.Login
	count := 0
	for _, w := range h.ways() {
		found, used, fail := w(r, f)
		if fail != nil {
			return l, fail
		}
		if used {
			l, count = found, count+1
		}
	}
	if count == 0 && f["client_id"] != "" && r.Header.Get("Authorization") == "" {
		l, count = h.certificateWay(r, f), 1
	}
	switch {
	case count > 1:
		return l, badRequest("use one way to authenticate, not several")
	case count == 0:
		return l, badClient()
	}
	// RFC 6749 §3.2.1: a client_id beside must be the same.
	if id, ok := f["client_id"]; ok && id != l.ID {
		return l, badRequest("client_id is not the one that authenticates")
	}
	l.Address = h.address(r)
	return l, nil
}

// caller is who calls: by a token in the Authorization header, or by one of the
// ways of the token endpoint.
func (h *Handler) caller(r *http.Request, f form) (authority.Caller, *failure) {
	token, ok := bearer(r)
	if !ok {
		caller, fail := h.authenticate(r, f)
		h.count(fail.outcome(Accepted))
		return caller, fail
	}
	for _, other := range []string{"client_secret", "client_assertion", "client_assertion_type"} {
		if _, also := f[other]; also {
			return authority.Caller{}, badRequest("use one way to authenticate, not several")
		}
	}
	caller, err := h.issuer.CallerByToken(r.Context(), token, h.boundTo(r))
	if _, refused := asRefusal(err); refused {
		h.issuer.Stranger(r.Context(), h.address(r))
		return authority.Caller{}, badToken()
	}
	if err != nil {
		return authority.Caller{}, h.failureOf(r, err)
	}
	return caller, nil
}

// authenticate finds out who calls by one of the ways of the token endpoint.
func (h *Handler) authenticate(r *http.Request, f form) (authority.Caller, *failure) {
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

func asRefusal(err error) (*authority.Error, bool) { return errors.AsType[*authority.Error](err) }
