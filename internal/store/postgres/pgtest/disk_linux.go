package pgtest

import (
	"fmt"
	"syscall"
)

// mount gives a directory a disk of its own of so many MiB, in memory.
func mount(dir string, mib int) error {
	return syscall.Mount("agentcreds-test", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprintf("size=%dm,mode=0700", mib))
}

// unmount takes it away, also from those who still have a file of it.
func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
