//go:build linux || darwin || freebsd

package sqlite

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockLease takes the lock, alone or with others; errLeased when others have it.
// It is one of the open file: it ends with that, and another handle of the same
// process is another one.
func lockLease(f *os.File, alone bool) error {
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB) //nolint:gosec // a descriptor is small
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errLeased
	}
	return err
}

// lives reports whether there is such a process.
func lives(process int) bool { return !errors.Is(unix.Kill(process, 0), unix.ESRCH) }
