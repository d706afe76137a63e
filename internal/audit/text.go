package audit

import (
	"slices"
	"strconv"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/jsontext"
)

// text appends the JSON form of an entry that is hashed: members in this order,
// details sorted by their names, the time in RFC 3339 with microseconds. It is
// what encoding/json makes of that, byte for byte, in a fraction of the time: each
// login is an entry, and its hash is made while others wait. detail is that of the
// entry, as appendDetail makes it.
func (e Entry) text(b, detail []byte) []byte {
	b = strconv.AppendInt(append(b, `{"seq":`...), e.Seq, 10)
	b = e.Time.UTC().AppendFormat(append(b, `,"time":"`...), "2006-01-02T15:04:05.000000Z")
	b = append(b, '"')
	for _, m := range [...]struct{ name, value string }{
		{`,"actor":`, e.Actor}, {`,"action":`, string(e.Action)}, {`,"agent":`, e.AgentID},
		{`,"target":`, e.Target}, {`,"outcome":`, string(e.Outcome)}, {`,"reason":`, e.Reason},
	} {
		b = jsontext.Append(append(b, m.name...), m.value)
	}
	b = append(append(b, `,"detail":`...), detail...)
	return append(jsontext.Append(append(b, `,"prev":`...), e.Prev), '}')
}

// appendDetail appends the JSON form of the details of an entry: sorted by their
// names, as encoding/json makes it.
func appendDetail(b []byte, detail map[string]string) []byte {
	if detail == nil {
		return append(b, "null"...)
	}
	names := make([]string, 0, 16) // most have less, and it needs no memory of its own
	for name := range detail {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for n, name := range names {
		if n > 0 {
			b = append(b, ',')
		}
		b = jsontext.Append(append(jsontext.Append(b, name), ':'), detail[name])
	}
	return append(b, '}')
}
