package oauth

import (
	"fmt"
	"net/http"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// JWTBearer is the client_assertion_type of RFC 7523 §2.2.
const JWTBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// privateKeyJWT is private_key_jwt: a JWT that the caller signed with its key,
// in the body (RFC 7521 §4.2). Without a client_id it is its subject who wants
// to authenticate.
func privateKeyJWT(_ *http.Request, f form) (authority.Login, bool, *failure) {
	kind, typed := f["client_assertion_type"]
	text, ok := f["client_assertion"]
	switch {
	case !typed && !ok:
		return authority.Login{}, false, nil
	case !typed:
		return authority.Login{}, false, badRequest("client_assertion_type is missing")
	case !ok:
		return authority.Login{}, false, badRequest("client_assertion is missing")
	}
	l := authority.Login{ID: f["client_id"], Assertion: secret.New(text), Method: authority.PrivateKeyJWT}
	if kind != JWTBearer {
		l.Unfit = fmt.Sprintf("the client_assertion_type %.100q is not possible", kind)
	}
	if l.ID == "" {
		l.ID = authority.AssertionSubject(l.Assertion)
	}
	return l, true, nil
}
