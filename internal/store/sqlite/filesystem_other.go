//go:build !linux && !darwin && !freebsd && !windows

package sqlite

// remote does not know the file systems of this system.
func remote(string) (string, error) { return "", nil }
