//go:build unix && !linux

package journey_test

import "syscall"

// dieWithUs is for systems that can end a process with its parent.
func dieWithUs(*syscall.SysProcAttr) {}
