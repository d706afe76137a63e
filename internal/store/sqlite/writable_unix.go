//go:build linux || darwin || freebsd

package sqlite

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// writable returns why this user cannot read and write a file or a directory.
func writable(path string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK|unix.W_OK, unix.AT_EACCESS); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}
