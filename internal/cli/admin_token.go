package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const (
	// noToken as the token file turns the admin token off.
	noToken = "none"
	// tokenPrefix tells an admin token from the secret of an agent.
	tokenPrefix = "agca_"
)

// token68 is what a bearer token may be made of (RFC 6750 §2.1).
var token68 = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`) })

// self is how the audit names what serve does by itself.
var self = authority.Principal{Name: creator, Scopes: []string{authority.AllScopes}}

// readToken reads the admin token. It is zero when there is no file, or none
// is wanted.
func readToken(path string) (secret.Text, error) {
	if path == noToken {
		return secret.Text{}, nil
	}
	line, err := secret.ReadLine(path)
	if err == nil && line != "" && !token68().MatchString(line) {
		err = errors.New("it does not hold one line with a token in it (letters, digits and -._~+/)")
	}
	if err != nil {
		return secret.Text{}, hint(fmt.Errorf("use the admin token in %s: %w", path, err),
			"it must be a file of yours alone (mode 0600) with the token in one line; without the file a new token is made")
	}
	return secret.New(line), nil
}

// makeToken makes a token and its file. Of two who make it at once one wins and
// both use that one.
func makeToken(path string) (secret.Text, error) {
	token := newToken()
	err := secret.WriteOnce(path, token.Reveal()+"\n")
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

// bootstrap settles whether there is an admin token. What the file says counts.
// Without a file, one is made while there is no management client; once there
// is one, nobody needs a new token, and one that the store knows already still
// works. Turned off, it is forgotten, for every process that works on the store.
func bootstrap(ctx context.Context, rules *authority.Authority, path string, token secret.Text) (works bool, err error) {
	if path == noToken {
		return false, rules.SetAdminToken(ctx, self, secret.Text{})
	}
	if token.IsZero() {
		known, err := rules.Bootstrap(ctx)
		if err != nil || known.Clients > 0 {
			return known.Known, err
		}
		if token, err = makeToken(path); err != nil {
			return false, err
		}
	}
	return true, rules.SetAdminToken(ctx, self, token)
}
