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
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/audit"
)

// TestLoginStorm kills a server again and again, by kill -9 and at random, while
// agents sign in and their secrets are rotated and revoked. Whatever was
// answered as revoked opens nothing afterwards, by a server that has just
// started least of all; what was answered as good works; the audit chain holds.
// AGENTCREDS_TEST_LOGIN_KILLS says how often, 50 times if nothing else.
func TestLoginStorm(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 5
	}
	if n, err := strconv.Atoi(os.Getenv("AGENTCREDS_TEST_LOGIN_KILLS")); err == nil {
		kills = n
	}
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
				w.live(t)
			}
		})
	}
	for range kills {
		s := serve(t, "--database", database, "--issuer", "http://127.0.0.1:8484")
		w.url.Store(&s.url)
		time.Sleep(20*time.Millisecond + rand.N(150*time.Millisecond))
		w.url.Store(nil)
		s.kill()
		if t.Failed() {
			break
		}
	}
	// Once more, so that each agent sees its last secret and its last token.
	s := serve(t, "--database", database, "--issuer", "http://127.0.0.1:8484")
	w.over.Store(true)
	w.url.Store(&s.url)
	done.Wait()
	t.Logf("%d kills, %d logins, %d revocations answered", kills, w.logins.Load(), w.revoked.Load())
	if int(w.logins.Load()) < kills || int(w.revoked.Load()) < kills/2 {
		t.Error("too little was answered to say anything")
	}
	s.kill()
	verifyTrail(t, database, w.logins.Load())
}

// weather is what those share who live through it.
type weather struct {
	admin           string                 // the token
	inspector       string                 // an Authorization header
	url             atomic.Pointer[string] // nil: the server is down
	over            atomic.Bool
	logins, revoked atomic.Int64
}

// live lives with one agent: after each change that was answered, the dead
// secrets and their tokens are tried.
func (w *weather) live(t *testing.T) {
	var made struct{ ID, Password string }
	if w.send(t, "POST", "/scim2/Agents", `{}`, &made) != http.StatusCreated {
		return
	}
	secrets := "/api/server/v1/agents/" + made.ID + "/secrets"
	live := made.Password
	for range 4 {
		var list struct{ List []struct{ SecretID string } }
		token, status := w.login(t, made.ID, live)
		if status == 0 {
			token, status = w.login(t, made.ID, live) // the server went down meanwhile
		}
		switch {
		case status == 0:
			return
		case status != http.StatusOK:
			t.Errorf("a live secret gets %d", status)
			return
		case w.send(t, "GET", secrets, "", &list) != http.StatusOK:
			return
		}
		if active, answered := w.active(t, token); answered && !active {
			t.Error("the token of a live secret is not active")
		}
		old := list.List[0].SecretID
		var next struct{ SecretValue string }
		if w.send(t, "POST", secrets, `{}`, &next) != http.StatusCreated {
			return // nobody knows which secrets there are now
		}
		if w.send(t, "DELETE", secrets+"/"+old, "", nil) != http.StatusNoContent {
			return
		}
		w.revoked.Add(1)
		w.dead(t, made.ID, live, token)
		live = next.SecretValue
	}
}

// dead wants a secret and its token to be over: now, and when the next server
// has started.
func (w *weather) dead(t *testing.T, id, value, token string) {
	for range 2 {
		if _, status := w.login(t, id, value); status == http.StatusOK {
			t.Error("a secret that was answered as revoked gets a token")
		}
		if active, _ := w.active(t, token); active {
			t.Error("the token of a secret that was answered as revoked is active")
		}
		if rand.N(4) > 0 {
			return
		}
		time.Sleep(rand.N(150 * time.Millisecond))
	}
}

func (w *weather) active(t *testing.T, token string) (active, answered bool) {
	var told struct{ Active bool }
	status := w.form(t, "/oauth2/introspect", url.Values{"token": {token}}, w.inspector, &told)
	return told.Active, status == http.StatusOK
}

func (w *weather) login(t *testing.T, id, value string) (token string, status int) {
	var got struct {
		AccessToken string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {value}}
	status = w.form(t, "/oauth2/token", form, "", &got)
	if status == http.StatusOK {
		w.logins.Add(1)
	}
	return got.AccessToken, status
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

// verifyTrail checks the audit chain, and that each login that was answered is
// in it.
func verifyTrail(t *testing.T, database string, logins int64) {
	t.Helper()
	var prev audit.Entry
	var issued int64
	for _, e := range entries(t, database) {
		if err := e.Verify(prev); err != nil {
			t.Fatal(err)
		}
		if e.Action == audit.TokenIssue && e.Outcome == audit.Done {
			issued++
		}
		if strings.Contains(fmt.Sprint(e.Detail), "agcs_") {
			t.Errorf("entry %d has a secret in it", e.Seq)
		}
		prev = e
	}
	if issued < logins {
		t.Errorf("%d logins were answered, the audit has %d", logins, issued)
	}
}
