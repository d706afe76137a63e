package api

import (
	"fmt"
	"net/http"
	"time"
)

// Error is an answer that is not a success. Two errors are the same to
// errors.Is when their codes are, or, where the target has none, their status
// and SCIM type: test with the sentinels below.
type Error struct {
	Status     int           // HTTP status
	Code       Code          // of our API; "" in SCIM answers
	ScimType   string        // of SCIM answers; often ""
	Message    string        // what happened, for people
	TraceID    string        // correlation id of the server, if it sent one
	SCIM       bool          // the body was a SCIM error
	RetryAfter time.Duration // what the server asked for; 0: nothing
}

// Code tells refusals apart that share a status.
type Code string

// The codes of our API.
const (
	CodeInvalid      Code = "AGC-40001"
	CodeWeakSecret   Code = "AGC-40002" // of a key too
	CodeUnauthorized Code = "AGC-40101"
	CodeForbidden    Code = "AGC-40301"
	CodeNoRoute      Code = "AGC-40400"
	CodeNoAgent      Code = "AGC-40401"
	CodeNoSecret     Code = "AGC-40402"
	CodeNoClient     Code = "AGC-40403"
	CodeNoKey        Code = "AGC-40404"
	CodeNoCert       Code = "AGC-40405"
	CodeNoRole       Code = "AGC-40406"
	CodeMethod       Code = "AGC-40501"
	CodeMediaType    Code = "AGC-40601"
	CodeLimit        Code = "AGC-40901"
	CodeUsedID       Code = "AGC-40902"
	CodeBlocked      Code = "AGC-40903"
	CodeDead         Code = "AGC-40904"
	CodeUsedName     Code = "AGC-40905"
	CodeNoCA         Code = "AGC-40906"
	CodeStale        Code = "AGC-41201"
	CodeTooLarge     Code = "AGC-41301"
	CodeInternal     Code = "AGC-50001"
	CodeBusy         Code = "AGC-50301"
	CodeQuarantined  Code = "AGC-50302"
	CodeStorage      Code = "AGC-50701"
)

// Sentinels for errors.Is.
var (
	// ErrNotFound: no such agent or credential. Whether that means that it
	// was deleted, see Gone.
	ErrNotFound = &Error{Status: http.StatusNotFound}
	// ErrUnauthorized: no credential, or one that is not known.
	ErrUnauthorized = &Error{Status: http.StatusUnauthorized}
	// ErrForbidden: the credential lacks a scope.
	ErrForbidden = &Error{Status: http.StatusForbidden}
	// ErrExists: the external id is another agent's.
	ErrExists = &Error{Status: http.StatusConflict, ScimType: TypeUniqueness}
	// ErrNoClient: there is no such management client.
	ErrNoClient = &Error{Status: http.StatusNotFound, Code: CodeNoClient}
	// ErrUsedName: the name is another management client's.
	ErrUsedName = &Error{Status: http.StatusConflict, Code: CodeUsedName}
	// ErrLimit: the agent has as many live ones of that kind as it may.
	ErrLimit = &Error{Status: http.StatusConflict, Code: CodeLimit}
	// ErrUsedID: the id of a PUT, or the key, was used before.
	ErrUsedID = &Error{Status: http.StatusConflict, Code: CodeUsedID}
	// ErrBlocked: a blocked or revoked agent cannot rotate.
	ErrBlocked = &Error{Status: http.StatusConflict, Code: CodeBlocked}
	// ErrDead: the credential is expired or revoked and cannot be changed.
	ErrDead = &Error{Status: http.StatusConflict, Code: CodeDead}
	// ErrStale: If-Match, or the owner token, is not the present one.
	ErrStale = &Error{Status: http.StatusPreconditionFailed}
	// ErrInvalidScope: a token endpoint refuses the scopes (RFC 6749 §5.2).
	ErrInvalidScope = &Error{Status: http.StatusBadRequest, Code: "invalid_scope"}
	// ErrRateLimited: too many requests.
	ErrRateLimited = &Error{Status: http.StatusTooManyRequests}
)

// SCIM error types (RFC 7644 §3.12; letter case as WSO2 writes it).
const (
	TypeInvalidValue  = "invalidValue"
	TypeInvalidSyntax = "invalidSyntax"
	TypeInvalidFilter = "InvalidFilter"
	TypeInvalidPath   = "invalidPath"
	TypeNoTarget      = "noTarget"
	TypeMutability    = "mutability"
	TypeUniqueness    = "uniqueness"
	TypeRevoked       = "revoked" // ours: a revoked agent must be reinstated first
)

// Error tells status, message and trace id.
func (e *Error) Error() string {
	text := fmt.Sprintf("the server answered %d", e.Status)
	if e.Message != "" {
		text += " (" + e.Message + ")"
	}
	if e.TraceID != "" {
		text += ", trace id " + e.TraceID
	}
	return text
}

// Is compares with a sentinel.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error) //nolint:errorlint // Is is called for each error of the chain
	switch {
	case !ok:
		return false
	case t.Code != "":
		return e.Code == t.Code
	case t.ScimType != "":
		return e.Status == t.Status && e.ScimType == t.ScimType
	default:
		return e.Status == t.Status
	}
}

// Gone reports whether the answer is proof that the server knows no such agent
// or credential: a 404 in the server's own words. A 404 of a proxy is none.
func (e *Error) Gone() bool {
	return e.Status == http.StatusNotFound && (e.SCIM || e.Code == CodeNoAgent || e.Code == CodeNoSecret || e.Code == CodeNoKey || e.Code == CodeNoCert)
}

// ScimError is the body of a SCIM error; the status is a string.
type ScimError struct {
	Schemas  []string `json:"schemas"`
	ScimType string   `json:"scimType,omitempty"`
	Detail   string   `json:"detail"`
	Status   string   `json:"status"`
}

// ServerError is the body of an error of /api/server/v1, as WSO2 writes it.
type ServerError struct {
	Code        Code   `json:"code"`
	Message     string `json:"message"`
	Description string `json:"description"`
	TraceID     string `json:"traceId,omitempty"`
}
