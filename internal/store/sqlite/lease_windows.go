package sqlite

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockLease takes the lock, alone or with others; errLeased when others have it.
// The byte that is locked is far behind what is written: nobody could read it.
func lockLease(f *os.File, alone bool) error {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if alone {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLeased
	}
	return err
}

// lives cannot be told: who stands there is named.
func lives(int) bool { return true }
