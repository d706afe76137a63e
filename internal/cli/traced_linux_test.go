package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// mortal is a program that is killed when it is about to make the n-th of those
// calls.
func mortal(t testing.TB, direct *exec.Cmd, calls string, n int) *exec.Cmd {
	t.Helper()
	return traced(t, direct, calls, fmt.Sprintf("signal=KILL:when=%d", n))
}

// traced is a program of ours whose calls of the system are meddled with, as an
// inject of strace says, which counts those of each thread; nil where there is no
// strace.
func traced(t testing.TB, direct *exec.Cmd, calls, inject string) *exec.Cmd {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		return nil
	}
	self, err := exec.LookPath("agentcreds")
	if err != nil {
		t.Fatal(err)
	}
	// By -D the program is the process that is started, and strace a child of it.
	args := []string{"-D", "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + calls, "-e", "signal=none", "-e", "inject=" + calls + ":" + inject, self}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), strace, append(args, direct.Args[1:]...)...)
	cmd.Env = direct.Env
	return cmd
}
