//go:build unix

package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/postgres/pgtest"
)

// asked is the answer of a replica to a form or, where body is JSON, to that.
func (s *serving) asked(t *testing.T, path string, body any) (status int, answer map[string]any) {
	t.Helper()
	form, ok := body.(url.Values)
	kind, text := "application/x-www-form-urlencoded", form.Encode()
	if !ok {
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		kind, text = "application/json", string(data)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		t.Fatalf("%s: %d %s", path, resp.StatusCode, data)
	}
	return resp.StatusCode, answer
}

// An assertion is good once, and so is an authorization code, whichever replicas
// it is shown to, also at the same moment. A login that one replica began goes on
// at another.
func TestReplicas_once(t *testing.T) {
	const issuer, app, redirect = "http://127.0.0.1:9", "agents-app", "https://app.example/callback"
	beside := filepath.Join(t.TempDir(), "agents")
	token := beside + ".admin-token"
	if err := os.WriteFile(token, []byte("agca_"+strings.Repeat("t", 43)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	database, seal := pgtest.Start(t).URL(""), "file:"+sealFile(t)
	var replicas []*serving
	for range 3 {
		replicas = append(replicas, serve(t, "--database", database, "--seal-key", seal, "--issuer", issuer, "--admin-token-file", token, "--app-native", app+"="+redirect))
	}
	c := replicas[0].client(t, beside)
	a, err := c.CreateAgent(t.Context(), newAgent("bot"))
	if err != nil {
		t.Fatal(err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddKey(t.Context(), a.ID, api.KeyRequest{PublicKeyPEM: readFile(t, pemFile(t, "PUBLIC KEY", pkix8(t, private.Public())))}); err != nil {
		t.Fatal(err)
	}
	// race shows the same to all replicas, five times each, and counts who got a token.
	race := func(body url.Values) (won int) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		for n := range 15 {
			wg.Go(func() {
				status, answer := replicas[n%3].asked(t, api.PathToken, body)
				mu.Lock()
				defer mu.Unlock()
				switch code := fmt.Sprint(answer["error"]); {
				case status == http.StatusOK:
					won++
				case code != "invalid_client" && code != "invalid_grant":
					t.Errorf("%d %v", status, answer)
				}
			})
		}
		wg.Wait()
		return won
	}
	for range 5 {
		if won := race(url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion": {assertionOf(t, private, a.ID, issuer)}}); won != 1 {
			t.Errorf("an assertion was good %d times, want once", won)
		}
	}

	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	for range 5 {
		_, begun := replicas[0].asked(t, "/oauth2/authorize", url.Values{"client_id": {app}, "response_type": {"code"}, "redirect_uri": {redirect}, "scope": {"openid"},
			"response_mode": {"direct"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}})
		_, logged := replicas[1].asked(t, "/oauth2/authn", map[string]any{"flowId": begun["flowId"], "selectedAuthenticator": map[string]any{
			"authenticatorId": "QmFzaWNBdXRoZW50aWNhdG9yOkxPQ0FM", "params": map[string]string{"username": a.ID, "password": a.Password.Reveal()},
		}})
		data, _ := logged["authData"].(map[string]any)
		code, _ := data["code"].(string)
		if code == "" {
			t.Fatalf("authorize answers %v, and authn %v", begun, logged)
		}
		if won := race(url.Values{"grant_type": {"authorization_code"}, "client_id": {app}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {redirect}}); won != 1 {
			t.Errorf("a code was good %d times, want once", won)
		}
	}
}
