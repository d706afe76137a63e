package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// failure is an error answer (RFC 6749 §5.2).
type failure struct {
	status      int
	code        string
	description string
	retryAfter  time.Duration
	allow       string // the methods that there are
	bearer      bool   // it is about a token in the Authorization header
}

func badRequest(description string) *failure {
	return &failure{status: http.StatusBadRequest, code: "invalid_request", description: description}
}

func notFound() *failure {
	return &failure{status: http.StatusNotFound, code: "invalid_request", description: "there is no such endpoint"}
}

func wrongMethod(there []Route) *failure {
	var allow []string
	for _, r := range there {
		allow = append(allow, r.Method)
		if r.Method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	return &failure{
		status: http.StatusMethodNotAllowed, code: "invalid_request", description: "this endpoint does not take this method",
		allow: strings.Join(allow, ", "),
	}
}

// badClient is the same for everybody who cannot authenticate, whatever the
// reason: the audit has it.
func badClient() *failure {
	return &failure{status: http.StatusUnauthorized, code: "invalid_client", description: "client authentication failed"}
}

// badToken is the same for every bearer token that is not in force.
func badToken() *failure {
	return &failure{status: http.StatusUnauthorized, code: "invalid_token", description: "the token in the Authorization header is not in force here", bearer: true}
}

// failureOf turns what authority says into an answer; what it cannot explain
// is logged, and a server_error outside.
func (h *Handler) failureOf(r *http.Request, err error) *failure {
	refusal, ok := asRefusal(err)
	if !ok {
		return h.internal(r, err)
	}
	switch refusal.Kind {
	case authority.Throttled:
		return &failure{
			status: http.StatusTooManyRequests, code: "invalid_client", description: "too many failures", retryAfter: refusal.RetryAfter,
		}
	case authority.BadTarget:
		return &failure{status: http.StatusBadRequest, code: "invalid_target", description: "this client may not ask for this audience"}
	case authority.BadCode:
		return &failure{status: http.StatusBadRequest, code: "invalid_grant", description: "the code is not good, or not for this request"}
	case authority.BadScope:
		return &failure{status: http.StatusBadRequest, code: "invalid_scope", description: refusal.Message}
	case authority.Foreign:
		return &failure{status: http.StatusBadRequest, code: "unauthorized_client", description: "the token is another client's"}
	case authority.BadToken:
		return badToken()
	default:
		return badClient()
	}
}

// internal answers for what is not the caller's fault.
func (h *Handler) internal(r *http.Request, err error) *failure {
	if errors.Is(err, context.Canceled) {
		// Nobody waits for the answer.
		return &failure{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", description: "the request was given up"}
	}
	if errors.Is(err, authority.ErrQuarantined) { // serve has told: agents ask again and again
		return &failure{status: http.StatusServiceUnavailable, code: "temporarily_unavailable",
			description: "the server was restored from a backup and is quarantined: nobody can log in before its administrator has accepted it"}
	}
	h.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err.Error())
	if errors.Is(err, authority.ErrBusy) || errors.Is(err, authority.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return &failure{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", description: "try again later", retryAfter: time.Second}
	}
	if errors.Is(err, authority.ErrReadOnly) || errors.Is(err, authority.ErrFull) {
		return &failure{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", description: "the server cannot write its store; its log says why"}
	}
	return &failure{status: http.StatusInternalServerError, code: "server_error", description: "the server cannot answer this; its log says why"}
}

// refuse writes a failure. WWW-Authenticate answers an Authorization header,
// and nothing else (RFC 6749 §5.2, RFC 6750 §3).
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, f *failure) {
	header := w.Header()
	switch {
	case f.status != http.StatusUnauthorized || r.Header.Get("Authorization") == "":
	case f.bearer:
		header.Set("WWW-Authenticate", `Bearer realm="agentcreds", error="invalid_token"`)
	default:
		header.Set("WWW-Authenticate", `Basic realm="agentcreds", charset="UTF-8"`)
	}
	if f.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.retryAfter.Seconds()))))
	}
	if f.allow != "" {
		header.Set("Allow", f.allow)
	}
	h.write(w, f.status, map[string]string{"error": f.code, "error_description": f.description})
}

// write writes JSON that nobody may keep (RFC 6749 §5.1).
func (h *Handler) write(w http.ResponseWriter, status int, body any) {
	h.open(w, status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // it is no page, and WSO2 writes "Username & Password"
	// It is too late to say that the answer did not arrive.
	_ = e.Encode(body)
}

// open writes what comes before JSON.
func (h *Handler) open(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
}
