package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("CET", 3600))

// chain makes n entries.
func chain(n int) []audit.Entry {
	var entries []audit.Entry
	var last audit.Entry
	for i := range n {
		last = audit.Next(last, noon.Add(time.Duration(i)*time.Second), audit.Event{
			Actor: "local:ann@laptop", Action: audit.SecretCreate, AgentID: "agent", Target: fmt.Sprint("secret-", i),
			Detail: map[string]string{"revoked:x": "secret", "a": "b"},
		})
		entries = append(entries, last)
	}
	return entries
}

// verify checks a chain from its beginning.
func verify(entries []audit.Entry) error {
	var prev audit.Entry
	for _, e := range entries {
		if err := e.Verify(prev); err != nil {
			return err
		}
		prev = e
	}
	return nil
}

func TestNext(t *testing.T) {
	entries := chain(3)
	if err := verify(entries); err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if e.Seq != int64(i+1) || e.Outcome != audit.Done || len(e.Hash) != 64 {
			t.Errorf("entry %d = %+v", i+1, e)
		}
	}
	if first := entries[0]; first.Prev != "" || !first.Time.Equal(noon.Truncate(time.Microsecond)) || first.Time.Location() != time.UTC {
		t.Errorf("first entry = %+v", first)
	}
	refused := audit.Next(entries[2], noon, audit.Event{Action: audit.AgentDelete, Outcome: audit.Refused, Reason: "no"})
	if refused.Outcome != audit.Refused || refused.Prev != entries[2].Hash {
		t.Errorf("refusal = %+v", refused)
	}
}

// TestTampering changes one thing of a chain at a time. Each is found, and at
// the entry where it shows.
func TestTampering(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(e []audit.Entry) []audit.Entry
		at     string
	}{
		{"actor", func(e []audit.Entry) []audit.Entry { e[1].Actor = "eve"; return e }, "entry 2 was altered"},
		{"action", func(e []audit.Entry) []audit.Entry { e[1].Action = audit.SecretRevoke; return e }, "entry 2 was altered"},
		{"agent", func(e []audit.Entry) []audit.Entry { e[1].AgentID = "other"; return e }, "entry 2 was altered"},
		{"target", func(e []audit.Entry) []audit.Entry { e[1].Target = ""; return e }, "entry 2 was altered"},
		{"outcome", func(e []audit.Entry) []audit.Entry { e[1].Outcome = audit.Refused; return e }, "entry 2 was altered"},
		{"reason", func(e []audit.Entry) []audit.Entry { e[1].Reason = "none"; return e }, "entry 2 was altered"},
		{"detail added", func(e []audit.Entry) []audit.Entry {
			e[1].Detail = map[string]string{"revoked:x": "secret", "a": "b", "c": ""}
			return e
		}, "entry 2 was altered"},
		{"detail changed", func(e []audit.Entry) []audit.Entry {
			e[1].Detail = map[string]string{"revoked:x": "secret", "a": "c"}
			return e
		}, "entry 2 was altered"},
		{"detail removed", func(e []audit.Entry) []audit.Entry { e[1].Detail = nil; return e }, "entry 2 was altered"},
		{"members move", func(e []audit.Entry) []audit.Entry {
			e[1].Actor, e[1].AgentID = e[1].AgentID, e[1].Actor
			return e
		}, "entry 2 was altered"},
		{"time, by a microsecond", func(e []audit.Entry) []audit.Entry {
			e[1].Time = e[1].Time.Add(time.Microsecond)
			return e
		}, "entry 2 was altered"},
		{"hash", func(e []audit.Entry) []audit.Entry { e[1].Hash = strings.Repeat("0", 64); return e }, "entry 2 was altered"},
		{"link", func(e []audit.Entry) []audit.Entry { e[1].Prev = strings.Repeat("0", 64); return e }, "entry 2 does not name the hash of entry 1"},
		{"number", func(e []audit.Entry) []audit.Entry { e[1].Seq = 7; return e }, "entry 7 follows entry 1"},
		{"removed", func(e []audit.Entry) []audit.Entry { return slices.Delete(e, 1, 2) }, "entry 3 follows entry 1"},
		{"first removed", func(e []audit.Entry) []audit.Entry { return e[1:] }, "entry 2 follows entry 0"},
		{"twice", func(e []audit.Entry) []audit.Entry { return slices.Insert(e, 1, e[1]) }, "entry 2 follows entry 2"},
		{"swapped", func(e []audit.Entry) []audit.Entry { e[1], e[2] = e[2], e[1]; return e }, "entry 3 follows entry 1"},
		{"rewritten from there, but not to the end", func(e []audit.Entry) []audit.Entry {
			ev := e[1].Event
			ev.Actor = "eve"
			e[1] = audit.Next(e[0], e[1].Time, ev)
			return e
		}, "entry 3 does not name the hash of entry 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := verify(tt.change(chain(4)))
			if !errors.Is(err, audit.ErrBroken) || !strings.Contains(err.Error(), tt.at) {
				t.Errorf("Verify = %v, want ErrBroken: %s", err, tt.at)
			}
		})
	}
}

// TestHashIsFixed: entries that were written by older versions must verify for
// ever, so the form that is hashed cannot change.
func TestHashIsFixed(t *testing.T) {
	e := audit.Next(audit.Entry{}, noon, audit.Event{
		Actor: "local:ann@laptop", Action: audit.AgentCreate, AgentID: "a-1", Target: "s-1",
		Detail: map[string]string{"displayName": "Vet \"x\" <y>\n", "b": "c"},
	})
	const want = "761d6b99708a811b28ef130ffa9e351d3849b6abbe1b37bfa55935a94905879d"
	if e.Hash != want {
		t.Errorf("hash = %s, want %s", e.Hash, want)
	}
}

// TestTimeSurvives: a time that comes back from a store in another zone, or
// without its nanoseconds, is the same.
func TestTimeSurvives(t *testing.T) {
	e := chain(1)[0]
	e.Time = e.Time.In(time.FixedZone("EST", -5*3600))
	if err := e.Verify(audit.Entry{}); err != nil {
		t.Error(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back audit.Entry
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if err := back.Verify(audit.Entry{}); err != nil {
		t.Errorf("after JSON: %v", err)
	}
}

// FuzzEntry holds the law of the chain: what was made verifies, and the same
// with any text changed does not.
func FuzzEntry(f *testing.F) {
	f.Add("ann", "agent.create", "a", "s", "", "name", "Vet")
	f.Add("", "", "", "", "", "", "")
	f.Add("a\"", "b\\", "c\n", "\x00", "\xff", "\u2028", "<&>")
	f.Fuzz(func(t *testing.T, actor, action, agent, target, reason, key, value string) {
		ev := audit.Event{Actor: actor, Action: audit.Action(action), AgentID: agent, Target: target, Reason: reason, Detail: map[string]string{key: value}}
		first := audit.Next(audit.Entry{}, noon, ev)
		e := audit.Next(first, noon, ev)
		if err := e.Verify(first); err != nil {
			t.Fatal(err)
		}
		for _, change := range []func(*audit.Entry){
			func(e *audit.Entry) { e.Actor += "x" },
			func(e *audit.Entry) { e.Action += "x" },
			func(e *audit.Entry) { e.AgentID += "x" },
			func(e *audit.Entry) { e.Target += "x" },
			func(e *audit.Entry) { e.Reason += "x" },
			func(e *audit.Entry) { e.Detail = map[string]string{key: value + "x"} },
			func(e *audit.Entry) { e.Detail = map[string]string{key + "x": value} },
			func(e *audit.Entry) { e.Detail = nil },
		} {
			altered := e
			change(&altered)
			if altered.Verify(first) == nil {
				t.Errorf("%+v verifies in the place of %+v", altered, e)
			}
		}
	})
}
