//go:build unix

package journey_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asgardeoPerMinute is what serve --profile asgardeo lets an address ask.
const asgardeoPerMinute = 200

// asgardeoShards are agents with a secret each as a plain WSO2 server takes
// them: scopes come from roles there.
func asgardeoShards(agents int) string {
	return header + remote + strings.ReplaceAll(shards(agents), `scopes       = ["tickets:read"]`, "")
}

// unlimited makes the provider ask as fast as it can.
func unlimited(s *server) []string {
	return append(s.env(s.url), "AGENTCREDS_REQUESTS_PER_MINUTE=600000")
}

// answers are how many requests a server answered, by method and status.
type answers map[string]int

var answerLine = regexp.MustCompile(`(?m)^agentcreds_http_request_duration_seconds_count\{method="(\w+)",route="([^"]*)",status="(\d+)"\} (\S+)$`)

// answers asks the server itself, what its limit refused among them; what was
// asked of its metrics is not.
func (s *server) answers() answers {
	s.t.Helper()
	resp, err := caller.Get(s.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("the metrics: %s %v", resp.Status, err)
	}
	out := answers{}
	for _, m := range answerLine.FindAllStringSubmatch(string(page), -1) {
		if n, err := strconv.ParseFloat(m[4], 64); err != nil {
			s.t.Fatal(err)
		} else if m[2] != "/metrics" {
			out[m[1]+" "+m[3]] += int(n)
		}
	}
	return out
}

// of counts those with a word in their method and status; "" is all.
func (a answers) of(word string) (n int) {
	for what, count := range a {
		if strings.Contains(what, word) {
			n += count
		}
	}
	return n
}

// TestJourney_asgardeoPlan: a plan with nothing to do, of many agents with a
// secret each, under Asgardeo's limit: one request for a hundred agents, whose
// secrets are on the same pages, and a few to begin with. The server counts.
func TestJourney_asgardeoPlan(t *testing.T) {
	t.Parallel()
	const few = 6 // what the server is, three single reads, and two to spare
	n := number(t, "AGENTCREDS_TEST_AGENTS", scaleAgents)
	w := newWorkspace(t, asgardeoShards(n))
	quick := serve(t, w.path(database), "--profile", "asgardeo", "--rate-limit", "0")
	w.env = unlimited(quick)
	apply := w.must("apply")
	w.has(n)
	quick.stop()

	s := serve(t, w.path(database), "--profile", "asgardeo")
	w.env = s.env(s.url)
	plan := w.settled()
	got := s.answers()
	if most := (n+99)/100 + few; got.of("") > most || got.of("GET 200") != got.of("") {
		t.Errorf("a plan with nothing to do of %d agents took %v, want at most %d reads", n, got, most)
	}
	t.Logf("%d agents with a secret each: apply without a limit %s, plan with nothing to do under %d requests a minute %s, requests %v",
		n, round(apply.took), asgardeoPerMinute, round(plan.took), got)
	s.stop()
}

// limitedAgents is how many are made under the limit by default: more than a
// minute has room for would take more than a minute.
const limitedAgents = 120

// TestJourney_asgardeoLimit: to create agents with a secret each takes two
// writes for each, and never is one more asked of the server in a minute than
// it allows. How long it took beside the least that the limit lets it is told,
// and not judged: that depends on the machine. A new process does not know what
// the one before it asked for in the last minute, and so asks evenly: the floor
// of that is the one to stay near. Who was sure that the minute is empty could
// begin with all of it at once.
func TestJourney_asgardeoLimit(t *testing.T) {
	t.Parallel()
	const few = 12
	n := number(t, "AGENTCREDS_TEST_AGENTS", limitedAgents)
	w := newWorkspace(t, asgardeoShards(n))
	s := serve(t, w.path(database), "--profile", "asgardeo")
	w.env = s.env(s.url)
	apply := w.must("apply")
	w.has(n)
	got := s.answers()
	if got.of("POST 201") != n || got.of("PATCH 200") != n || got.of("429") != 0 || got.of(" 5") != 0 || got.of("") > 2*n+few {
		t.Errorf("to create %d agents and secrets took %v; want a POST and a PATCH for each, at most %d requests more, and no refusal", n, got, few)
	}
	even, burst := floors(got.of(""))
	t.Logf("%d agents with a secret each under %d requests a minute: %s; the limit's floor is %s (%+.1f %%), and %s to begin with a burst; requests %v",
		n, asgardeoPerMinute, round(apply.took), round(even), 100*(apply.took.Seconds()/even.Seconds()-1), burst, got)
	s.stop()
}

// floors are the least that so many requests take: at the rate of the limit,
// and with all of each minute's at once.
func floors(requests int) (even, burst time.Duration) {
	return time.Duration(requests) * time.Minute / asgardeoPerMinute, time.Duration((requests-1)/asgardeoPerMinute) * time.Minute
}

// troubledAgents is how many are made while requests break by default: 250 are
// five hundred writes.
const troubledAgents = 40

// TestJourney_asgardeoTrouble: connections break in the middle of many writes,
// before the server does what it is asked or after, answers do not come in time
// or are a web page, or for a while it takes nothing at all. Whoever applies
// again until nothing is left has it right: no agent is there twice.
func TestJourney_asgardeoTrouble(t *testing.T) {
	t.Parallel()
	n := number(t, "AGENTCREDS_TEST_AGENTS", troubledAgents)
	for _, rule := range []string{
		"reset, after 20, every 7", "reset-after-commit, after 20, every 7", "cut half, after 20, every 7",
		"502-after-commit, after 20, every 7", "slow 5s, after 20, every 7", "429 retry-after 1s, after 20, times 30",
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, strings.ReplaceAll(asgardeoShards(n), "resource \"agentcreds_agent\" \"bot_0\" {", "resource \"agentcreds_agent\" \"bot_0\" {\n  on_existing = \"adopt\""))
			faulty := serve(t, w.path(database), "--profile", "asgardeo", "--rate-limit", "0", "--fault", "POST|PATCH /scim2/**: "+rule)
			s := serve(t, w.path(database), "--profile", "asgardeo", "--rate-limit", "0")
			w.env = append(unlimited(faulty), "AGENTCREDS_REQUEST_TIMEOUT=4s")
			var r result
			runs, took := 0, time.Duration(0)
			for r.code = 1; r.code != 0 && runs < 5; runs++ {
				r = w.run("apply")
				took += r.took
			}
			broke := strings.Count(faulty.p.stderr.String(), `"msg":"fault"`)
			if broke < 5 || r.code != 0 {
				t.Fatalf("%d requests broke, and after %d runs: %s", broke, runs, r)
			}
			w.env = unlimited(s)
			w.has(n)
			w.settled()
			seen := map[string]bool{}
			for _, a := range s.agents() {
				if seen[a.key()] {
					t.Errorf("agent %s is there twice", a.key())
				}
				seen[a.key()] = true
			}
			if len(seen) != n {
				t.Errorf("the server has %d agents, want %d", len(seen), n)
			}
			judge := serve(t, w.path(database)) // lets agents in without an application
			for id, have := range w.state().secrets() {
				if !judge.lets(id, have.value) {
					t.Errorf("the secret in the state is not that of agent %s", id)
				}
			}
			t.Logf("%d requests broke; %d runs, %s", broke, runs, round(took))
			for _, each := range []*server{faulty, s, judge} {
				each.stop()
			}
		})
	}
}

// lets reports whether an agent gets a token for a secret.
func (s *server) lets(agentID, value string) bool {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(agentID), url.QueryEscape(value))
	resp, err := caller.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusUnauthorized {
		s.t.Fatalf("the login of agent %s: %s", agentID, resp.Status)
	}
	return resp.StatusCode == http.StatusOK
}
