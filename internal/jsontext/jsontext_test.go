package jsontext_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/jsontext"
)

// FuzzAppend holds what is written to what encoding/json writes: hashes of the
// audit are made over it.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "agent 7", `a"b\c<d>&e`, "\u2028\x00\xff\u00fc", "~\x7f", strings.Repeat("x", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := jsontext.Append([]byte("before"), s); string(got) != "before"+string(want) {
			t.Errorf("%q is written as %s, want %s", s, got, want)
		}
		var plain bytes.Buffer
		e := json.NewEncoder(&plain)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got := jsontext.AppendPlain(nil, s); string(got)+"\n" != plain.String() {
			t.Errorf("%q is written plainly as %s, want %s", s, got, plain.String())
		}
	})
}

// FuzzString holds what is read to what encoding/json reads.
func FuzzString(f *testing.F) {
	for _, s := range []string{
		``, `"`, `""`, `"agent 7"`, `"a\"b"`, `"a\u00fc"`, "\"\u00fc\"", "\"\xff\"", "\"\x01\"", `"a" `, ` "a"`, `"a""b"`, `"a`, `"a\"`,
		`null`, `7`, `["a"]`, `{"a":"b"}`, `"<&>"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var want *string
		err := json.Unmarshal(value, &want)
		is := err == nil && want != nil && value[0] == '"' // space before it is no part of a value
		got, ok := jsontext.String(value)
		if ok != is || (ok && got != *want) {
			t.Errorf("%q is read as %q, %v; encoding/json: %v", value, got, ok, err)
		}
	})
}
