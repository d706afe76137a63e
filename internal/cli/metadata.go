package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// tokenPlace is where tokens are given, and who gives them.
type tokenPlace struct{ endpoint, issuer, origin string }

// audience is whom an assertion names. One for another server must not be had
// by this one.
func (p tokenPlace) audience() (string, error) {
	return p.issuer, sameOrigin("issuer", p.issuer, p.origin)
}

// tokenEndpoint finds the token endpoint by the metadata of the server: where
// RFC 8414 puts them, where OpenID does, and where WSO2 does.
func tokenEndpoint(ctx context.Context, web *http.Client, base string) (tokenPlace, error) {
	u, err := url.Parse(base)
	if err != nil {
		return tokenPlace{}, err
	}
	origin := u.Scheme + "://" + u.Host
	places := []string{
		origin + "/.well-known/oauth-authorization-server" + u.EscapedPath(),
		base + "/.well-known/openid-configuration",
		base + "/oauth2/token/.well-known/openid-configuration",
	}
	for _, place := range places {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
		if err != nil {
			return tokenPlace{}, err
		}
		r.Header.Set("Accept", "application/json")
		status, _, body, err := fetch(web, r)
		if err != nil {
			return tokenPlace{}, err
		}
		var told struct {
			Endpoint string `json:"token_endpoint"`
			Issuer   string `json:"issuer"`
		}
		if status != http.StatusOK || json.Unmarshal(body, &told) != nil || told.Endpoint == "" {
			continue
		}
		if err := sameOrigin("token endpoint", told.Endpoint, origin); err != nil {
			return tokenPlace{}, err
		}
		return tokenPlace{told.Endpoint, told.Issuer, origin}, nil
	}
	return tokenPlace{}, hint(fmt.Errorf("%s does not tell where its token endpoint is (RFC 8414)", base), "does --endpoint name the server itself?")
}

// sameOrigin refuses a token endpoint, or an issuer, elsewhere: who can write the
// metadata of one server must not get the secrets for another.
func sameOrigin(what, told, origin string) error {
	u, err := url.Parse(told)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%s tells a %s that is not a url", origin, what)
	}
	if there := u.Scheme + "://" + u.Host; there != origin {
		return hint(fmt.Errorf("%s says that its %s is at %s", origin, what, printable(there)),
			"if that is the same server, name it with --endpoint %s", printable(there))
	}
	return nil
}

// hints tell what can be done about an error of a token endpoint.
var hints = map[string]string{
	"invalid_client":          "is this the agent's id, and a secret or key that is neither expired nor revoked? the agent may be blocked; the audit of the server has the reason",
	"unauthorized_client":     "the agent may not sign in in this way",
	"invalid_scope":           "ask for fewer scopes with --scope",
	"invalid_target":          "ask for an --audience that the agent has, or for none",
	"temporarily_unavailable": "try again later",
}

// refusedBy says why the token endpoint gave no token (RFC 6749 §5.2).
func refusedBy(id, at string, status int, header http.Header, body []byte) error {
	var told struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	_ = json.Unmarshal(body, &told) // another body tells nothing
	text := fmt.Sprintf("the server answered %d", status)
	if told.Error != "" {
		text += " " + printable(told.Error)
	}
	if told.Description != "" {
		text += " (" + printable(told.Description) + ")"
	}
	err := fmt.Errorf("sign in as agent %s at %s: %s", id, at, text)
	advice := hints[told.Error]
	switch {
	case status == http.StatusTooManyRequests:
		advice = "there were too many failures"
		if wait := header.Get("Retry-After"); wait != "" {
			advice += ": try again in " + printable(wait) + " seconds"
		}
	case status >= 300 && status < 400:
		advice = "redirects are not followed: name the server itself with --endpoint"
	case advice == "":
		advice = "does --endpoint name the server?"
	}
	return hint(err, "%s", advice)
}

// printable keeps what a server sends from controlling a terminal.
func printable(text string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if len(clean) > 300 {
		clean = strings.ToValidUTF8(clean[:300], "") + "…"
	}
	return clean
}
