package client

import (
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

const redacted = "[redacted]"

// looksSecret finds what must not be shown, whoever sent it.
var looksSecret = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`agc[sa]_[0-9A-Za-z._~+/=-]*`),
		regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`),
		regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9._-]*`),
		regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)`),
		regexp.MustCompile(`(?i)["']?(password|client_secret|secretvalue|access_token|refresh_token)["']?\s*[=:]\s*("[^"]*"?|'[^']*'?|[^\s&,;}]+)`),
		regexp.MustCompile(`://[^/\s@]+@`), // user:password of a proxy
	}
})

// scrub takes secrets out of a text: those that the call carries, and whatever
// looks like one.
func (x *exchange) scrub(text string) string {
	text = x.mask(text)
	for _, p := range looksSecret() {
		text = p.ReplaceAllString(text, redacted)
	}
	return text
}

// mask takes out the secrets that the call carries, in every form in which they
// may come back.
func (x *exchange) mask(text string) string {
	for _, m := range x.masks {
		for _, form := range forms(m.Reveal()) {
			text = strings.ReplaceAll(text, form, redacted)
		}
	}
	return text
}

// forms are the ways to write a secret. One of three letters would shred the
// text and protect nothing.
func forms(s string) []string {
	if len(s) < 4 {
		return nil
	}
	quoted, _ := json.Marshal(s) // a string always encodes
	_, bare, _ := strings.Cut(s, " ")
	all := []string{s, string(quoted[1 : len(quoted)-1]), url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s)}
	if len(bare) >= 8 { // without "Bearer "
		all = append(all, bare)
	}
	return all
}

var (
	unseen = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?is)<(script|style|head)\b.*?</(script|style|head)>|<!--.*?-->`)
	})
	tags = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<[^>]*>?`) })
)

// maxRead is how much of a foreign body is looked at: what is shown is far less.
const maxRead = 16 << 10

// readable makes a foreign text fit for an error: no markup, no control
// characters, no secrets, not long. Secrets are looked for before and after,
// because taking markup away can join one.
func (x *exchange) readable(text string, limit int) string {
	text = x.mask(text) // all of it: the next step could cut one in two
	text = unseen().ReplaceAllString(text[:min(len(text), maxRead)], " ")
	joined := html.UnescapeString(tags().ReplaceAllString(text, ""))
	if masked := x.mask(joined); masked != joined {
		return x.plain(masked, limit)
	}
	return x.plain(html.UnescapeString(tags().ReplaceAllString(text, " ")), limit)
}

// plain is readable for a text that is no markup.
func (x *exchange) plain(text string, limit int) string {
	text = strings.ToValidUTF8(x.mask(text), "")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r): // Cf turns text around
			return -1
		}
		return r
	}, text)
	text = x.scrub(strings.Join(strings.Fields(text), " "))
	if runes := []rune(text); len(runes) > limit {
		return strings.TrimSpace(string(runes[:limit])) + "…"
	}
	return text
}

// secretsIn are the secrets of a body.
func secretsIn(body any) []secret.Text {
	switch b := body.(type) {
	case api.Agent:
		return []secret.Text{b.Password}
	case api.SecretRequest:
		return []secret.Text{b.SecretValue}
	case api.Patch:
		var all []secret.Text
		for _, op := range b.Operations {
			if setsPassword(op) {
				var v any
				_ = json.Unmarshal(op.Value, &v) // what is not JSON holds nothing that the server can read
				all = texts(all, v)
			}
		}
		return all
	}
	return nil
}

// setsPassword reports whether an operation may set a password, in any of the
// forms of a PATCH. It is true too often rather than too seldom.
func setsPassword(op api.Operation) bool {
	return strings.Contains(strings.ToLower(op.Path+string(op.Value)), "password")
}

func texts(all []secret.Text, v any) []secret.Text {
	switch v := v.(type) {
	case string:
		return append(all, secret.New(v))
	case []any:
		for _, e := range v {
			all = texts(all, e)
		}
	case map[string]any:
		for _, e := range v {
			all = texts(all, e)
		}
	}
	return all
}
