package cli

import (
	"log/slog"
	"net/http"
	"time"
)

// observed enters each request into the metrics and, when debugging, writes a
// line for it: what was asked for by its pattern, never by its path or query,
// which could hold what people typed.
func observed(next http.Handler, m *metrics, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &statusSeen{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		took := time.Since(began)
		m.request(r, seen.status, took)
		if log.Enabled(r.Context(), slog.LevelDebug) {
			log.DebugContext(r.Context(), "request",
				"method", r.Method, "route", r.Pattern, "status", seen.status, "duration", took.String())
		}
	})
}

// statusSeen remembers the status that was sent.
type statusSeen struct {
	http.ResponseWriter
	status int
}

func (s *statusSeen) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (s *statusSeen) Unwrap() http.ResponseWriter { return s.ResponseWriter }
