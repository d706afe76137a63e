//go:build darwin || freebsd

package sqlite

import (
	"errors"

	"golang.org/x/sys/unix"
)

// remote returns the name of the file system of dir when it is that of another
// machine, else "".
func remote(dir string) (string, error) {
	var fs unix.Statfs_t
	for {
		err := unix.Statfs(dir, &fs)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || fs.Flags&unix.MNT_LOCAL != 0 {
			return "", err
		}
		return unix.ByteSliceToString(fs.Fstypename[:]), nil
	}
}
