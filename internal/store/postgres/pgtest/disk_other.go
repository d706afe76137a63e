//go:build unix && !linux

package pgtest

import "errors"

func mount(string, int) error { return errors.New("a small disk is made on Linux only") }

func unmount(string) error { return nil }
