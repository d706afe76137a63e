package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	faults "github.com/agentcreds/terraform-provider-agentcreds/internal/fault"
)

// chaosRules are what networks and busy servers do. With AGENTCREDS_TEST_CHAOS=on
// the provider meets them in every test that has a remote server.
var chaosRules = []string{
	"delay 0-50ms, 100%",
	"429 retry-after 0s, 5%",
	"503 retry-after 0s, 5%",
	"GET|PUT|PATCH|DELETE: reset, 1%", // a create without a key is told to the user: it may have been done
}

// chaos is between the provider and the server of a test.
type chaos struct {
	next     http.Handler
	attempts atomic.Int64 // what the provider sent
	answers  atomic.Uint64
}

// newChaos puts the rules, drawn with a seed, before a handler.
func newChaos(t *testing.T, next http.Handler, seed int, rules ...string) *chaos {
	t.Helper()
	c := &chaos{}
	var parsed []faults.Rule
	for _, text := range rules {
		r, err := faults.Parse(text + ", seed " + strconv.Itoa(seed))
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, r)
	}
	c.next = faults.New(faults.Config{Rules: parsed}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		maps.Copy(w.Header(), rec.Header())
		w.Header().Del("Content-Length") // it grows
		w.WriteHeader(rec.Code)
		_, _ = w.Write(c.strange(rec.Body.Bytes()))
	}))
	return c
}

func (c *chaos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.attempts.Add(1)
	c.next.ServeHTTP(w, r)
}

// strange is an answer with members that nobody knows, in the object itself and
// in those of a page, whose order is another one each time.
func (c *chaos) strange(answer []byte) []byte {
	var object map[string]json.RawMessage
	if json.Unmarshal(answer, &object) != nil || object == nil {
		return answer
	}
	unknown := json.RawMessage(`{"since":"tomorrow","list":[null,1.5,{"a":"b"}]}`)
	object["urn:unknown:of:a:later:version"] = unknown
	var page []map[string]json.RawMessage
	if json.Unmarshal(object["Resources"], &page) == nil && len(page) > 0 {
		d := dice(c.answers.Add(1))
		for i := range page {
			page[i]["unknownToday"] = unknown
			j := i + d.roll(len(page)-i)
			page[i], page[j] = page[j], page[i]
		}
		object["Resources"] = mustJSON(page)
	}
	return mustJSON(object)
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("it was JSON before: " + err.Error())
	}
	return bytes.TrimSpace(data)
}

// stormy reports whether every remote server of these tests is to be one with
// chaos before it.
func stormy() bool { return os.Getenv("AGENTCREDS_TEST_CHAOS") == "on" }

// TestChaos_calls: trouble costs little: all the requests of many lives are at
// most 1.15 times those without it, and each life comes to the same.
func TestChaos_calls(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(*testing.T) *place{"reference": newRemotePlace, "asgardeo": newAsgardeo} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var quiet, wild atomic.Int64
			t.Run("lives", func(t *testing.T) {
				for life := range 16 {
					t.Run(strconv.Itoa(life), func(t *testing.T) {
						t.Parallel()
						quiet.Add(chaoticLife(t, place(t), life))
						wild.Add(chaoticLife(t, place(t), life, chaosRules...))
					})
				}
			})
			ratio := float64(wild.Load()) / float64(quiet.Load())
			t.Logf("%d requests, %d with trouble: %.3f", quiet.Load(), wild.Load(), ratio)
			if ratio > 1.15 || ratio < 1.05 {
				t.Errorf("with trouble it takes %.3f times the requests, want at most 1.15, and not as if there were none", ratio)
			}
		})
	}
}

// chaoticLife is one from create to destroy, and how many requests it took.
func chaoticLife(t *testing.T, p *place, seed int, rules ...string) (sent int64) {
	t.Helper()
	c := newChaos(t, p.remote, seed+1, rules...)
	front := httptest.NewServer(c)
	defer front.Close()
	p.args = p.args.with("endpoint", front.URL)
	agent, m := p.newSecret(t, attrs{"rotation_trigger": trigger("1")})
	for i := range 5 {
		before := m.state
		m.apply(m.configured().with("rotation_trigger", trigger(fmt.Sprint("next ", i))))
		if m.state.version() <= before.version() || m.state["secret"] == before["secret"] {
			t.Errorf("after the rotation: %v, and before: %v", m.state, before)
		}
		if d := agent.refresh(); len(d) > 0 {
			t.Error(d)
		}
		agent.apply(agent.configured().with("description", fmt.Sprint("number ", i)))
	}
	if !p.works(t, agent.id(), m.state.text("secret")) {
		t.Error("the secret does not work")
	}
	m.apply(nil)
	agent.apply(nil)
	if n := p.hand(t).count(); n != 0 {
		t.Errorf("there are %d agents", n)
	}
	return c.attempts.Load()
}
