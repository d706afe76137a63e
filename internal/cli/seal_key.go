package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres"
)

// sealTimeout is how long a command may take to give the seal key.
const sealTimeout = 15 * time.Second

// sealSource is where the key comes from that wraps signing keys.
type sealSource struct {
	kind, at string // file and its name, env and the variable, exec and the command; "": none was given
	brought  bool   // it is never made here: others have the same
	getenv   func(string) string
	rules    *authority.Authority
}

// parseSeal reads the value of --seal-key. Without one, the key is in a file
// beside the database, if that is a file.
func parseSeal(text, database string) (sealSource, error) {
	if text == "" && postgres.IsURL(database) {
		return sealSource{}, errNoSeal
	}
	if text == "" {
		return sealSource{kind: "file", at: database + ".key"}, nil
	}
	kind, at, _ := strings.Cut(text, ":")
	if at == "" || (kind != "file" && kind != "env" && kind != "exec") {
		return sealSource{}, errors.New("give it as file:NAME, env:VARIABLE or exec:COMMAND, and never the key itself")
	}
	return sealSource{kind: kind, at: at, brought: postgres.IsURL(database)}, nil
}

// errNoSeal: a file that each replica made for itself would not be the same.
var errNoSeal = errors.New("with a postgresql database there is no default: every replica needs the same key; give it as file:NAME, env:VARIABLE or exec:COMMAND")

// maybeSeal is parseSeal for a command that may need no key at all.
func maybeSeal(text, database string) (sealSource, error) {
	s, err := parseSeal(text, database)
	if errors.Is(err, errNoSeal) {
		return sealSource{}, nil // open says it
	}
	return s, err
}

// String names the source, and tells nothing of the key.
func (s sealSource) String() string { return s.kind + ":" + s.at }

// check refuses a key that is not the one of the store, before anybody needs
// it. A store that has nothing sealed needs none.
func (s sealSource) check(ctx context.Context) error {
	known, err := s.rules.SealFingerprint(ctx)
	if err != nil || known == "" && !s.brought {
		return err
	}
	key, err := s.open(ctx)
	if err != nil {
		return err
	}
	if known != "" && key.Fingerprint() != known {
		return hint(fmt.Errorf("%w: the store was sealed with the key %s; %s has %s", authority.ErrSealKey, known, s, key.Fingerprint()),
			"give the key of this store with --seal-key; it is not in backups of the database")
	}
	return nil
}

// open reads the key. Only a file is made when there is none, and only while
// nothing in the store was sealed.
func (s sealSource) open(ctx context.Context) (secret.SealKey, error) {
	if s.kind == "" {
		return secret.SealKey{}, hint(errNoSeal, "give the key of this store with --seal-key")
	}
	if s.kind == "file" && s.brought {
		line, err := secret.ReadLine(s.at)
		if err == nil && line == "" {
			return secret.SealKey{}, hint(fmt.Errorf("use the seal key %s: there is no such file, and with a postgresql database none is made", s),
				"make one for all replicas, with mode 0600: head -c %d /dev/urandom | base64 >FILE", secret.SealKeyLen)
		}
		if err != nil {
			return secret.SealKey{}, s.bad(err)
		}
		key, err := secret.ParseSealKey(line)
		return key, s.bad(err)
	}
	if s.kind == "file" {
		key, err := secret.SealFile{Path: s.at, Known: s.rules.SealFingerprint}.Open(ctx)
		return key, s.bad(err)
	}
	line, err := s.read(ctx)
	if err != nil {
		return secret.SealKey{}, s.bad(err)
	}
	key, err := secret.ParseSealKey(line)
	return key, s.bad(err)
}

func (s sealSource) bad(err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("use the seal key %s: %w", s, err)
	if s.kind == "file" {
		return hint(err, "it must be a file of yours alone (mode 0600) with the key of this store in one line; --seal-key names another file, env:VARIABLE or exec:COMMAND")
	}
	return hint(err, "give the key of this store with --seal-key file:NAME, env:VARIABLE or exec:COMMAND")
}

func (s sealSource) read(ctx context.Context) (string, error) {
	if s.kind == "env" {
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
