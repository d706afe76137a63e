package store

import "encoding/json"

// EncodeText is how every backend keeps a list or a map: "" when it is empty. So
// what is copied from one to another can be compared as it is kept.
func EncodeText[T []string | map[string]string](v T) string {
	if len(v) == 0 {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic("store: strings always encode: " + err.Error())
	}
	return string(text)
}

// DecodeText is the way back: "" is nil. An error is that of a text which
// EncodeText has not made.
func DecodeText[T []string | map[string]string](text string, v *T) error {
	*v = nil
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), v)
}
