package oauth

import (
	"net/http"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// bearer is the token of the Authorization header (RFC 6750 §2.1), if there is
// one.
func bearer(r *http.Request) (secret.Text, bool) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return secret.Text{}, false
	}
	scheme, token, ok := strings.Cut(headers[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return secret.Text{}, false
	}
	return secret.New(strings.TrimSpace(token)), true
}
