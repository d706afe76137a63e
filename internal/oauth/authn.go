package oauth

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// authenticatorID is base64 of BasicAuthenticator:LOCAL: clients pick it by the
// name "Username & Password", and some know it by heart.
const authenticatorID = "QmFzaWNBdXRoZW50aWNhdG9yOkxPQ0FM"

// authnRequest is one step of a login. Members that others may send are passed
// over, as WSO2 does; those that count may be there once.
type authnRequest struct {
	FlowID   once[string]   `json:"flowId"`
	Selected once[selected] `json:"selectedAuthenticator"`
}

type selected struct {
	AuthenticatorID once[string]      `json:"authenticatorId"`
	Params          once[credentials] `json:"params"`
}

type credentials struct {
	Username once[string]      `json:"username"`
	Password once[secret.Text] `json:"password"`
}

// once is a member of a JSON object of which two readers could take different
// ones, if it could be there twice.
type once[T any] struct {
	value T
	seen  bool
}

var errTwice = errors.New("a member is there twice")

func (o *once[T]) UnmarshalJSON(data []byte) error {
	if o.seen {
		return errTwice
	}
	o.seen = true
	return json.Unmarshal(data, &o.value)
}

// authn takes the agent's id and secret, and answers with a code for the
// application. Who fails is told how often it may try again.
func (h *Handler) authn(w http.ResponseWriter, r *http.Request) *failure {
	q, refusal := readAuthn(r)
	if refusal != nil {
		h.count(BadRequest)
		h.refuseStep(w, refusal)
		return nil
	}
	l := authority.Login{
		// It is the id and the secret in a body: who may not use that
		// elsewhere may not here.
		ID: q.username, Secret: q.password, Method: "client_secret_post", Address: h.address(r),
	}
	code, err := h.issuer.ContinueFlow(r.Context(), q.flow, l)
	switch e, refused := asRefusal(err); {
	case err == nil:
		h.count(Accepted)
		h.write(w, http.StatusOK, completed{"SUCCESS_COMPLETED", authData{code.Value.Reveal(), code.State, uuid.NewString()}})
	case refused && e.Kind == authority.BadLogin:
		h.count(Refused)
		h.write(w, http.StatusOK, h.failed(q.flow, h.issuer.AttemptsLeft(l.ID, l.Address)))
	case refused && e.Kind == authority.OldFlow:
		h.count(BadRequest)
		h.refuseStep(w, &stepError{http.StatusBadRequest, "ABA-60008", "Authentication flow time out.", "The flow took too long: begin anew.", 0})
	case refused && e.Kind == authority.BadFlow:
		h.count(BadRequest)
		h.refuseStep(w, &stepError{http.StatusBadRequest, "ABA-60009", "Invalid flow identifier.", "The flowId is not one of this server.", 0})
	default:
		fail := h.failureOf(r, err)
		h.count(fail.outcome(Accepted))
		h.refuseStep(w, stepOf(fail))
	}
	return nil
}

// attempt is what a step says.
type attempt struct {
	flow     string
	username string
	password secret.Text
}

func readAuthn(r *http.Request) (attempt, *stepError) {
	kind, _, err := mime.ParseMediaType(strings.Join(r.Header.Values("Content-Type"), ","))
	if err != nil || kind != "application/json" || r.URL.RawQuery != "" {
		return attempt{}, invalidStep("the Content-Type must be application/json, and the URL without a query")
	}
	body, fail := readBody(r)
	if fail != nil {
		return attempt{}, stepOf(fail)
	}
	var q authnRequest
	if !utf8.Valid(body) || json.Unmarshal(body, &q) != nil {
		return attempt{}, invalidStep("the body is not JSON of the right form, or has a member twice") // what is wrong could quote the secret
	}
	chosen := q.Selected.value
	params := chosen.Params.value
	a := attempt{q.FlowID.value, params.Username.value, params.Password.value}
	switch {
	case a.flow == "":
		return attempt{}, invalidStep("flowId is missing")
	case chosen.AuthenticatorID.value != authenticatorID:
		return attempt{}, &stepError{http.StatusBadRequest, "ABA-60004", "Invalid authenticatorId.", "Pick the one of the flow: Username & Password.", 0}
	case a.username == "" || a.password.IsZero() || !plain(a.username) || !plain(a.password.Reveal()):
		return attempt{}, invalidStep("username or password is missing, or has a NUL")
	}
	return a, nil
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
