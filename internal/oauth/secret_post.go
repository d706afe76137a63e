package oauth

import (
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// secretPost is client_secret_post: id and secret in the body (RFC 6749
// §2.3.1).
func secretPost(_ *http.Request, f form) (authority.Login, bool, *failure) {
	value, ok := f["client_secret"]
	if !ok {
		return authority.Login{}, false, nil
	}
	return authority.Login{ID: f["client_id"], Secret: secret.New(value), Method: "client_secret_post"}, true, nil
}
