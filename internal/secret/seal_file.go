package secret

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// sealPrefix starts a seal key, so that it is known for what it is; base64 of
// SealKeyLen bytes follows. What one brings along may come without it.
const sealPrefix = "agck_"

// ErrSealKey says that the seal key is missing, or not the one of the store.
var ErrSealKey = errors.New("the seal key is not the one of this store")

// SealFile is a file that holds the seal key of a store in one line. Both
// fields are required.
type SealFile struct {
	Path string
	// Known is the fingerprint of the key that the store was sealed with; ""
	// when nothing was sealed yet.
	Known func(context.Context) (string, error)
}

// Open reads the key. It makes the file when there is none, and only while
// nothing in the store was sealed: what was sealed with a lost key opens with
// no other. Then the error is ErrSealKey.
func (f SealFile) Open(ctx context.Context) (SealKey, error) {
	line, err := ReadLine(f.Path)
	if err == nil && line == "" {
		line, err = f.make(ctx)
	}
	if err != nil {
		return SealKey{}, err
	}
	return ParseSealKey(line)
}

// make makes a key and its file. Of two who make it at once one wins and both
// use that one.
func (f SealFile) make(ctx context.Context) (string, error) {
	known, err := f.Known(ctx)
	switch {
	case err != nil:
		return "", err
	case known != "":
		// Another process may have made the file since it was looked for.
		if line, err := ReadLine(f.Path); err != nil || line != "" {
			return line, err
		}
		return "", fmt.Errorf("%w: there is no such file, and the store was sealed with the key %s", ErrSealKey, known)
	}
	bits := make([]byte, SealKeyLen)
	_, _ = rand.Read(bits) // never fails: crypto/rand crashes the program instead
	line := sealPrefix + base64.RawURLEncoding.EncodeToString(bits)
	err = WriteOnce(f.Path, line+"\n")
	if errors.Is(err, fs.ErrExist) {
		return ReadLine(f.Path)
	}
	return line, err
}

// ParseSealKey reads a seal key as a file or another source has it. Errors do
// not quote it.
func ParseSealKey(line string) (SealKey, error) {
	text := strings.TrimPrefix(strings.TrimSpace(line), sealPrefix)
	if text == "" {
		return SealKey{}, errors.New("it is empty")
	}
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != SealKeyLen {
		return SealKey{}, fmt.Errorf("it does not hold %d bytes in base64", SealKeyLen)
	}
	return NewSealKey(raw)
}
