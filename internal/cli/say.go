package cli

import (
	"errors"
	"fmt"
	"io"
)

// How the program talks, in one place. Data goes to stdout and nothing else
// does. Words go to stderr, each line with the name of the program before it,
// without capitals at the beginning and periods at the end:
//
//	agentcreds: error: what was tried: what came back
//	agentcreds: hint: what to do about it

// hinted is an error with something that can be done about it.
type hinted struct {
	error
	hint string
	code int
}

func (h *hinted) Unwrap() error { return h.error }

// hint adds what to do about an error.
func hint(err error, format string, args ...any) error {
	return &hinted{error: err, hint: fmt.Sprintf(format, args...), code: exitFailure}
}

// usage marks an error as one of whoever called the program.
func usage(err error) error {
	return &hinted{error: err, hint: "run it with --help to see commands and flags", code: exitUsage}
}

// badValue is a usage error about the value of a flag that the environment can
// give, too.
func badValue(flag, value string, err error) error {
	return badFlag(flag, value, err, fmt.Sprintf(", or %s in the environment", variable(flag)))
}

// badArgument is a usage error about the value of a flag that has no variable.
func badArgument(flag, value string, err error) error { return badFlag(flag, value, err, "") }

func badFlag(flag, value string, err error, or string) error {
	return &hinted{error: fmt.Errorf("--%s %q: %w", flag, value, err), hint: "give another --" + flag + or, code: exitUsage}
}

// Tell says what went wrong, if anything, and returns the exit code.
func Tell(w io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintf(w, "%s: error: %v\n", name, err)
	h, ok := errors.AsType[*hinted](err)
	if !ok {
		return exitFailure
	}
	_, _ = fmt.Fprintf(w, "%s: hint: %s\n", name, h.hint)
	return h.code
}
