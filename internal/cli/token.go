package cli

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	// noToken as the token file turns the admin token off.
	noToken = "none"
	// tokenPrefix tells an admin token from the secret of an agent.
	tokenPrefix = "agca_"
	// maxTokenFile is far more than a token needs.
	maxTokenFile = 4 << 10
)

// token68 is what a bearer token may be made of (RFC 6750 §2.1).
var token68 = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// readToken reads the admin token. It is zero when there is no file, or none
// is wanted. A file that others can read, or a link, is refused: who made it so
// may know the token.
func readToken(path string) (secret.Text, error) {
	if path == noToken {
		return secret.Text{}, nil
	}
	before, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return secret.Text{}, nil
	case err != nil:
		return secret.Text{}, badToken(path, err)
	case !before.Mode().IsRegular():
		return secret.Text{}, badToken(path, errors.New("it is not a regular file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return secret.Text{}, badToken(path, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return secret.Text{}, badToken(path, err)
	case !os.SameFile(before, info):
		return secret.Text{}, badToken(path, errors.New("it was replaced while it was read"))
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return secret.Text{}, badToken(path, fmt.Errorf("others can read or write it (mode %04o)", info.Mode().Perm()))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err != nil {
		return secret.Text{}, badToken(path, err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case line == "":
		return secret.Text{}, badToken(path, errors.New("it is empty"))
	case len(text) > maxTokenFile || !token68.MatchString(line):
		return secret.Text{}, badToken(path, errors.New("it does not hold one line with a token in it (letters, digits and -._~+/)"))
	}
	return secret.New(line), nil
}

func badToken(path string, err error) error {
	return hint(fmt.Errorf("use the admin token in %s: %w", path, err),
		"it must be a file of yours alone (mode 0600) with the token in one line; without the file a new token is made")
}

// makeToken makes a token and its file. The file appears with its content or
// not at all, and of two who make it at once one wins and both use that one.
func makeToken(path string) (secret.Text, error) {
	token := newToken()
	err := writeOnce(path, token.Reveal()+"\n")
	switch {
	case errors.Is(err, fs.ErrExist):
		return readToken(path)
	case err != nil:
		return secret.Text{}, hint(fmt.Errorf("make the admin token: %w", err),
			"choose another place with --admin-token-file, or turn the token off with --admin-token-file none")
	}
	return token, nil
}

// newToken makes a token of 256 bits.
func newToken() secret.Text {
	bits := make([]byte, 32)
	_, _ = rand.Read(bits) // never fails: crypto/rand crashes the program instead
	return secret.New(tokenPrefix + base64.RawURLEncoding.EncodeToString(bits))
}

// writeOnce writes a file that must not exist yet, readable by its owner only.
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
	// away again; then the next start makes a new token.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

// bearer lets through who sends the token. Without one it lets nobody through.
func bearer(token secret.Text) func(*http.Request) (authority.Principal, error) {
	return func(r *http.Request) (authority.Principal, error) {
		given := r.Header.Values("Authorization")
		if len(given) != 1 || token.IsZero() {
			return authority.Principal{}, errNobody
		}
		scheme, credentials, _ := strings.Cut(given[0], " ")
		if !strings.EqualFold(scheme, "Bearer") || !token.Equal(secret.New(strings.TrimSpace(credentials))) {
			return authority.Principal{}, errNobody
		}
		return authority.Principal{Name: "admin", Scopes: []string{authority.AllScopes}}, nil
	}
}

var errNobody = errors.New("the admin token is missing or wrong")
