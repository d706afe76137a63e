package oauth

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// promptBody is a step of a login that goes on, in WSO2's words.
type promptBody struct {
	FlowID     string   `json:"flowId"`
	FlowStatus string   `json:"flowStatus"`
	FlowType   string   `json:"flowType"`
	NextStep   nextStep `json:"nextStep"`
	Links      []link   `json:"links"`
}

type nextStep struct {
	StepType       string          `json:"stepType"`
	Authenticators []authenticator `json:"authenticators"`
	Messages       []message       `json:"messages,omitempty"`
}

type authenticator struct {
	AuthenticatorID string                `json:"authenticatorId"`
	Authenticator   string                `json:"authenticator"`
	IDP             string                `json:"idp"`
	Metadata        authenticatorMetadata `json:"metadata"`
	RequiredParams  []string              `json:"requiredParams"`
}

type authenticatorMetadata struct {
	I18nKey    string  `json:"i18nKey"`
	PromptType string  `json:"promptType"`
	Params     []param `json:"params"`
}

type param struct {
	Param        string `json:"param"`
	Type         string `json:"type"`
	Order        int    `json:"order"`
	I18nKey      string `json:"i18nKey"`
	DisplayName  string `json:"displayName"`
	Confidential bool   `json:"confidential"`
}

type message struct {
	Type      string         `json:"type"`
	MessageID string         `json:"messageId"`
	Message   string         `json:"message"`
	I18nKey   string         `json:"i18nKey"`
	Context   []contextEntry `json:"context"`
}

type contextEntry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type link struct {
	Name   string `json:"name"`
	Href   string `json:"href"`
	Method string `json:"method"`
}

// prompt asks for an agent's id and secret.
func (h *Handler) prompt(id, status string) promptBody {
	return promptBody{
		FlowID: id, FlowStatus: status, FlowType: "AUTHENTICATION",
		NextStep: nextStep{StepType: "AUTHENTICATOR_PROMPT", Authenticators: []authenticator{{
			AuthenticatorID: authenticatorID, Authenticator: "Username & Password", IDP: "LOCAL",
			Metadata: authenticatorMetadata{I18nKey: "authenticator.basic", PromptType: "USER_PROMPT", Params: []param{
				{"username", "STRING", 0, "username.param", "Username", false},
				{"password", "STRING", 1, "password.param", "Password", true},
			}},
			RequiredParams: []string{"username", "password"},
		}}},
		Links: []link{{"authentication", h.base + pathAuthn, http.MethodPost}},
	}
}

// stepError is an error of a login, in WSO2's words.
type stepError struct {
	status      int
	code        string
	message     string
	description string
	retryAfter  time.Duration
}

const codeInvalid = "ABA-60001"

func invalidStep(description string) *stepError {
	return &stepError{http.StatusBadRequest, codeInvalid, "Invalid authentication request.", description, 0}
}

func noApplication() *stepError {
	return &stepError{http.StatusBadRequest, "ABA-60005", "Unable to find application.", "No application has this client_id.", 0}
}

// stepOf puts another failure into those words.
func stepOf(f *failure) *stepError {
	s := &stepError{f.status, codeInvalid, "Invalid authentication request.", f.description, f.retryAfter}
	switch {
	case f.status >= http.StatusInternalServerError:
		s.code, s.message = "ABA-65001", "Unable to proceed with authentication."
	case f.status == http.StatusTooManyRequests:
		s.code, s.message = "ABA-60002", "Authentication failure."
	}
	return s
}

func (h *Handler) refuseStep(w http.ResponseWriter, e *stepError) {
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retryAfter.Seconds()))))
	}
	h.write(w, e.status, map[string]string{
		"code": e.code, "message": e.message, "description": e.description, "traceId": uuid.NewString(),
	})
}
