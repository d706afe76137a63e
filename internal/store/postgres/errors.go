package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/row"
)

// Codes of PostgreSQL's errors, appendix A of its manual.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	uniqueViolation      = "23505"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
	undefinedTable       = "42P01"
	undefinedSchema      = "3F000"
	invalidPassword      = "28P01"
	noSuchDatabase       = "3D000"
	noPrivilege          = "42501"
	readOnlyTransaction  = "25006"
	diskFull             = "53100"
	duplicateSchema      = "42P06"
)

// code returns PostgreSQL's code of an error, or "".
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// conflicted reports whether another transaction came in between, so that the
// same could go well the next time. A unique value that was not there when it was
// looked for is such a conflict too.
func conflicted(err error) bool {
	c := code(err)
	return c == serializationFailure || c == deadlockDetected || c == uniqueViolation
}

// lost reports whether the connection is gone, or was never there.
func lost(err error) bool {
	if err == nil || errors.Is(err, errDamaged) || errors.Is(err, row.ErrDamaged) {
		return false
	}
	c := code(err)
	if c != "" {
		// The server ends the session, refuses a new one, or is not there yet.
		return strings.HasPrefix(c, "08") || strings.HasPrefix(c, "57P") || c == "53300" || c == "25P03" || c == "25P04"
	}
	if _, dial := errors.AsType[*pgconn.ConnectError](err); dial {
		return true
	}
	if pgconn.Timeout(err) { // it did not answer in time
		return true
	}
	// The end of a context is none, though it looks like one.
	if network, ok := errors.AsType[net.Error](err); ok && !errors.Is(network, context.DeadlineExceeded) {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || strings.Contains(err.Error(), "conn closed") ||
		strings.Contains(err.Error(), "conn busy") || strings.Contains(err.Error(), "closed pool")
}

// errDamaged: what is in the database cannot be read.
var errDamaged = errors.New("the store is damaged")

// advice says what to do about each kind of error.
var advice = map[error]string{
	store.ErrBusy:        "it did not get free in time, try again",
	store.ErrFull:        "free some and try again, nothing was changed",
	store.ErrReadOnly:    "its user needs to write the tables of the store, on the primary server",
	store.ErrUnavailable: "nothing was changed; see whether it runs and can be reached from here",
	errDamaged:           "restore it from a backup",
}

// explain says what was being done to the database, what went wrong and what to
// do, and wraps the sentinel of package store that fits. The end of a context is
// returned as it is.
func explain(doing, name string, err error) error {
	switch {
	case err == nil, errors.Is(err, os.ErrClosed):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !lost(err):
		return err
	case errors.Is(err, store.ErrUnsure), errors.Is(err, store.ErrForeign), errors.Is(err, store.ErrNoStore):
		return fmt.Errorf("%s the database %s: %w", doing, name, err)
	}
	if newer, ok := errors.AsType[*store.NewerError](err); ok {
		return fmt.Errorf("%s the database %s: %w: %w", doing, name, store.ErrForeign, newer)
	}
	if kind := kind(err); kind != nil {
		return fmt.Errorf("%s the database %s: %w: %s (%w)", doing, name, kind, advice[kind], err)
	}
	return fmt.Errorf("%s the database %s: %w", doing, name, err)
}

// kind returns the sentinel that fits, or nil.
func kind(err error) error {
	switch code(err) {
	case serializationFailure, deadlockDetected, uniqueViolation, lockNotAvailable, queryCanceled:
		return store.ErrBusy
	case diskFull:
		return store.ErrFull
	case readOnlyTransaction, noPrivilege:
		return store.ErrReadOnly
	case invalidPassword, noSuchDatabase:
		return nil // a ConnectError, but no trouble that passes
	}
	switch {
	case errors.Is(err, errDamaged), errors.Is(err, row.ErrDamaged):
		return errDamaged
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case lost(err):
		return store.ErrUnavailable
	}
	return nil
}
