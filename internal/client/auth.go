package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Auth is a way to sign in to the management API: BearerToken,
// ClientCredentials or Basic. It is a setting; what it takes at run time is the
// client's.
type Auth interface {
	check() error
	authorizer(c *Client) authorizer
	secrets() []secret.Text // what no error may show
}

// authorizer gives the value of the Authorization header.
type authorizer interface {
	// needs are scopes that the request takes beside those of agents.
	header(ctx context.Context, needs []string) (secret.Text, error)
	// refused is told that the server answered 401 to a header. It reports
	// whether there may be another one now.
	refused(header secret.Text) bool
}

// BearerToken signs in with an access token that somebody else got.
func BearerToken(token secret.Text) Auth {
	return fixed{
		value: secret.New("Bearer " + token.Reveal()),
		known: []secret.Text{token},
		fault: checkValue("access_token", token.Reveal(), unicode.IsSpace),
	}
}

// Basic signs in as a user of WSO2 Identity Server.
func Basic(user string, password secret.Text) Auth {
	return fixed{
		value: basic(user, password.Reveal()),
		known: []secret.Text{password},
		fault: errors.Join(checkUser(user), checkValue("password", password.Reveal(), nil)),
	}
}

func checkUser(user string) error {
	if strings.Contains(user, ":") {
		return errors.New("username must not hold a colon")
	}
	return checkValue("username", user, nil)
}

// checkValue finds what a copied value often has too much of. It does not
// quote the value.
func checkValue(name, value string, also func(rune) bool) error {
	switch {
	case value == "":
		return fmt.Errorf("%s is empty", name)
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || also != nil && also(r) }):
		return fmt.Errorf("%s holds a line break, a blank or a control character: was a file's last line break copied with it?", name)
	}
	return nil
}

func basic(user, password string) secret.Text {
	return secret.New("Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// fixed sends the same header every time.
type fixed struct {
	value secret.Text
	known []secret.Text
	fault error
}

func (f fixed) check() error                                          { return f.fault }
func (f fixed) authorizer(*Client) authorizer                         { return f }
func (f fixed) secrets() []secret.Text                                { return append(f.known[:len(f.known):len(f.known)], f.value) }
func (f fixed) header(context.Context, []string) (secret.Text, error) { return f.value, nil }
func (fixed) refused(secret.Text) bool                                { return false }

// Format: fmt does not ask an unexported field how it wants to be printed.
func (fixed) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }
