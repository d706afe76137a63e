//go:build unix

package cli

import "syscall"

// openFiles is how many files and connections this process may have open, -1
// when nothing is known of it. Go has raised it to what is possible.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || int64(limit.Cur) < 0 || int64(limit.Cur) > 1<<30 { //nolint:gosec,unconvert // as far as it fits; FreeBSD has it signed
		return -1
	}
	return int(limit.Cur)
}
