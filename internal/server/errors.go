package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// noSuchEndpoint is what WSO2 says of a path that leads nowhere.
const noSuchEndpoint = "Specified resource (e.g., User) or endpoint does not exist."

// refusals is how the refusals of authority look outside.
var refusals = map[authority.Kind]api.Error{
	authority.Invalid:       {Status: http.StatusBadRequest, Code: api.CodeInvalid, ScimType: api.TypeInvalidValue},
	authority.Weak:          {Status: http.StatusBadRequest, Code: api.CodeWeakSecret, ScimType: api.TypeInvalidValue},
	authority.NoAgent:       {Status: http.StatusNotFound, Code: api.CodeNoAgent},
	authority.NoSecret:      {Status: http.StatusNotFound, Code: api.CodeNoSecret},
	authority.NoRole:        {Status: http.StatusNotFound, Code: api.CodeNoRole},
	authority.NoClient:      {Status: http.StatusNotFound, Code: api.CodeNoClient},
	authority.Beyond:        {Status: http.StatusForbidden, Code: api.CodeForbidden},
	authority.Outdated:      {Status: http.StatusUnauthorized, Code: api.CodeUnauthorized},
	authority.Exists:        {Status: http.StatusConflict, Code: api.CodeUsedName, ScimType: api.TypeUniqueness},
	authority.Limit:         {Status: http.StatusConflict, Code: api.CodeLimit},
	authority.UsedID:        {Status: http.StatusConflict, Code: api.CodeUsedID},
	authority.Dead:          {Status: http.StatusConflict, Code: api.CodeDead},
	authority.Blocked:       {Status: http.StatusConflict, Code: api.CodeBlocked},
	authority.RevokedKind:   {Status: http.StatusConflict, Code: api.CodeBlocked, ScimType: api.TypeRevoked},
	authority.Stale:         {Status: http.StatusPreconditionFailed, Code: api.CodeStale},
	authority.NoPublicKey:   {Status: http.StatusNotFound, Code: api.CodeNoKey},
	authority.NoCertificate: {Status: http.StatusNotFound, Code: api.CodeNoCert},
	authority.NoCA:          {Status: http.StatusConflict, Code: api.CodeNoCA},
}

// storage is how trouble with the store looks outside. 507 is for what another
// attempt does not mend.
var storage = []struct {
	is  error
	out api.Error
}{
	{authority.ErrBusy, api.Error{Status: http.StatusServiceUnavailable, Code: api.CodeBusy, RetryAfter: time.Second,
		Message: "The store is locked by another process. Nothing was changed."}},
	{authority.ErrCrowded, api.Error{Status: http.StatusServiceUnavailable, Code: api.CodeBusy, RetryAfter: time.Second,
		Message: "Too many secrets are set at once. Nothing was changed."}},
	{authority.ErrUnavailable, api.Error{Status: http.StatusServiceUnavailable, Code: api.CodeBusy, RetryAfter: time.Second,
		Message: "The database of the server does not answer. Nothing was changed."}},
	{authority.ErrQuarantined, api.Error{Status: http.StatusServiceUnavailable, Code: api.CodeQuarantined,
		Message: "The store came from a backup and is quarantined: its administrator must accept it (restore --accept). Nothing was changed."}},
	{authority.ErrFull, api.Error{Status: http.StatusInsufficientStorage, Code: api.CodeStorage,
		Message: "There is no space left for the store. Nothing was changed."}},
	{authority.ErrReadOnly, api.Error{Status: http.StatusInsufficientStorage, Code: api.CodeStorage,
		Message: "The store cannot be written. Nothing was changed."}},
	{authority.ErrUnsure, api.Error{Status: http.StatusInternalServerError, Code: api.CodeStorage,
		Message: "The store failed while it kept the change: it is not known whether it did."}},
	{authority.ErrForeign, api.Error{Status: http.StatusInsufficientStorage, Code: api.CodeStorage,
		Message: "What is where the store should be is not a store of this program."}},
	{authority.ErrNoStore, api.Error{Status: http.StatusInsufficientStorage, Code: api.CodeStorage,
		Message: "There is no store."}},
}

// wireError says outside what went wrong. It is the only place where errors of
// authority and of the store become errors of the wire, and the only one that
// logs them: what is not the caller's doing, once and in full.
func (s *Server) wireError(c *call, err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	err = cause(err)
	if refusal, ok := errors.AsType[*authority.Error](err); ok {
		e := refusals[refusal.Kind]
		e.Message = refusal.Message
		if (refusal.Kind == authority.NoAgent || refusal.Kind == authority.NoRole) && c.route.notFound != "" {
			e.Message = strings.ReplaceAll(c.route.notFound, "{id}", c.PathValue("id"))
		}
		return &e
	}
	if c.Context().Err() != nil { // nobody waits for the answer
		return &api.Error{Status: http.StatusServiceUnavailable, Code: api.CodeBusy, Message: "The request was given up."}
	}
	trace := newTrace()
	e := internal(trace)
	for _, known := range storage {
		if errors.Is(err, known.is) {
			found := known.out
			found.TraceID = trace
			e = &found
			break
		}
	}
	if s.cfg.Explain {
		e.Message, e.TraceID = sentence(err.Error()), ""
	}
	s.cfg.Logger.LogAttrs(c.Context(), slog.LevelError, "request failed",
		slog.String("trace", trace), slog.String("method", c.Method), slog.String("route", c.route.Pattern),
		slog.String("principal", c.principal.Name), slog.Int("status", e.Status), slog.String("error", err.Error()))
	return e
}

// cause is what to tell of errors that are joined: a refusal whose audit entry
// could not be written is that failure. An error that wraps several without a
// refusal among them, as those of the store do, has one text, which names the
// file and what to do.
func cause(err error) error {
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // authority joins at the top
	if !ok {
		return err
	}
	var failure error
	refused := false
	for _, e := range joined.Unwrap() {
		if _, refusal := errors.AsType[*authority.Error](e); refusal {
			refused = true
		} else if failure == nil {
			failure = e
		}
	}
	if refused && failure != nil {
		return failure
	}
	return err
}

// unauthorized hides why nobody was recognised: failures look alike. Trouble
// of the server's own shows as what it is.
func unauthorized(err error) error {
	if _, ok := errors.AsType[*api.Error](err); ok {
		return err
	}
	for _, known := range storage {
		if errors.Is(err, known.is) {
			return err
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &api.Error{Status: http.StatusUnauthorized, Code: api.CodeUnauthorized, Message: "Authentication required"}
}

func forbidden(scope string) *api.Error {
	return &api.Error{Status: http.StatusForbidden, Code: api.CodeForbidden,
		Message: fmt.Sprintf("You don't have enough permissions to perform this operation: the scope %s is missing.", scope)}
}

// invalid refuses the shape of a request.
func invalid(scimType, format string, args ...any) *api.Error {
	return &api.Error{Status: http.StatusBadRequest, Code: api.CodeInvalid, ScimType: scimType, Message: fmt.Sprintf(format, args...)}
}

func notAcceptable(format string, args ...any) *api.Error {
	return &api.Error{Status: http.StatusNotAcceptable, Code: api.CodeMediaType, Message: fmt.Sprintf(format, args...)}
}

func bodyTooLarge(limit int64) *api.Error {
	return &api.Error{Status: http.StatusRequestEntityTooLarge, Code: api.CodeTooLarge,
		Message: fmt.Sprintf("The body is larger than %d bytes.", limit)}
}

func notImplemented(message string) *api.Error {
	return &api.Error{Status: http.StatusNotImplemented, Code: api.CodeInvalid, Message: message}
}

func methodNotAllowed(method, allow string) *api.Error {
	return &api.Error{Status: http.StatusMethodNotAllowed, Code: api.CodeMethod,
		Message: fmt.Sprintf("%s is not possible here; possible is %s.", method, allow)}
}

func noRoute(r *http.Request) *api.Error {
	e := &api.Error{Status: http.StatusNotFound, Code: api.CodeNoRoute, Message: "There is nothing at this path."}
	if isSCIM(r) {
		e.Message = noSuchEndpoint
	}
	return e
}

func internal(trace string) *api.Error {
	return &api.Error{Status: http.StatusInternalServerError, Code: api.CodeInternal,
		Message: "The server met an error that it cannot explain.", TraceID: trace}
}

// newTrace makes an id that leads from an answer to the line of the log.
func newTrace() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// sentence makes a sentence of the text of an error.
func sentence(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
