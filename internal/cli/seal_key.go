package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// sealPrefix starts a seal key, so that it is known for what it is; base64 of
// 32 bytes follows. What one brings along may come without it.
const sealPrefix = "agck_"

// sealTimeout is how long a command may take to give the seal key.
const sealTimeout = 15 * time.Second

// sealSource is where the key comes from that wraps signing keys.
type sealSource struct {
	kind, at string // file and its name, env and the variable, exec and the command
	getenv   func(string) string
	rules    *authority.Authority
}

// parseSeal reads the value of --seal-key. Without one, the key is in a file
// beside the database.
func parseSeal(text, database string) (sealSource, error) {
	if text == "" {
		return sealSource{kind: "file", at: database + ".key"}, nil
	}
	kind, at, _ := strings.Cut(text, ":")
	if at == "" || (kind != "file" && kind != "env" && kind != "exec") {
		return sealSource{}, errors.New("give it as file:NAME, env:VARIABLE or exec:COMMAND, and never the key itself")
	}
	return sealSource{kind: kind, at: at}, nil
}

// String names the source, and tells nothing of the key.
func (s sealSource) String() string { return s.kind + ":" + s.at }

// check refuses a key that is not the one of the store, before anybody needs
// it. A store that has nothing sealed needs none.
func (s sealSource) check(ctx context.Context) error {
	known, err := s.rules.SealFingerprint(ctx)
	if err != nil || known == "" {
		return err
	}
	key, err := s.open(ctx)
	if err != nil {
		return err
	}
	if key.Fingerprint() != known {
		return hint(fmt.Errorf("%w: the store was sealed with the key %s; %s has %s", authority.ErrSealKey, known, s, key.Fingerprint()),
			"give the key of this store with --seal-key; it is not in backups of the database")
	}
	return nil
}

// open reads the key. Only a file is made when there is none, and only while
// nothing in the store was sealed.
func (s sealSource) open(ctx context.Context) (secret.SealKey, error) {
	line, err := s.read(ctx)
	if err == nil && line == "" && s.kind == "file" {
		line, err = s.make(ctx)
	}
	if err != nil {
		return secret.SealKey{}, s.bad(err)
	}
	key, err := decodeSeal(line)
	if err != nil {
		return secret.SealKey{}, s.bad(err)
	}
	return key, nil
}

func (s sealSource) bad(err error) error {
	err = fmt.Errorf("use the seal key %s: %w", s, err)
	if s.kind == "file" {
		return hint(err, "it must be a file of yours alone (mode 0600) with the key of this store in one line; --seal-key names another file, env:VARIABLE or exec:COMMAND")
	}
	return hint(err, "give the key of this store with --seal-key file:NAME, env:VARIABLE or exec:COMMAND")
}

func (s sealSource) read(ctx context.Context) (string, error) {
	switch s.kind {
	case "file":
		return readPrivate(s.at)
	case "env":
		return s.getenv(s.at), nil
	}
	ctx, cancel := context.WithTimeout(ctx, sealTimeout)
	defer cancel()
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/C"}
	}
	cmd := exec.CommandContext(ctx, shell[0], shell[1], s.at) //nolint:gosec // the administrator's own command
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("the command failed: %w", err)
	}
	return out.String(), nil
}

// make makes a key and its file. Of two who make it at once one wins and both
// use that one.
func (s sealSource) make(ctx context.Context) (string, error) {
	known, err := s.rules.SealFingerprint(ctx)
	switch {
	case err != nil:
		return "", err
	case known != "":
		// Another process may have made the file since it was looked for.
		if line, err := readPrivate(s.at); err != nil || line != "" {
			return line, err
		}
		return "", fmt.Errorf("%w: there is no such file, and the store was sealed with the key %s", authority.ErrSealKey, known)
	}
	bits := make([]byte, secret.SealKeyLen)
	_, _ = rand.Read(bits) // never fails: crypto/rand crashes the program instead
	line := sealPrefix + base64.RawURLEncoding.EncodeToString(bits)
	err = writeOnce(s.at, line+"\n")
	if errors.Is(err, fs.ErrExist) {
		return readPrivate(s.at)
	}
	return line, err
}

// decodeSeal reads what a source gave. Errors do not quote it.
func decodeSeal(line string) (secret.SealKey, error) {
	text := strings.TrimPrefix(strings.TrimSpace(line), sealPrefix)
	if text == "" {
		return secret.SealKey{}, errors.New("it is empty")
	}
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != secret.SealKeyLen {
		return secret.SealKey{}, fmt.Errorf("it does not hold %d bytes in base64", secret.SealKeyLen)
	}
	return secret.NewSealKey(raw)
}
