package oauth

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// form are the parameters of a request, each at most once (RFC 6749 §3.2).
type form map[string]string

// readForm reads the body. Parameters in the URL are refused: URLs are logged.
func readForm(r *http.Request) (form, *failure) {
	if r.URL.RawQuery != "" {
		return nil, badRequest("parameters belong into the body, not into the URL")
	}
	if !formEncoded(r.Header.Values("Content-Type")) {
		return nil, badRequest("the Content-Type must be application/x-www-form-urlencoded")
	}
	body, fail := readBody(r)
	if fail != nil {
		return nil, fail
	}
	return parseForm(string(body))
}

// readBody reads a body as it was sent: nothing is ever unpacked.
func readBody(r *http.Request) ([]byte, *failure) {
	if encoding := strings.Join(r.Header.Values("Content-Encoding"), ","); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, badRequest("the body must not be compressed: leave Content-Encoding out")
	}
	var body bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= maxForm {
		body.Grow(int(n) + bytes.MinRead)
	}
	_, err := body.ReadFrom(r.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &failure{status: http.StatusRequestEntityTooLarge, code: "invalid_request", description: "the body is too large"}
	}
	if err != nil {
		return nil, badRequest("the body did not arrive whole")
	}
	return body.Bytes(), nil
}

const formType = "application/x-www-form-urlencoded"

// formEncoded reports whether there is one Content-Type, the right one. Its
// charset, which this type does not have, is often sent all the same.
func formEncoded(types []string) bool {
	if len(types) != 1 || types[0] == formType {
		return len(types) == 1
	}
	kind, params, err := mime.ParseMediaType(types[0])
	charset, given := params["charset"]
	return err == nil && kind == formType && (!given || strings.EqualFold(charset, "utf-8"))
}

// parseForm reads a body.
func parseForm(body string) (form, *failure) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, badRequest("the body is not form-encoded")
	}
	f := form{}
	for name, all := range values {
		if len(all) > 1 && !repeatable[name] {
			return nil, badRequest("the parameter " + quoted(name) + " is there more than once")
		}
		for _, value := range all {
			if !plain(value) {
				return nil, badRequest("the parameter " + quoted(name) + " has a NUL or is not UTF-8")
			}
		}
		// Without a value a parameter is as if it were not there (§3.1).
		if text := strings.Join(all, " "); text != "" {
			f[name] = text
		}
	}
	return f, nil
}

// plain reports whether a value can be an id, a secret or a name.
func plain(value string) bool { return utf8.ValidString(value) && !strings.ContainsRune(value, 0) }

// repeatable are the parameters that may be there more than once (RFC 8707 §2,
// RFC 8693 §2.1).
var repeatable = map[string]bool{"resource": true, "audience": true}

// words are the parts of a list with spaces between.
func (f form) words(names ...string) (all []string) {
	for _, name := range names {
		all = append(all, strings.Fields(f[name])...)
	}
	return all
}

// parameter is what a parameter is called, here and in the standards.
var parameter = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z_]{1,32}$`) })

// quoted shows a name of the caller's in an error, if it is one that a parameter
// can have: what stands in the place of a name by mistake could be a secret.
func quoted(name string) string {
	if !parameter().MatchString(name) {
		name = "?"
	}
	return "'" + name + "'"
}
