package audit

import (
	"encoding/json"
	"testing"
	"time"
)

// FuzzText holds the form that is hashed to what encoding/json makes of it: the
// hashes of all chains that there are depend on it.
func FuzzText(f *testing.F) {
	f.Add(int64(1), int64(1755000000123456), "local:ann@laptop", "agent 7", "method", "client_secret_basic", true)
	f.Add(int64(-3), int64(-1), "a\"b\\c<d>&e", "\u2028\x00\xff\u00fc", "", "\t", true)
	f.Add(int64(0), int64(0), "", "", "", "", false)
	f.Fuzz(func(t *testing.T, seq, micros int64, actor, reason, name, value string, detailed bool) {
		e := Entry{Seq: seq, Time: time.UnixMicro(micros), Prev: reason, Event: Event{
			Actor: actor, Action: Action(name), AgentID: value, Target: reason, Outcome: Outcome(actor), Reason: reason,
		}}
		if y := e.Time.UTC().Year(); y < 0 || y > 9999 {
			t.Skip()
		}
		if detailed {
			e.Detail = map[string]string{name: value, "b" + actor: reason, "a": ""}
		}
		want, err := json.Marshal(struct {
			Seq     int64             `json:"seq"`
			Time    string            `json:"time"`
			Actor   string            `json:"actor"`
			Action  Action            `json:"action"`
			AgentID string            `json:"agent"`
			Target  string            `json:"target"`
			Outcome Outcome           `json:"outcome"`
			Reason  string            `json:"reason"`
			Detail  map[string]string `json:"detail"`
			Prev    string            `json:"prev"`
		}{
			e.Seq, e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), e.Actor, e.Action, e.AgentID,
			e.Target, e.Outcome, e.Reason, e.Detail, e.Prev,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.text(nil, appendDetail(nil, e.Detail)); string(got) != string(want) {
			t.Errorf("the text of an entry is\n%s, want\n%s", got, want)
		}
	})
}
