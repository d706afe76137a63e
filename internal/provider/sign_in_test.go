package provider_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestSignIn: every way to sign in does the whole work.
func TestSignIn(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	p.remote.fail(fault{method: http.MethodPost, path: regexp.MustCompile(`^/oauth2/token$`), answer: func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		secret, _ = url.QueryUnescape(secret) // RFC 6749, section 2.3.1
		if id != "terraform" || secret != "s3cret+%&" || r.FormValue("grant_type") != "client_credentials" {
			says(http.StatusUnauthorized, "application/json", `{"error":"invalid_client"}`)(w, r)
			return
		}
		says(http.StatusOK, "application/json", fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":600}`, adminToken))(w, r)
	}})
	for name, args := range map[string]attrs{
		"token":  {"access_token": adminToken},
		"client": {"client_id": "terraform", "client_secret": "s3cret+%&"},
		"user":   {"username": "admin", "password": adminToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			as := *p
			as.args = args.with("endpoint", p.remote.url)
			_, m := as.newSecret(t, nil)
			m.apply(m.configured().with("rotation_trigger", trigger("1")))
			m.apply(nil)
		})
	}
	for name, args := range map[string]attrs{
		"client": {"client_id": "terraform", "client_secret": "wrong"},
		"user":   {"username": "admin", "password": "wrong"},
	} {
		as := *p
		as.args = args.with("endpoint", p.remote.url)
		_, d := as.resource(t, agentType).try(attrs{"display_name": "bot"})
		mustSay(t, "signing in as "+name, d, "401", "client_id and client_secret")
	}
}

// TestTrust: the certificate of the server is checked against what the
// configuration trusts.
func TestTrust(t *testing.T) {
	t.Parallel()
	p := newRemotePlace(t)
	ts := httptest.NewUnstartedServer(p.remote)
	ts.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are refused
	ts.StartTLS()
	t.Cleanup(ts.Close)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ts.Certificate().Raw}))
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args  attrs
		fails []string
	}{
		{args: attrs{"ca_certificate": text}},
		{args: attrs{"ca_certificate": file}},
		{args: attrs{"insecure_skip_verify": true}},
		{args: attrs{}, fails: []string{"ca_certificate", ts.URL}},
	} {
		as := *p
		as.args = tt.args.with("endpoint", ts.URL, "access_token", adminToken)
		m := as.resource(t, agentType)
		_, d := m.try(attrs{"display_name": "bot"})
		if tt.fails != nil {
			mustSay(t, "an unknown certificate", d, tt.fails...)
		} else if len(d) > 0 || m.state == nil {
			t.Errorf("%v: %v", tt.args, d)
		}
	}
}
