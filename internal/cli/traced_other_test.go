//go:build !linux

package cli_test

import (
	"os/exec"
	"testing"
)

// mortal is nil where nothing can kill a program at a call of the system.
func mortal(testing.TB, *exec.Cmd, string, int) *exec.Cmd { return nil }
