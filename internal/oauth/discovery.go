package oauth

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
)

// keys publishes what verifies tokens (RFC 7517). Verifiers may keep it for as
// long as a new key is published before it signs, and half of that.
func (h *Handler) keys(w http.ResponseWriter, r *http.Request) *failure {
	set, err := h.issuer.JWKS(r.Context())
	if err != nil {
		return h.failureOf(r, err)
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(authority.JWKSMaxAge.Seconds())))
	if set.Empty {
		// The first token makes the first key, which signs at once.
		w.Header().Set("Cache-Control", "no-store")
	}
	// It is too late to say that the answer did not arrive.
	_, _ = w.Write(set.JSON)
	return nil
}

// metadata describes the issuer (RFC 8414 §2, OpenID Connect Discovery §3).
func (h *Handler) metadata(w http.ResponseWriter, _ *http.Request) *failure {
	at := func(path string) string { return h.base + path }
	methods := []string{"client_secret_basic", "client_secret_post"}
	if !h.secretsOnly {
		methods = append(methods, authority.PrivateKeyJWT)
	}
	if h.mutual {
		methods = append(methods, authority.TLSClientAuth, authority.SelfSignedTLSClientAuth)
	}
	m := map[string]any{
		"issuer":                                h.issuer.URL(),
		"token_endpoint":                        at(pathToken),
		"token_endpoint_auth_methods_supported": methods,
		"introspection_endpoint":                at(pathIntrospect),
		"introspection_endpoint_auth_methods_supported": methods,
		"revocation_endpoint":                           at(pathRevoke),
		"revocation_endpoint_auth_methods_supported":    methods,
		"jwks_uri":                              at(pathKeys),
		"grant_types_supported":                 []string{"client_credentials"},
		"response_types_supported":              []string{},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": authority.Algorithms,
	}
	if !h.secretsOnly {
		for _, endpoint := range []string{"token", "introspection", "revocation"} {
			m[endpoint+"_endpoint_auth_signing_alg_values_supported"] = keys.Algorithms
		}
	}
	if h.mutual { // RFC 8705 §3.3, §5: one listener does both
		m["tls_client_certificate_bound_access_tokens"] = true
		m["mtls_endpoint_aliases"] = map[string]string{
			"token_endpoint": at(pathToken), "introspection_endpoint": at(pathIntrospect), "revocation_endpoint": at(pathRevoke),
		}
	}
	if h.app != nil {
		m["authorization_endpoint"] = at(pathAuthorize)
		m["response_types_supported"] = []string{"code"}
		m["scopes_supported"] = []string{"openid"}
		m["response_modes_supported"] = []string{"direct"}
		m["grant_types_supported"] = []string{"client_credentials", "authorization_code"}
		m["code_challenge_methods_supported"] = []string{"S256"}
		m["token_endpoint_auth_methods_supported"] = append(slices.Clone(methods), "none")
	}
	h.write(w, http.StatusOK, m)
	return nil
}
