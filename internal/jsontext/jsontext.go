// Package jsontext writes and reads JSON strings as encoding/json does, in a
// fraction of the time: each login writes dozens of them, and reads as many where
// an assertion is shown. It knows no objects, and what the strings mean.
package jsontext

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Append appends a string as encoding/json writes it, <, > and & escaped: most
// need no escape at all.
func Append(b []byte, s string) []byte {
	for i := range len(s) {
		if !asIs[s[i]] {
			text, err := json.Marshal(s)
			if err != nil {
				panic("jsontext: strings always encode: " + err.Error())
			}
			return append(b, text...)
		}
	}
	b = append(b, '"')
	return append(append(b, s...), '"')
}

// AppendPlain is Append with <, > and & as they are, for what is no page.
func AppendPlain(b []byte, s string) []byte {
	if !strings.ContainsAny(s, "<>&") {
		return Append(b, s)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("jsontext: strings always encode: " + err.Error())
	}
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}

// String reads a value that is a string. ok is false for every other value, null
// too, and for what is no JSON.
func String(value []byte) (text string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	last := len(value) - 1
	for _, c := range value[1:last] {
		if !asIs[c] {
			err := json.Unmarshal(value, &text)
			return text, err == nil
		}
	}
	return string(value[1:last]), value[last] == '"'
}

// asIs are the bytes that stand for themselves in every JSON string.
var asIs = func() (all [256]bool) {
	for c := ' '; c <= '~'; c++ {
		all[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return all
}()
