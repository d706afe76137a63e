package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// maxPrivateFile is far more than what is kept in one needs.
const maxPrivateFile = 4 << 10

// readPrivate reads the one line of a file that holds a secret; "" when there
// is no file. A file that others can read, or a link, is refused: who made it
// so may know what is in it.
func readPrivate(path string) (string, error) {
	before, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "", nil
	case err != nil:
		return "", err
	case !before.Mode().IsRegular():
		return "", errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", err
	case !os.SameFile(before, info):
		return "", errors.New("it was replaced while it was read")
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("others can read or write it (mode %04o)", info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPrivateFile+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxPrivateFile {
		return "", errors.New("it is too large")
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if line == "" {
		return "", errors.New("it is empty")
	}
	return line, nil
}

// writeOnce writes a file that must not exist yet, readable by its owner only.
// It appears with its content or not at all; of two who write it at once one
// gets fs.ErrExist.
func writeOnce(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	// Where a directory cannot be synced, a loss of power can take the file
	// away again.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}
