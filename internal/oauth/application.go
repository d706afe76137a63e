package oauth

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Application is a public client that logs agents in by their id and secret, as
// clients written for Asgardeo do (app-native authentication): it has no
// secret, PKCE takes its place, and there is one redirect URI, to which nothing
// is ever sent.
type Application struct {
	ClientID    string
	RedirectURI string
}

// Check tells what is wrong with the application.
func (a Application) Check() error {
	u, err := url.Parse(a.RedirectURI)
	switch {
	case a.ClientID == "" || len(a.ClientID) > 200 || strings.ContainsFunc(a.ClientID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the client id must be 1 to 200 visible ASCII characters")
	case err != nil || !u.IsAbs() || u.Fragment != "" || strings.Contains(a.RedirectURI, "#"):
		return errors.New("the redirect URI must be absolute, without a fragment")
	}
	return nil
}

// Bounds of what travels in the id of a flow and in a code.
const (
	maxState    = 1 << 10
	maxAsked    = 4 << 10
	minVerifier = 43 // RFC 7636 §4.1
	maxVerifier = 128
)

// challenge is a code_challenge of method S256: 32 bytes.
var challenge = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) })

// authorize begins the login of an agent (RFC 6749 §4.1.1 with WSO2's
// response_mode=direct): the answer says what to send to the authn endpoint.
func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) *failure {
	f, fail := readForm(r)
	if fail != nil {
		h.refuseStep(w, stepOf(fail))
		return nil
	}
	if refusal := h.app.mayBegin(f); refusal != nil {
		h.refuseStep(w, refusal)
		return nil
	}
	id, err := h.issuer.BeginFlow(authority.AppRequest{
		Client: h.app.ClientID, Redirect: h.app.RedirectURI, Challenge: f["code_challenge"], State: f["state"], Nonce: f["nonce"],
		Scopes: f.words("scope"), Audiences: f.words("resource"),
	})
	if err != nil {
		h.refuseStep(w, stepOf(h.failureOf(r, err)))
		return nil
	}
	h.write(w, http.StatusOK, h.prompt(id, "INCOMPLETE"))
	return nil
}

// mayBegin refuses what is not a request of the application.
func (a *Application) mayBegin(f form) *stepError {
	switch {
	case f["client_id"] == "":
		return invalidStep("client_id is missing")
	case f["client_id"] != a.ClientID:
		return noApplication()
	case f["client_secret"] != "":
		return invalidStep("the application is public: it has no secret")
	case f["response_type"] != "code":
		return invalidStep("response_type must be code")
	case f["response_mode"] != "direct":
		return invalidStep("response_mode must be direct: there are no pages to log in on")
	case f["redirect_uri"] != a.RedirectURI:
		return invalidStep("redirect_uri is not the one of the application")
	case f["code_challenge_method"] != "S256" || !challenge().MatchString(f["code_challenge"]):
		return invalidStep("code_challenge is missing or not of method S256: PKCE is required")
	case len(f["state"]) > maxState || len(f["nonce"]) > maxState || len(f["scope"])+len(f["resource"]) > maxAsked:
		return invalidStep("state, nonce, scope or resource are too long")
	}
	return nil
}

// redeem is the authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5).
func (h *Handler) redeem(r *http.Request, f form) (authority.Token, *failure) {
	verifier := f["code_verifier"]
	switch {
	case r.Header.Get("Authorization") != "" || f["client_secret"] != "" || f["client_assertion"] != "" || f["client_id"] != h.app.ClientID:
		return authority.Token{}, badClient()
	case f["code"] == "":
		return authority.Token{}, badRequest("code is missing")
	case f["redirect_uri"] == "":
		return authority.Token{}, badRequest("redirect_uri is missing")
	case len(verifier) < minVerifier || len(verifier) > maxVerifier:
		return authority.Token{}, badRequest("code_verifier is missing, or has not 43 to 128 characters")
	}
	t, err := h.issuer.Redeem(r.Context(), authority.Redemption{
		Code: secret.New(f["code"]), Client: f["client_id"], Redirect: f["redirect_uri"], Verifier: verifier,
		Audiences: f.words("resource"), Address: h.address(r),
	})
	if err != nil {
		return authority.Token{}, h.failureOf(r, err)
	}
	return t, nil
}
