package audit

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// text appends the JSON form of an entry that is hashed: members in this order,
// details sorted by their names, the time in RFC 3339 with microseconds. It is
// what encoding/json makes of that, byte for byte, in a fraction of the time: each
// login is an entry, and its hash is made while others wait.
func (e Entry) text(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"seq":`...), e.Seq, 10)
	b = e.Time.UTC().AppendFormat(append(b, `,"time":"`...), "2006-01-02T15:04:05.000000Z")
	b = append(b, '"')
	for _, m := range [...]struct{ name, value string }{
		{`,"actor":`, e.Actor}, {`,"action":`, string(e.Action)}, {`,"agent":`, e.AgentID},
		{`,"target":`, e.Target}, {`,"outcome":`, string(e.Outcome)}, {`,"reason":`, e.Reason},
	} {
		b = quote(append(b, m.name...), m.value)
	}
	b = AppendDetail(append(b, `,"detail":`...), e.Detail)
	return append(quote(append(b, `,"prev":`...), e.Prev), '}')
}

// AppendDetail appends the JSON form of the details of an entry: sorted by their
// names, as encoding/json makes it.
func AppendDetail(b []byte, detail map[string]string) []byte {
	if detail == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for n, name := range slices.Sorted(maps.Keys(detail)) {
		if n > 0 {
			b = append(b, ',')
		}
		b = quote(append(quote(b, name), ':'), detail[name])
	}
	return append(b, '}')
}

// quote appends a string as encoding/json writes it: most need no escape.
func quote(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, err := json.Marshal(s)
			if err != nil {
				panic("audit: strings always encode: " + err.Error())
			}
			return append(b, text...)
		}
	}
	b = append(b, '"')
	return append(append(b, s...), '"')
}
