package oauth

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// failure is an error answer (RFC 6749 §5.2).
type failure struct {
	status      int
	code        string
	description string
	retryAfter  time.Duration
}

func badRequest(description string) *failure {
	return &failure{status: http.StatusBadRequest, code: "invalid_request", description: description}
}

// badClient is the same for everybody who cannot authenticate, whatever the
// reason: the audit has it.
func badClient() *failure {
	return &failure{status: http.StatusUnauthorized, code: "invalid_client", description: "client authentication failed"}
}

// failureOf turns what authority says into an answer; what it cannot explain
// is logged, and a server_error outside.
func (h *Handler) failureOf(r *http.Request, err error) *failure {
	refusal, ok := asRefusal(err)
	if !ok {
		h.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err.Error())
		return &failure{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", description: "try again later", retryAfter: time.Second}
	}
	switch refusal.Kind {
	case authority.Throttled:
		return &failure{
			status: http.StatusTooManyRequests, code: "invalid_client", description: "too many failures", retryAfter: refusal.RetryAfter,
		}
	case authority.BadTarget:
		return &failure{status: http.StatusBadRequest, code: "invalid_target", description: "the agent may not ask for this audience"}
	default:
		return badClient()
	}
}

// refuse writes a failure. WWW-Authenticate answers an Authorization header,
// and nothing else.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, f *failure) {
	if f.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="agentcreds", charset="UTF-8"`)
	}
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.retryAfter.Seconds()))))
	}
	h.write(w, f.status, map[string]string{"error": f.code, "error_description": f.description})
}

// write writes JSON that nobody may keep (RFC 6749 §5.1).
func (h *Handler) write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	// It is too late to say that the answer did not arrive.
	_ = json.NewEncoder(w).Encode(body)
}
