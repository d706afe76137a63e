package server

import (
	"fmt"
	"net/http"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// text is an answer that is not JSON.
type text string

// raw is an answer that is bytes.
type raw struct {
	kind string
	data []byte
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// Date is the clock by which clients judge expiries. net/http would set
	// it too, but a server inside a process has no net/http around it.
	h.Set("Date", s.cfg.Now().UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	defer s.survive(w, r)
	// ServeMux would redirect a path that it can make shorter, and a client
	// would send its body, or its DELETE, to the place that it points at.
	if p := r.URL.EscapedPath(); p != path.Clean(p) {
		s.nowhere(w, r)
		return
	}
	s.routes.ServeHTTP(w, r)
}

// survive turns a panic into an answer: nothing has been written by then,
// because answers are encoded first.
func (s *Server) survive(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		panic(v)
	}
	trace := newTrace()
	s.cfg.Logger.ErrorContext(r.Context(), "request panicked",
		"trace", trace, "method", r.Method, "route", r.Pattern, "panic", v, "stack", string(debug.Stack()))
	e := internal(trace)
	if s.cfg.Explain {
		e.Message, e.TraceID = fmt.Sprintf("The server panicked: %v.", v), ""
	}
	s.refuse(w, r, e)
}

// answer writes a success.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, status int, body any) {
	switch body := body.(type) {
	case nil:
		w.WriteHeader(status)
	case text:
		s.write(w, r, status, "text/plain; charset=utf-8", []byte(body))
	case raw:
		s.write(w, r, status, body.kind, body.data)
	default:
		data, err := api.Encode(body)
		if err != nil {
			panic(err) // what is in package api encodes
		}
		s.write(w, r, status, mediaType(r), data)
	}
}

// refuse writes an error in the dialect of the path.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, e *api.Error) {
	h := w.Header()
	switch e.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", challenge(r))
	case http.StatusForbidden:
		h.Set("WWW-Authenticate", `Bearer realm="agentcreds", error="insufficient_scope"`)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Seconds())))
	}
	if e.TraceID != "" {
		h.Set("X-Request-Id", e.TraceID) // a SCIM error has no member for it
	}
	var body any
	if isSCIM(r) {
		body = api.ScimError{
			Schemas:  []string{api.SchemaError},
			ScimType: e.ScimType,
			Detail:   e.Message,
			Status:   strconv.Itoa(e.Status),
		}
	} else {
		body = api.ServerError{Code: e.Code, Message: http.StatusText(e.Status), Description: e.Message, TraceID: e.TraceID}
	}
	s.answer(w, r, e.Status, body)
}

// challenge asks for a token. Who sent one is told that it does not count (RFC
// 6750 §3.1), and not why.
func challenge(r *http.Request) string {
	if r.Header.Get("Authorization") == "" {
		return `Bearer realm="agentcreds"`
	}
	return `Bearer realm="agentcreds", error="invalid_token"`
}

// write sends what is encoded. An error of the connection is not looked at: it
// is too late to change the status.
func (s *Server) write(w http.ResponseWriter, r *http.Request, status int, kind string, data []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(data)
	}
}

// isSCIM reports whether the path speaks SCIM.
func isSCIM(r *http.Request) bool {
	return r.URL.Path == "/scim2" || strings.HasPrefix(r.URL.Path, "/scim2/")
}

func mediaType(r *http.Request) string {
	if isSCIM(r) {
		return api.MediaType
	}
	return "application/json"
}
