package oauth

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"testing"
)

// What parses, encodes and parses again to the same.
func FuzzForm(f *testing.F) {
	for _, body := range []string{"", "grant_type=client_credentials&scope=a+b", "a=%00", "a=1&a=2", "resource=x&resource=y", "%zz", "a;b", "=", "a=%ff", "a&b=&c"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		parsed, fail := parseForm(body)
		if fail != nil {
			if fail.status != http.StatusBadRequest || fail.code != "invalid_request" {
				t.Errorf("refused with %+v", fail)
			}
			for _, c := range []byte(fail.description) {
				if c < ' ' || c > '~' || c == '"' || c == '\\' {
					t.Errorf("the description %q has what RFC 6749 §5.2 forbids", fail.description)
				}
			}
			return
		}
		values := url.Values{}
		for name, value := range parsed {
			values.Set(name, value)
		}
		again, fail := parseForm(values.Encode())
		if fail != nil || !maps.Equal(parsed, again) {
			t.Errorf("%q parses to %v, and that to %v, %v", body, parsed, again, fail)
		}
	})
}

// Whatever id and secret are encoded by RFC 6749 §2.3.1 come back; what has a
// NUL or is not UTF-8 is refused, and nothing panics.
func FuzzBasic(f *testing.F) {
	f.Add("id", "secret", "Basic x")
	f.Add("a:b", "c:d%+ ü", "basic ")
	f.Add("", "\x00", "Basic OiUwMA==")
	f.Fuzz(func(t *testing.T, id, value, header string) {
		read := func(header string) (string, string, bool) {
			l, used, fail := secretBasic(&http.Request{Header: http.Header{"Authorization": {header}}}, nil)
			if fail != nil && (fail.status != http.StatusUnauthorized || used) {
				t.Errorf("%q: used %v, refused with %+v", header, used, fail)
			}
			return l.ID, l.Secret.Reveal(), used
		}
		read(header)
		pair := url.QueryEscape(id) + ":" + url.QueryEscape(value)
		gotID, gotValue, ok := read("Basic " + base64.StdEncoding.EncodeToString([]byte(pair)))
		if ok != (plain(id) && plain(value)) || ok && (gotID != id || gotValue != value) {
			t.Errorf("%q, %q came back as %q, %q, %v", id, value, gotID, gotValue, ok)
		}
	})
}
