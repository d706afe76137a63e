package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// twins are two servers on one file, behind one name. Whatever one of them
// answers holds at the other.
type twins struct {
	*house
	urls []string
	web  *http.Client
}

func newTwins(t *testing.T) *twins {
	t.Helper()
	const name = "http://127.0.0.1:8484"
	h := newHouse(t, "--issuer", name)
	second := serve(t, "--database", h.database, "--issuer", name)
	return &twins{h, []string{h.url, second.url}, &http.Client{
		Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}}
}

// form posts to one of the servers, and reads the answer where it is good.
func (w *twins) form(t *testing.T, at int, path string, who credentials, form url.Values, into any) (ok bool) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.urls[at%len(w.urls)]+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return false
	}
	r.SetBasicAuth(who.ID, who.Secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := w.web.Do(r)
	if err != nil {
		t.Error(err)
		return false
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
			t.Error(err)
		}
		return true
	case http.StatusUnauthorized, http.StatusTooManyRequests:
		return false
	}
	t.Errorf("%s: %s", path, answer.Status)
	return false
}

func (w *twins) login(t *testing.T, at int, id string, value secret.Text) (token string, ok bool) {
	var got struct {
		AccessToken string `json:"access_token"`
	}
	ok = w.form(t, at, "/oauth2/token", credentials{id, value.Reveal()}, url.Values{"grant_type": {"client_credentials"}}, &got)
	return got.AccessToken, ok
}

func (w *twins) inForce(t *testing.T, at int, token string) bool {
	var told struct{ Active bool }
	if !w.form(t, at, "/oauth2/introspect", w.inspector, url.Values{"token": {token}}, &told) {
		t.Error("introspection is refused")
	}
	return told.Active
}

// TestHistory_rotations: agents sign in without a pause, at two servers, while
// their secrets are rotated with an overlap. No sign-in fails; after the answer
// to the revocation at the end, none succeeds and no token is in force.
// AGENTCREDS_TEST_ROTATIONS says how often, 320 times if nothing else.
func TestHistory_rotations(t *testing.T) {
	const agents = 32
	rotations := 320
	if n, err := strconv.Atoi(os.Getenv("AGENTCREDS_TEST_ROTATIONS")); err == nil {
		rotations = n
	}
	w := newTwins(t)
	var done sync.WaitGroup
	var logins atomic.Int64
	for n := range agents {
		id, first := w.newAgent(t, fmt.Sprint("bot ", n))
		var present atomic.Pointer[secret.Text]
		present.Store(&first)
		var revoking, revoked atomic.Bool
		var mine atomic.Int64
		done.Go(func() {
			last := ""
			for i, after := n, 0; after < 2 && !t.Failed(); i++ {
				ended := revoked.Load()
				token, ok := w.login(t, i, id, *present.Load())
				switch {
				case ok && ended:
					t.Error("a secret signs in after the revocation was answered")
				case ok:
					logins.Add(1)
					mine.Add(1)
					last = token
				case !revoking.Load():
					t.Error("a sign-in fails inside the overlap")
				}
				if ended {
					after++
					if w.inForce(t, i, last) {
						t.Error("a token is in force after the revocation was answered")
					}
				}
			}
		})
		done.Go(func() {
			defer revoked.Store(true)
			defer revoking.Store(true)
			for range rotations / agents {
				next, err := w.rotate(t, id)
				if err != nil {
					t.Errorf("rotate: %v", err)
					return
				}
				present.Store(&next)
				for before := mine.Load(); mine.Load() < before+2 && !t.Failed(); {
					time.Sleep(time.Millisecond) // who read the old secret has used it
				}
			}
			revoking.Store(true)
			if err := w.client.RevokeAll(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	t.Logf("%d sign-ins beside %d rotations of %d agents", logins.Load(), rotations, agents)
}

// rotate adds a secret, beside which the latest one works for an hour; the one
// before that is revoked, as nobody has it any more.
func (w *twins) rotate(t *testing.T, id string) (secret.Text, error) {
	list, err := w.client.Secrets(t.Context(), id)
	if err != nil {
		return secret.Text{}, err
	}
	r := api.SecretRequest{Previous: &api.Retire{SecretID: list[0].SecretID, ExpiresAt: time.Now().Add(time.Hour).Unix()}}
	for _, s := range list[1:] {
		if s.Status == "RETIRING" {
			r.Revoke = append(r.Revoke, s.SecretID)
		}
	}
	made, err := w.client.AddSecret(t.Context(), id, r)
	return made.SecretValue, err
}

// TestHistory_revocations: sixteen sign in and introspect at two servers while
// one revokes. Whatever is asked after the revocation was answered is refused,
// and so are the tokens from before.
func TestHistory_revocations(t *testing.T) {
	w := newTwins(t)
	password, err := api.PasswordPatch(secret.Generate())
	if err != nil {
		t.Fatal(err)
	}
	patch := func(id string, ops ...api.Operation) error {
		_, err := w.client.PatchAgent(t.Context(), id, ops)
		return err
	}
	revoke := []func(id, credential string) error{
		func(id, credential string) error { return w.client.RevokeSecret(t.Context(), id, credential, "") },
		func(id, _ string) error { return w.client.RevokeAll(t.Context(), id) },
		func(id, _ string) error { return patch(id, api.Replace("active", false)) },
		func(id, _ string) error { return patch(id, password.Operations...) },
		func(id, _ string) error { return w.client.DeleteAgent(t.Context(), id, "") },
	}
	var before, after atomic.Int64
	for round := range 4 * len(revoke) {
		id, value := w.newAgent(t, fmt.Sprint("bot ", round))
		list, err := w.client.Secrets(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		token, ok := w.login(t, round, id, value)
		if !ok {
			t.Fatal("a live secret gets no token")
		}
		var ended atomic.Bool
		var done sync.WaitGroup
		for g := range 16 {
			done.Go(func() {
				tokens := []string{token}
				for i := 0; !t.Failed(); i++ {
					late := ended.Load()
					if got, ok := w.login(t, g+i, id, value); ok && late {
						t.Error("a secret signs in after the revocation was answered")
					} else if ok {
						tokens = append(tokens, got)
						before.Add(1)
					}
					if late {
						break
					}
					late = ended.Load()
					if w.inForce(t, g+i, token) && late {
						t.Error("a token is in force after the revocation was answered")
					}
				}
				for i, token := range tokens {
					after.Add(1)
					if w.inForce(t, i, token) {
						t.Error("a token from before the revocation is in force")
					}
				}
			})
		}
		time.Sleep(time.Duration(round%10) * time.Millisecond)
		err = revoke[round%len(revoke)](id, list[0].SecretID)
		ended.Store(true)
		if err != nil {
			t.Fatal(err)
		}
		done.Wait()
	}
	t.Logf("%d sign-ins before and between, %d tokens asked for afterwards", before.Load(), after.Load())
}
