package oauth

import (
	"net/http"
	"strconv"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/jsontext"
)

// token is the token endpoint (RFC 6749 §3.2): the client credentials grant,
// and the authorization code grant of the application that logs agents in.
func (h *Handler) token(w http.ResponseWriter, r *http.Request) *failure {
	t, fail := h.grant(r)
	h.count(fail.outcome(Issued))
	if fail != nil {
		return fail
	}
	h.open(w, http.StatusOK)
	// It is too late to say that the answer did not arrive.
	_, _ = w.Write(tokenAnswer(t)) //nolint:gosec // JSON, of type application/json
	return nil
}

// tokenAnswer is the answer of RFC 6749 §5.1, with a lifetime in seconds.
func tokenAnswer(t authority.Token) []byte {
	b := make([]byte, 0, 1024)
	b = jsontext.Append(append(b, `{"access_token":`...), t.Value.Reveal())
	b = strconv.AppendInt(append(b, `,"token_type":"Bearer","expires_in":`...), int64(t.Life.Seconds()), 10)
	// What was granted of what was asked for, as in WSO2's answers: none of it is
	// "", since without the member a client may think it got all.
	if t.Asked {
		b = jsontext.AppendPlain(append(b, `,"scope":`...), t.Scope)
	}
	if id := t.IDToken.Reveal(); id != "" { // OpenID Connect Core §3.1.3.3
		b = jsontext.Append(append(b, `,"id_token":`...), id)
	}
	return append(b, "}\n"...)
}

func (h *Handler) grant(r *http.Request) (authority.Token, *failure) {
	f, fail := readForm(r)
	if fail != nil {
		return authority.Token{}, fail
	}
	switch f["grant_type"] {
	case "client_credentials":
	case "authorization_code":
		if h.app != nil {
			return h.redeem(r, f)
		}
		return authority.Token{}, unsupportedGrant("there is no application that may log agents in: use grant_type client_credentials")
	case "":
		return authority.Token{}, badRequest("grant_type is missing")
	default:
		if h.app != nil {
			return authority.Token{}, unsupportedGrant("use grant_type client_credentials or authorization_code")
		}
		return authority.Token{}, unsupportedGrant("use grant_type client_credentials")
	}
	l, fail := h.login(r, f)
	if fail != nil {
		return authority.Token{}, fail
	}
	l.Scopes, l.Audiences = f.words("scope"), f.words("resource", "audience")
	t, err := h.issuer.Login(r.Context(), l)
	if err != nil {
		return authority.Token{}, h.failureOf(r, err)
	}
	return t, nil
}

func unsupportedGrant(description string) *failure {
	return &failure{status: http.StatusBadRequest, code: "unsupported_grant_type", description: description}
}
