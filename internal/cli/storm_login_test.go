package cli_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2" //nolint:depguard // the moment of a kill is no secret
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// TestLoginStorm kills a server again and again, by kill -9 and at random, while
// agents sign in and their secrets, keys and certificates are rotated and
// revoked. Whatever was answered as revoked opens nothing afterwards, by a
// server that has just started least of all; what was answered as made works;
// an assertion that was accepted is never accepted again; the audit has it all,
// and its chain holds. It happens as often as in TestKillStorm.
func TestLoginStorm(t *testing.T) {
	kills := kills(t)
	database := filepath.Join(t.TempDir(), "agents.db")
	serve(t, "--database", database).kill()
	inspector := makeClient(t, database, "gateway", "--scope-set", "introspect")
	w := &weather{
		admin:     readFile(t, database+".admin-token"),
		inspector: "Basic " + base64.StdEncoding.EncodeToString([]byte(inspector.ID+":"+inspector.Secret)),
	}
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for !w.over.Load() && !t.Failed() {
				w.live(t, ways[rand.N(len(ways))])
			}
		})
	}
	for range kills {
		s := serve(t, stormServer(database)...)
		w.url.Store(&s.url)
		time.Sleep(20*time.Millisecond + rand.N(150*time.Millisecond))
		w.url.Store(nil)
		s.kill()
		if t.Failed() {
			break
		}
	}
	// Once more, so that each agent sees its last secret and its last token.
	s := serve(t, stormServer(database)...)
	w.over.Store(true)
	w.url.Store(&s.url)
	done.Wait()
	made, revoked := w.settle(t)
	t.Logf("%d kills, %d logins, %d credentials and %d revocations answered, %d assertions tried again",
		kills, w.logins.Load(), made, revoked, w.replays.Load())
	if int(w.logins.Load()) < kills || revoked < kills/2 {
		t.Error("too little was answered to say anything")
	}
	s.kill()
	w.verifyTrail(t, database)
}

// weather is what those share who live through it.
type weather struct {
	admin     string                 // the token
	inspector string                 // an Authorization header
	url       atomic.Pointer[string] // nil: the server is down
	over      atomic.Bool
	logins    atomic.Int64
	replays   atomic.Int64

	mu      sync.Mutex
	secrets []*lived
}

// lived is a credential that was answered, and what became of it. Whoever lives
// with its agent writes it; it is read when all are done.
type lived struct {
	way      way
	proof    proof
	agent    string
	id       string     // "" for one that came with its agent, until it is asked for
	first    bool       // it came with its agent
	token    string     // the last one
	spent    url.Values // the form that got it, where that is good once
	revoking bool       // its revocation was sent
	revoked  bool       // and answered
}

func (w *weather) add(s *lived) *lived {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, s)
	return s
}

// live lives with one agent: after each change that was answered, the dead
// secrets and their tokens are tried.
func (w *weather) live(t *testing.T, by way) {
	var made struct{ ID, Password string }
	if w.send(t, "POST", "/scim2/Agents", `{}`, &made) != http.StatusCreated {
		return
	}
	all := "/api/server/v1/agents/" + made.ID + "/" + by.path
	live := &lived{way: by, agent: made.ID, proof: proof{secret: made.Password}, first: true}
	if by.path != "secrets" {
		if live = w.make(t, by, made.ID); live == nil {
			return
		}
	}
	w.add(live)
	for range 4 {
		var list struct{ List []struct{ SecretID string } }
		token, status := w.login(t, live)
		if status == 0 {
			token, status = w.login(t, live) // the server went down meanwhile
		}
		switch {
		case status == 0:
			return
		case status != http.StatusOK:
			t.Errorf("a live one of the %s gets %d", by.path, status)
			return
		case live.id == "" && w.send(t, "GET", all, "", &list) != http.StatusOK:
			return
		}
		if active, answered := w.active(t, token); answered && !active {
			t.Errorf("the token of a live one of the %s is not active", by.path)
		}
		if live.token = token; live.id == "" {
			live.id = list.List[0].SecretID
		}
		next := w.make(t, by, made.ID)
		if next == nil {
			return // nobody knows which there are now
		}
		dead := live
		live = w.add(next)
		dead.revoking = true
		if w.send(t, "DELETE", all+"/"+dead.id, "", nil) != http.StatusNoContent {
			return
		}
		dead.revoked = true
		for w.dead(t, dead); rand.N(4) == 0; w.dead(t, dead) { // by the next server as well
			time.Sleep(rand.N(150 * time.Millisecond))
		}
	}
}

// dead wants a credential and its token to be over.
func (w *weather) dead(t *testing.T, s *lived) {
	if _, status := w.login(t, s); status == http.StatusOK {
		t.Errorf("one of the %s that was answered as revoked gets a token", s.way.path)
	}
	if active, _ := w.active(t, s.token); active {
		t.Errorf("the token of one of the %s that was answered as revoked is active", s.way.path)
	}
}

// settle tries every credential that there ever was, and counts those that were
// made and those that were revoked.
func (w *weather) settle(t *testing.T) (made, revoked int) {
	secrets := make(chan *lived)
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for s := range secrets {
				w.again(t, s)
				if s.revoked {
					w.dead(t, s)
				} else if _, status := w.login(t, s); status != http.StatusOK && !s.revoking {
					t.Errorf("one of the %s that was answered, and nobody revoked, gets %d", s.way.path, status)
				}
			}
		})
	}
	for _, s := range w.secrets {
		made++
		if s.revoked {
			revoked++
		}
		secrets <- s
	}
	close(secrets)
	done.Wait()
	return made, revoked
}

func (w *weather) active(t *testing.T, token string) (active, answered bool) {
	var told struct{ Active bool }
	status := w.form(t, "/oauth2/introspect", url.Values{"token": {token}}, w.inspector, &told)
	return told.Active, status == http.StatusOK
}

func (w *weather) login(t *testing.T, s *lived) (token string, status int) {
	var got struct {
		AccessToken string `json:"access_token"`
	}
	w.again(t, s)
	form := s.proof.form(t, s.agent)
	status = w.token(t, s, form, &got)
	if status == http.StatusOK {
		w.logins.Add(1)
		if form.Has("client_assertion") {
			s.spent = form
		}
	}
	return got.AccessToken, status
}

// again sends what is good once, and was answered, another time.
func (w *weather) again(t *testing.T, s *lived) {
	if s.spent == nil {
		return
	}
	w.replays.Add(1)
	if status := w.token(t, s, s.spent, nil); status == http.StatusOK {
		t.Error("an assertion that was accepted is accepted again")
	}
}

func (w *weather) token(t *testing.T, s *lived, form url.Values, into any) int {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if len(s.proof.certificate) > 0 {
		header.Set("Client-Cert", ":"+base64.StdEncoding.EncodeToString(s.proof.certificate)+":")
	}
	return w.exchange(t, "POST", "/oauth2/token", form.Encode(), header, into)
}

func (w *weather) form(t *testing.T, path string, form url.Values, authorization string, into any) int {
	return w.exchange(t, "POST", path, form.Encode(), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {authorization},
	}, into)
}

func (w *weather) send(t *testing.T, method, path, body string, into any) int {
	return w.exchange(t, method, path, body, http.Header{
		"Content-Type": {"application/json"}, "Authorization": {"Bearer " + w.admin},
	}, into)
}

// exchange waits for a server and sends one request. The status is 0 when it
// was not answered.
func (w *weather) exchange(t *testing.T, method, path, body string, header http.Header, into any) int {
	at := w.url.Load()
	for ; at == nil; at = w.url.Load() {
		time.Sleep(time.Millisecond)
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, *at+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	if header.Get("Authorization") == "" {
		header.Del("Authorization")
	}
	r.Header = header
	answer, err := weatherClient.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0
	}
	if answer.StatusCode >= 500 {
		t.Errorf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	if into != nil && answer.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
	}
	return answer.StatusCode
}

var weatherClient = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}

// verifyTrail checks the audit chain, and that everything that was answered is
// in it.
func (w *weather) verifyTrail(t *testing.T, database string) {
	t.Helper()
	var prev audit.Entry
	var issued int64
	done := map[audit.Action]map[string]bool{}
	for _, by := range ways {
		done[by.create], done[by.revoke] = map[string]bool{}, map[string]bool{}
	}
	for _, e := range entries(t, database) {
		if err := e.Verify(prev); err != nil {
			t.Fatal(err)
		}
		if e.Outcome == audit.Done {
			if e.Action == audit.TokenIssue {
				issued++
			} else if targets := done[e.Action]; targets != nil {
				targets[e.Target] = true
			}
		}
		if strings.Contains(fmt.Sprint(e.Detail), "agcs_") {
			t.Errorf("entry %d has a secret in it", e.Seq)
		}
		prev = e
	}
	if logins := w.logins.Load(); issued < logins {
		t.Errorf("%d logins were answered, the audit has %d", logins, issued)
	}
	for _, s := range w.secrets {
		if !s.first && !done[s.way.create][s.id] {
			t.Errorf("%s of the %s was answered, and the audit does not have it", s.id, s.way.path)
		}
		if s.revoked && !done[s.way.revoke][s.id] {
			t.Errorf("the revocation of %s of the %s was answered, and the audit does not have it", s.id, s.way.path)
		}
	}
}
