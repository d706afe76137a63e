package oauth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// secretBasic is client_secret_basic: id and secret in the Authorization
// header, each form-encoded before (RFC 6749 §2.3.1).
func secretBasic(r *http.Request, _ form) (authority.Login, bool, *failure) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return authority.Login{}, false, nil
	}
	if len(headers) > 1 {
		return authority.Login{}, false, badRequest("there is more than one Authorization header")
	}
	scheme, _, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return authority.Login{}, false, badClient()
	}
	user, password, ok := r.BasicAuth()
	id, err := url.QueryUnescape(user)
	value, err2 := url.QueryUnescape(password)
	if !ok || err != nil || err2 != nil || !plain(id) || !plain(value) {
		return authority.Login{}, false, badClient()
	}
	return authority.Login{ID: id, Secret: secret.New(value), Method: "client_secret_basic"}, true, nil
}
