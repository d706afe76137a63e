package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// authenticatorID is base64 of BasicAuthenticator:LOCAL: clients pick it by the
// name "Username & Password", and some know it by heart.
const authenticatorID = "QmFzaWNBdXRoZW50aWNhdG9yOkxPQ0FM"

// authnRequest is one step of a login. Members that others may send are passed
// over, as WSO2 does.
type authnRequest struct {
	FlowID   string `json:"flowId"`
	Selected struct {
		AuthenticatorID string `json:"authenticatorId"`
		Params          struct {
			Username string      `json:"username"`
			Password secret.Text `json:"password"`
		} `json:"params"`
	} `json:"selectedAuthenticator"`
}

// authn takes the agent's id and secret, and answers with a code for the
// application. Who fails is told how often it may try again.
func (h *Handler) authn(w http.ResponseWriter, r *http.Request) *failure {
	q, refusal := readAuthn(r)
	if refusal != nil {
		h.refuseStep(w, refusal)
		return nil
	}
	l := authority.Login{
		// It is the id and the secret in a body: who may not use that
		// elsewhere may not here.
		ID: q.Selected.Params.Username, Secret: q.Selected.Params.Password, Method: "client_secret_post", Address: h.address(r),
	}
	code, err := h.issuer.ContinueFlow(r.Context(), q.FlowID, l)
	switch e, refused := asRefusal(err); {
	case err == nil:
		h.write(w, http.StatusOK, completed{"SUCCESS_COMPLETED", authData{code.Value.Reveal(), code.State, uuid.NewString()}})
	case refused && e.Kind == authority.BadLogin:
		h.write(w, http.StatusOK, h.failed(q.FlowID, h.issuer.AttemptsLeft(l.ID, l.Address)))
	case refused && e.Kind == authority.OldFlow:
		h.refuseStep(w, &stepError{http.StatusBadRequest, "ABA-60008", "Authentication flow time out.", "The flow took too long: begin anew.", 0})
	case refused && e.Kind == authority.BadFlow:
		h.refuseStep(w, &stepError{http.StatusBadRequest, "ABA-60009", "Invalid flow identifier.", "The flowId is not one of this server.", 0})
	default:
		h.refuseStep(w, stepOf(h.failureOf(r, err)))
	}
	return nil
}

func readAuthn(r *http.Request) (authnRequest, *stepError) {
	var q authnRequest
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || r.URL.RawQuery != "" {
		return q, invalidStep("the Content-Type must be application/json, and the URL without a query")
	}
	body, err := io.ReadAll(r.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return q, &stepError{http.StatusRequestEntityTooLarge, codeInvalid, "Invalid authentication request.", "The body is too large.", 0}
	}
	if err != nil || json.Unmarshal(body, &q) != nil {
		return q, invalidStep("the body is not JSON of the right form") // what is wrong could quote the secret
	}
	p := q.Selected.Params
	switch {
	case q.FlowID == "":
		return q, invalidStep("flowId is missing")
	case q.Selected.AuthenticatorID != authenticatorID:
		return q, &stepError{http.StatusBadRequest, "ABA-60004", "Invalid authenticatorId.", "Pick the one of the flow: Username & Password.", 0}
	case p.Username == "" || p.Password.IsZero() || !plain(p.Username) || !plain(p.Password.Reveal()):
		return q, invalidStep("username or password is missing, or has a NUL")
	}
	return q, nil
}

type completed struct {
	FlowStatus string   `json:"flowStatus"`
	AuthData   authData `json:"authData"`
}

type authData struct {
	Code         string `json:"code"`
	State        string `json:"state,omitempty"`
	SessionState string `json:"session_state"` // there are no sessions: it is never the same
}

// failed asks again.
func (h *Handler) failed(id string, left int) promptBody {
	p := h.prompt(id, "FAIL_INCOMPLETE")
	p.NextStep.Messages = []message{{
		Type: "ERROR", MessageID: "msg_invalid_un_pw", Message: "Invalid username or password.", I18nKey: "authentication.fail.message",
		Context: []contextEntry{{"remainingAttempts", strconv.Itoa(left)}},
	}}
	return p
}
