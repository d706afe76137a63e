// Package secret holds the values that must never be seen by accident. A Text
// is a secret from its birth to the wire: every way to print it says
// [redacted], and only Reveal gives the value. The package also makes secrets,
// and digests them for storage; it knows neither agents' records nor Terraform.
package secret

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log/slog"
)

// redacted is what every printing of a Text shows.
const redacted = "[redacted]"

// Text is a secret value. Its zero value is the empty secret. It prints as
// [redacted] under every verb of fmt, in slog and in JSON, so that an error, a
// log line or a dumped struct cannot leak it; JSON is read as a plain string.
// Two of them are compared by Equal: == does not compile.
type Text struct {
	_ [0]func()
	// A pointer, because fmt asks no method of what is in an unexported
	// field of another struct: it prints what is there, which is an address.
	value *string
}

// New makes a Text of a value that came from outside.
func New(value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{value: &value}
}

// Reveal gives the value. Its callers are few: the wire encoder, the writer of
// Terraform's state, the hasher.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// IsZero reports whether there is no secret.
func (t Text) IsZero() bool { return t.value == nil }

// Equal compares in constant time.
func (t Text) Equal(u Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(u.Reveal())) == 1
}

// Format prints [redacted] under every verb, %#v and %x included.
func (Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String returns [redacted].
func (Text) String() string { return redacted }

// GoString returns [redacted].
func (Text) GoString() string { return redacted }

// LogValue returns [redacted].
func (Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns [redacted]; it serves encoders other than JSON.
func (Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]". What goes over the wire is encoded by
// api.Encode, which reveals on purpose.
func (Text) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// UnmarshalJSON reads a string.
func (t *Text) UnmarshalJSON(data []byte) error {
	var value string
	// The error of encoding/json could quote the value: it is replaced.
	if err := json.Unmarshal(data, &value); err != nil {
		return fmt.Errorf("a secret must be a JSON string")
	}
	*t = New(value)
	return nil
}
