package keys

import (
	"encoding/json"
	"unicode/utf8"
)

// flat reads what nearly every header and every set of claims is: one object with
// members that are strings, whole numbers, true, false, null, or lists of strings,
// without an escape and with no member twice. ok is false for all else, and for what
// is wrong: that is for Object to read, and to refuse. It takes a tenth of the time,
// and each login by an assertion reads three.
func flat(text []byte) (members map[string]json.RawMessage, ok bool) {
	s := scanner{text: text}
	if !utf8.Valid(text) || !s.next('{') {
		return nil, false
	}
	members = make(map[string]json.RawMessage, 8)
	for first := true; !s.next('}'); first = false {
		if !first && !s.next(',') {
			return nil, false
		}
		raw, ok := s.string()
		if !ok || !s.next(':') {
			return nil, false
		}
		s.space()
		from, name := s.at, string(raw)
		_, twice := members[name]
		if twice || !s.value() {
			return nil, false
		}
		members[name] = text[from:s.at:s.at]
	}
	s.space()
	return members, s.at == len(text)
}

// scanner goes over a text.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t' || s.text[s.at] == '\n' || s.text[s.at] == '\r') {
		s.at++
	}
}

// next passes over a sign, if it is what comes next.
func (s *scanner) next(sign byte) bool {
	s.space()
	if s.at == len(s.text) || s.text[s.at] != sign {
		return false
	}
	s.at++
	return true
}

// string passes over a string without an escape, and returns what is in it.
func (s *scanner) string() ([]byte, bool) {
	if !s.next('"') {
		return nil, false
	}
	for from := s.at; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[from : s.at-1], true
		case c == '\\' || c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// value passes over one value.
func (s *scanner) value() bool {
	if s.at == len(s.text) {
		return false
	}
	switch c := s.text[s.at]; {
	case c == '"':
		_, ok := s.string()
		return ok
	case c == '[':
		return s.strings()
	case c >= '1' && c <= '9': // 0 and signs are rare
		for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
			s.at++
		}
		// A fraction or an exponent is no sign that may follow.
		return true
	}
	for _, word := range []string{"true", "false", "null"} {
		if end := s.at + len(word); end <= len(s.text) && string(s.text[s.at:end]) == word {
			s.at = end
			return true
		}
	}
	return false
}

// strings passes over a list of strings.
func (s *scanner) strings() bool {
	if !s.next('[') {
		return false
	}
	for first := true; !s.next(']'); first = false {
		if !first && !s.next(',') {
			return false
		}
		if _, ok := s.string(); !ok {
			return false
		}
	}
	return true
}
