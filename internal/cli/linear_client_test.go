//go:build unix

package cli_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2" //nolint:depguard // as in the fleet
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

// board is what the clients of one agent tell each other: what there may be.
type board struct {
	agent int
	id    string

	mu      sync.Mutex
	secrets []thought
	tokens  []got
}

// thought is a secret of which a client has thought; nobody knows whether it is
// there.
type thought struct {
	id, value string
	asked     asked
}

// got is a token, and the secret that it was got by.
type got struct {
	token  string
	secret int
}

// watcher writes down what clients ask and are told.
type watcher struct {
	*fleet
	began time.Time

	mu      sync.Mutex
	history []porcupine.Operation
	odd     []string // answers that no server may give, whatever it has
}

// newBoard makes an agent, and reads what its first secret is called.
func (w *watcher) newBoard(t *testing.T, agent int) *board {
	t.Helper()
	b := &board{agent: agent}
	var made struct{ ID, Password string }
	var list api.SecretList
	url := w.servers[0].url
	for _, r := range []struct {
		method, path, body string
		into               any
	}{{"POST", api.PathAgents, `{}`, &made}, {"GET", "", "", &list}} {
		if r.path == "" {
			r.path = api.PathSecrets(made.ID)
		}
		_, text, _, err := ask(t.Context(), r.method, url+r.path, w.token, r.body)
		if err == nil {
			err = json.Unmarshal([]byte(text), r.into)
		}
		if err != nil {
			t.Fatalf("%s %s: %v %s\n%s", r.method, r.path, err, text, w.servers[0].text())
		}
	}
	b.id, b.secrets = made.ID, []thought{{id: list.List[0].SecretID, value: made.Password}}
	return b
}

// draws is one of the latest few, by its number.
func draws(draw *rand.Rand, of, latest int) int { return of - 1 - draw.IntN(min(of, latest)) }

// next draws what to ask for.
func (b *board) next(draw *rand.Rand) (asked, thought, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.secrets)
	a := asked{agent: b.agent, secret: draws(draw, n, 4), old: none, latest: none}
	switch k := draw.IntN(100); {
	case k < 30 && n < 64:
		if a.old = draws(draw, n, 2); k < 5 {
			a.old = none
		}
		if a.deed, a.secret, a.expire = toPut, n, draw.IntN(3) == 0; draw.IntN(2) == 0 {
			a.latest = draws(draw, n, 2)
		}
		b.secrets = append(b.secrets, thought{uuid.NewString(), ourShape(), a})
	case k < 35 && a.secret > 0:
		a = b.secrets[a.secret].asked // once more
	case k < 45:
		a.deed = toRevoke
	case k < 46:
		a.deed = toRevokeAll
	case k < 70 || len(b.tokens) == 0:
		a.deed = toLogIn
	case k < 90:
		at := b.tokens[draws(draw, len(b.tokens), 8)]
		a.deed, a.secret = toIntrospect, at.secret
		return a, thought{}, at.token
	default:
		a.deed = toRead
	}
	return a, b.secrets[a.secret], ""
}

// request is that request on the wire.
func (w *watcher) request(ctx context.Context, at string, b *board, a asked, s thought, token string) (*http.Request, error) {
	method, path, body := http.MethodPost, "", ""
	header := http.Header{"Authorization": {"Bearer " + w.token}, "Content-Type": {"application/json"}}
	form := func(authorization string, f url.Values) {
		header = http.Header{"Authorization": {authorization}, "Content-Type": {"application/x-www-form-urlencoded"}}
		body = f.Encode()
	}
	switch a.deed {
	case toPut:
		in := map[string]any{"secretValue": s.value}
		if a.old != none && a.expire {
			in["previous"] = map[string]any{"secretId": b.name(a.old), "expiresAt": 1}
		} else if a.old != none {
			in["revoke"] = []string{b.name(a.old)}
		}
		text, _ := json.Marshal(in)
		method, path, body = http.MethodPut, api.PathSecret(b.id, s.id), string(text)
		if a.latest != none {
			header.Set("If-Match", `"`+b.name(a.latest)+`"`)
		}
	case toRevoke:
		method, path = http.MethodDelete, api.PathSecret(b.id, s.id)
	case toRevokeAll:
		path = api.PathRevoke(b.id)
	case toRead:
		method, path = http.MethodGet, api.PathSecrets(b.id)
	case toLogIn:
		path = api.PathToken
		form("Basic "+base64.StdEncoding.EncodeToString([]byte(b.id+":"+s.value)), url.Values{"grant_type": {"client_credentials"}})
	case toIntrospect:
		path = "/oauth2/introspect"
		form(w.inspector, url.Values{"token": {token}})
	}
	if body == "" {
		header.Del("Content-Type")
	}
	r, err := http.NewRequestWithContext(ctx, method, at+path, strings.NewReader(body))
	if err == nil {
		r.Header, r.GetBody = header, nil // it is not sent again in silence
	}
	return r, err
}

func (b *board) name(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.secrets[n].id
}

// act asks for one thing, and writes down what became of it. It reports whether
// that was sent.
func (w *watcher) act(ctx context.Context, client int, b *board, draw *rand.Rand) bool {
	at := w.url(draw)
	if at == "" {
		return false
	}
	a, s, token := b.next(draw)
	patience := time.Minute
	if draw.IntN(12) == 0 { // who gives up soon does not know what was done
		patience = between(draw, 15*time.Millisecond)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := w.request(limited, at, b, a, s, token)
	if err != nil {
		w.note("%v", err)
		return false
	}
	call := time.Since(w.began)
	status, text, err := carried(r)
	back := time.Since(w.began).Nanoseconds()
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return false // it has heard nothing
	}
	answer := told{}
	if err == nil {
		if answer, err = b.understand(a, status, text); err != nil {
			w.note("%+v: %v", a, err)
		}
	}
	switch {
	case err != nil && (a.deed == toLogIn || a.deed == toRead || a.deed == toIntrospect):
		return true // an unknown answer to a question says nothing
	case status == http.StatusServiceUnavailable:
		return true // nothing was changed, it says, which the others will see
	case err != nil:
		back = never
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history = append(w.history, porcupine.Operation{ClientId: client, Input: a, Output: answer, Call: call.Nanoseconds(), Return: back})
	return true
}

func (w *watcher) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.odd = append(w.odd, fmt.Sprintf(format, args...))
}

// carried sends a request. The error is nil when the answer came as a whole.
func carried(r *http.Request) (int, []byte, error) {
	answer, err := linearClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// understand reads an answer in the words of the model. Its error is about an
// answer that is none to this request.
func (b *board) understand(a asked, status int, text []byte) (told, error) {
	answer := told{status: status}
	var in struct {
		AccessToken string `json:"access_token"`
		Active      bool
		List        []api.Secret
	}
	expected := []int{http.StatusOK}
	switch a.deed {
	case toPut:
		expected = []int{200, 201, 404, 409, 412}
	case toRevoke:
		expected = []int{204, 404}
	case toLogIn: // who is throttled had no secret that is right
		expected = []int{200, 401, 429}
	}
	if status == http.StatusServiceUnavailable {
		return answer, nil
	}
	if !slices.Contains(expected, status) {
		return told{}, fmt.Errorf("%d %s", status, text)
	}
	if status == http.StatusNoContent {
		return answer, nil
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return told{}, fmt.Errorf("%d %s: %w", status, text, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch a.deed {
	case toLogIn:
		if answer.accepted = status == http.StatusOK; answer.accepted {
			b.tokens = append(b.tokens, got{in.AccessToken, a.secret})
		}
	case toIntrospect:
		answer.accepted = in.Active
	case toRead:
		return b.list(in.List)
	}
	return answer, nil
}

// list reads what a list says.
func (b *board) list(list []api.Secret) (told, error) {
	answer := told{status: http.StatusOK, latest: none}
	for _, s := range list {
		n := slices.IndexFunc(b.secrets, func(t thought) bool { return t.id == s.SecretID })
		if n < 0 {
			return told{}, fmt.Errorf("nobody made secret %s", s.SecretID)
		}
		switch s.Status {
		case "ACTIVE":
			answer.live |= only(n)
		case "EXPIRED":
			answer.expired |= only(n)
		case "REVOKED":
			answer.revoked |= only(n)
		default:
			return told{}, fmt.Errorf("secret %s is %s", s.SecretID, s.Status)
		}
		if s.Latest {
			answer.latest = n
		}
	}
	return answer, nil
}
