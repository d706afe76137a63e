package row

import (
	"strings"
	"unicode/utf8"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// Keeps reports whether a record can have all of them that are texts: valid UTF-8
// without NUL. Nothing is found by another one, and PostgreSQL takes it for an
// error of whoever asks.
func Keeps(values ...any) bool {
	for _, v := range values {
		if text, ok := v.(string); ok && !keeps(text) {
			return false
		}
	}
	return true
}

func keeps(text string) bool { return strings.IndexByte(text, 0) < 0 && utf8.ValidString(text) }

// Keepable brings an event into the form in which every backend reads it again: the
// hash of its entry covers it. What a caller says may be in it, as the id of an agent
// that is not there. An empty detail comes back as nil, and is JSON, which has a form
// for NUL.
func Keepable(ev audit.Event) audit.Event {
	for _, text := range []*string{&ev.Actor, &ev.AgentID, &ev.Target, &ev.Reason} {
		if !keeps(*text) {
			*text = strings.ReplaceAll(whole(*text), "\x00", "\uFFFD")
		}
	}
	if len(ev.Detail) > 0 && isWhole(ev.Detail) {
		return ev
	}
	detail := ev.Detail
	ev.Detail = nil
	for name, value := range detail {
		if ev.Detail == nil {
			ev.Detail = make(map[string]string, len(detail))
		}
		ev.Detail[whole(name)] = whole(value)
	}
	return ev
}

func whole(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func isWhole(detail map[string]string) bool {
	for name, value := range detail {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return false
		}
	}
	return true
}
