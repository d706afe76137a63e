package secret

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// maxFile is far more than what is kept in a file needs, in bytes.
const maxFile = 64 << 10

// ReadFile reads a file that holds a secret. A file that others can read, or a
// link, is refused: who made it so may know what is in it. When there is no
// file the error is that of fs.ErrNotExist.
func ReadFile(path string) (Text, error) {
	before, err := os.Lstat(path)
	switch {
	case err != nil:
		return Text{}, err
	case !before.Mode().IsRegular():
		return Text{}, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return Text{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return Text{}, err
	case !os.SameFile(before, info):
		return Text{}, errors.New("it was replaced while it was read")
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return Text{}, fmt.Errorf("others can read or write it (mode %04o)", info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Text{}, err
	}
	if len(text) > maxFile {
		return Text{}, errors.New("it is too large")
	}
	return New(string(text)), nil
}
