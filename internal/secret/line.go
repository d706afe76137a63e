package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ReadLine reads the one line of a file that holds a secret; "" when there
// is no file. A file that others can read is refused, as by ReadFile.
func ReadLine(path string) (string, error) {
	text, err := ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "", nil
	case err != nil:
		return "", err
	}
	line := strings.TrimSuffix(strings.TrimSuffix(text.Reveal(), "\n"), "\r")
	if line == "" {
		return "", errors.New("it is empty")
	}
	return line, nil
}

// WriteOnce writes a file that must not exist yet, readable by its owner only.
// It appears with its content or not at all; of two who write it at once one
// gets fs.ErrExist.
func WriteOnce(path, text string) error {
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
