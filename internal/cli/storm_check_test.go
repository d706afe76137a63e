package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

func ourShape() string { return secret.Generate().Reveal() }

var stormClient = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: writers}}

// send waits for a server, sends one request to it, and reports whether it was
// answered. An answer other than the wanted one fails the test.
func (s *storm) send(t *testing.T, want int, method, path, body string, into any) bool {
	url := s.url.Load()
	for ; url == nil; url = s.url.Load() {
		if s.over.Load() {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, *url+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := stormClient.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var text json.RawMessage
	if answer.StatusCode != http.StatusNoContent {
		if err := json.NewDecoder(answer.Body).Decode(&text); err != nil {
			return false // cut off
		}
	}
	if answer.StatusCode != want {
		t.Errorf("%s %s: %d %s", method, path, answer.StatusCode, text)
		return false
	}
	s.answered.Add(1)
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			t.Error(err)
		}
	}
	return true
}

// check holds what is in the store against what was answered.
func check(t *testing.T, database string, lives []*life) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: database})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rules, err := authority.New(authority.Config{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	var q authority.Query
	q.Limit = 1_000_000
	page, err := rules.Agents(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]store.Agent{}
	for _, a := range page.Agents {
		there[a.ExternalID] = a.Agent
	}
	trail := readTrail(t, s)
	for _, l := range lives {
		a, found := there[l.externalID]
		delete(there, l.externalID)
		switch {
		case found && l.deleted:
			t.Errorf("%s was deleted, and is there", l.externalID)
		case !found && l.id != "" && !l.deleting:
			t.Errorf("%s was created, and is lost", l.externalID)
		case found && l.id != "" && a.ID != l.id:
			t.Errorf("%s has the id %s, and was answered as %s", l.externalID, a.ID, l.id)
		}
		if found {
			l.check(t, rules, a.ID, trail)
		}
	}
	for externalID := range there {
		t.Errorf("agent %s was made by nobody", externalID)
	}
}

// check looks at one agent: each rotation ends the secret before in the same
// act, so that exactly one is live at every moment.
func (l *life) check(t *testing.T, rules *authority.Authority, id string, trail map[string]int) {
	t.Helper()
	secrets := map[string]authority.Secret{}
	list, err := rules.Secrets(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	live := 0
	for _, s := range list {
		secrets[s.ID] = s
		if s.Status == authority.StatusActive {
			live++
		}
		if s.Latest && s.Status != authority.StatusActive {
			t.Errorf("%s: the newest secret is %s", l.externalID, s.Status)
		}
	}
	if live != 1 {
		t.Errorf("%s has %d live secrets: a rotation was done by half", l.externalID, live)
	}
	for _, s := range l.secrets {
		if _, ok := secrets[s]; !ok {
			t.Errorf("%s lost secret %s", l.externalID, s)
		}
	}
	want := 1 + len(l.secrets)
	if _, ok := secrets[l.unknown]; ok {
		want++
	}
	if len(list) != want || trail[id] != want {
		t.Errorf("%s has %d secrets and %d audit entries, want %d of each", l.externalID, len(list), trail[id], want)
	}
}

// readTrail checks the audit chain, and counts what it says was made for each
// agent: its creation with the first secret, and each further secret.
func readTrail(t *testing.T, s store.Store) map[string]int {
	t.Helper()
	made := map[string]int{}
	var prev audit.Entry
	for {
		var page []audit.Entry
		err := s.View(t.Context(), func(r store.Reader) (err error) {
			page, err = r.Entries(prev.Seq, 10_000)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return made
		}
		for _, e := range page {
			if err := e.Verify(prev); err != nil {
				t.Fatal(err)
			}
			if e.Outcome == audit.Done && (e.Action == audit.AgentCreate || e.Action == audit.SecretCreate) {
				made[e.AgentID]++
			}
			prev = e
		}
	}
}
