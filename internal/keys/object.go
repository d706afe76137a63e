package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/jsontext"
)

// Object reads one JSON object strictly: what two readers could understand
// differently is refused, which is invalid UTF-8, a member that is there twice
// and something behind it. Names are told apart by letter case, as RFC 7515
// and 7519 want it and encoding/json does not.
func Object(text []byte) (map[string]json.RawMessage, error) {
	if members, ok := flat(bytes.Clone(text)); ok { // the members are parts of it
		return members, nil
	}
	return object(text)
}

func object(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: it is not valid UTF-8", ErrForm)
	}
	if err := noTwins(json.NewDecoder(bytes.NewReader(text)), maxDepth); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return nil, fmt.Errorf("%w: it is not one JSON object", ErrForm)
	}
	return members, nil
}

// maxDepth is how deep objects may be nested: those that are read here are flat.
const maxDepth = 16

// noTwins reads one value and refuses objects in it that have a member twice.
func noTwins(dec *json.Decoder, depth int) error {
	token, err := dec.Token()
	if err != nil || depth == 0 {
		return fmt.Errorf("%w: it is not JSON, or nested too deep", ErrForm)
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			name, err := dec.Token()
			if err != nil {
				return fmt.Errorf("%w: it is not JSON", ErrForm)
			}
			text, _ := name.(string)
			if seen[text] {
				return fmt.Errorf("%w: a member is there twice", ErrForm)
			}
			seen[text] = true
		}
		if err := noTwins(dec, depth-1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // what closes it
		return fmt.Errorf("%w: it is not JSON", ErrForm)
	}
	if depth == maxDepth {
		if _, err := dec.Token(); err != io.EOF { //nolint:errorlint // documented to be it
			return fmt.Errorf("%w: there is something behind it", ErrForm)
		}
	}
	return nil
}

// text is a member that is a string; "" when it is not there.
func text(members map[string]json.RawMessage, name string) (string, error) {
	raw, there := members[name]
	if !there {
		return "", nil
	}
	value, ok := jsontext.String(raw)
	if !ok {
		return "", fmt.Errorf("%w: the member %q is not a string", ErrForm, name)
	}
	return value, nil
}

// number is a member that is bytes in base64url without padding, in their one
// form (RFC 7515 §2); it must be there.
func number(members map[string]json.RawMessage, name string) ([]byte, error) {
	value, err := text(members, name)
	if err != nil {
		return nil, err
	}
	// The decoder passes over line ends: the length tells.
	data, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(data) == 0 || len(data) != base64.RawURLEncoding.DecodedLen(len(value)) {
		return nil, fmt.Errorf("%w: the member %q is missing or not base64url", ErrForm, name)
	}
	return data, nil
}
