package cli_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

func accessToken(t testing.TB, text string) string {
	t.Helper()
	var told struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &told); err != nil || told.Token == "" {
		t.Fatalf("there is no token in %s", text)
	}
	return told.Token
}

// A token that was made with a certificate opens nothing without it: not
// introspection, not the management API. Introspection tells others what it is
// bound to (RFC 8705 §3.2).
func TestMutualTLS_bound(t *testing.T) {
	h := newHouse(t, "--tls-self-signed")
	mine, other := alone(t, nil), alone(t, nil)
	id, _ := h.with(t, "bot", api.CertificateRequest{CertificatePEM: inPEM(mine)})
	agents := accessToken(t, h.grantBy(t, id, nil, mine).text)
	file := filepath.Join(t.TempDir(), "client.crt")
	put(t, file, []byte(inPEM(mine)))
	manager := makeClient(t, h.database, "by certificate", "--scope-set", "terraform", "--certificate-file", file, "--no-secret")
	a := h.grantBy(t, manager.ID, nil, mine)
	if a.status != http.StatusOK {
		t.Fatalf("a client by its certificate: %d %s", a.status, a.text)
	}
	clients := accessToken(t, a.text)
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	about := url.Values{"token": {agents}}
	for name, tt := range map[string]struct {
		shown []tls.Certificate
		good  bool
	}{"with its certificate": {[]tls.Certificate{mine}, true}, "with another": {[]tls.Certificate{other}, false}, "with none": {nil, false}} {
		got := h.postBy(t, "/oauth2/introspect", about, bearer(agents), tt.shown...)
		if tt.good != (got.status == http.StatusOK) || !tt.good && (got.status != http.StatusUnauthorized || !strings.Contains(got.text, "invalid_token")) {
			t.Errorf("%s at introspection: %d %s", name, got.status, got.text)
		}
		got = h.postBy(t, api.PathAgentSearch, nil, http.Header{"Authorization": {"Bearer " + clients}, "Content-Type": {"application/json"}}, tt.shown...)
		if tt.good == (got.status == http.StatusUnauthorized) {
			t.Errorf("%s at the management API: %d %s", name, got.status, got.text)
		}
		got = h.postBy(t, api.PathAgentSearch, nil, bearer(agents), tt.shown...)
		if got.status != http.StatusUnauthorized {
			t.Errorf("an agent's token %s at the management API: %d %s", name, got.status, got.text)
		}
	}
	got := h.introspect(t, agents)
	var told struct {
		Active       bool
		Confirmation map[string]string `json:"cnf"`
	}
	sum := thumbprintOf(mine)
	if err := json.Unmarshal([]byte(got.text), &told); err != nil || !told.Active || len(told.Confirmation) != 1 || told.Confirmation["x5t#S256"] != sum {
		t.Errorf("introspection tells %s, want the certificate %s; %v", got.text, sum, err)
	}
}

// The header of RFC 9440 counts from a trusted proxy alone, and in its one form.
func TestMutualTLS_header(t *testing.T) {
	foreign := newMadeCA(t, "foreign")
	below := foreign.below(t, nil)
	leaf := below.leaf(t, nil)
	b64 := func(der []byte) string { return ":" + base64.StdEncoding.EncodeToString(der) + ":" }
	own, above := b64(leaf.Certificate[0]), b64(leaf.Certificate[1])
	other := alone(t, nil)
	pem := strings.ReplaceAll(inPEM(cut(leaf)), "\n", " ")
	for _, at := range []struct {
		name  string
		flags []string
		trust bool
		shown []tls.Certificate // on the connection
	}{
		{"from anybody over TLS", []string{"--tls-self-signed"}, false, nil},
		{"from anybody with a certificate of his own", []string{"--tls-self-signed"}, false, []tls.Certificate{other}},
		{"from anybody, and another is trusted", []string{"--tls-self-signed", "--trusted-proxy", "192.0.2.0/24"}, false, nil},
		{"from a trusted proxy", []string{"--trusted-proxy", "127.0.0.0/8"}, true, nil},
		{"from a trusted proxy over TLS", []string{"--tls-self-signed", "--trusted-proxy", "127.0.0.1"}, true, nil},
		{"from a trusted proxy with a certificate of its own", []string{"--tls-self-signed", "--trusted-proxy", "127.0.0.1"}, true, []tls.Certificate{other}},
	} {
		t.Run(at.name, func(t *testing.T) {
			h := newHouse(t, append(at.flags, "--tls-client-ca", foreign.file(t))...)
			id, _ := h.with(t, "bot", api.CertificateRequest{Subject: &api.Subject{DNS: "bot.example"}})
			good := http.Header{"Client-Cert": {own}, "Client-Cert-Chain": {above}}
			if a := h.grantBy(t, id, good, at.shown...); at.trust != (a.status == http.StatusOK) || !at.trust && !a.refused() {
				t.Fatalf("%d %s", a.status, a.text)
			}
			if !at.trust {
				return
			}
			// What was given is bound to what the header said.
			token := accessToken(t, h.grantBy(t, id, good, at.shown...).text)
			for name, header := range map[string]http.Header{"with": good, "without": {}, "with another": {"Client-Cert": {b64(other.Certificate[0])}}} {
				header = header.Clone()
				header.Set("Authorization", "Bearer "+token)
				a := h.postBy(t, "/oauth2/introspect", url.Values{"token": {token}}, header, at.shown...)
				if (name == "with") != (a.status == http.StatusOK) {
					t.Errorf("the token %s its certificate: %d %s", name, a.status, a.text)
				}
			}
			for _, tt := range []struct {
				name, reason string
				header       http.Header
			}{
				{"no colons", "cannot be read", http.Header{"Client-Cert": {strings.Trim(own, ":")}, "Client-Cert-Chain": {above}}},
				{"bad bytes", "cannot be read", http.Header{"Client-Cert": {":!!!!:"}, "Client-Cert-Chain": {above}}},
				{"base64url", "cannot be read", http.Header{"Client-Cert": {":__-_:"}, "Client-Cert-Chain": {above}}},
				{"a parameter", "cannot be read", http.Header{"Client-Cert": {own + ";v=1"}, "Client-Cert-Chain": {above}}},
				{"two headers", "cannot be read", http.Header{"Client-Cert": {own, own}, "Client-Cert-Chain": {above}}},
				{"a list", "cannot be read", http.Header{"Client-Cert": {own + ", " + above}}},
				{"PEM", "cannot be read", http.Header{"Client-Cert": {pem}, "Client-Cert-Chain": {above}}},
				{"escaped PEM", "cannot be read", http.Header{"Client-Cert": {url.QueryEscape(inPEM(cut(leaf)))}}},
				{"empty", "cannot be read", http.Header{"Client-Cert": {""}}},
				{"no certificate in it", "cannot be read", http.Header{"Client-Cert": {":AAAA:"}}},
			} {
				bot, _ := h.with(t, tt.name, api.CertificateRequest{Subject: &api.Subject{DNS: "bot.example"}})
				if a := h.grantBy(t, bot, tt.header, at.shown...); !a.refused() {
					t.Errorf("%s: %d %s", tt.name, a.status, a.text)
				}
				if reason, _ := h.lastReason(t, bot); !strings.Contains(reason, tt.reason) {
					t.Errorf("%s: the reason is %q, want %q", tt.name, reason, tt.reason)
				}
			}
			bot, _ := h.with(t, "chain", api.CertificateRequest{Subject: &api.Subject{DNS: "bot.example"}})
			if a := h.grantBy(t, bot, http.Header{"Client-Cert": {own}}, at.shown...); !a.refused() {
				t.Errorf("without its chain: %d %s", a.status, a.text)
			}
			if a := h.grantBy(t, bot, http.Header{"Client-Cert": {own}, "Client-Cert-Chain": {above + ", x"}}, at.shown...); !a.refused() {
				t.Errorf("with rubbish in the chain: %d %s", a.status, a.text)
			}
			if a := h.grantBy(t, bot, http.Header{"Client-Cert-Chain": {own + ", " + above}}, at.shown...); !a.refused() {
				t.Errorf("with the chain alone: %d %s", a.status, a.text)
			}
			huge := http.Header{"Client-Cert": {b64(make([]byte, 40<<10))}}
			if a := h.grantBy(t, bot, huge, at.shown...); a.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("a huge header: %d %s", a.status, a.text)
			}
		})
	}
}

// TLS 1.0 and 1.1 are not spoken, to a client in Go and to OpenSSL.
func TestMutualTLS_versions(t *testing.T) {
	h := newHouse(t, "--tls-self-signed")
	for version, good := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		cfg := h.trust(t)
		cfg.MinVersion, cfg.MaxVersion = version, version
		if _, got, err := shown(t, h.url, cfg); good != (err == nil) || good && got != version {
			t.Errorf("TLS %x: %x, %v", version, got, err)
		}
	}
	openssl := opensslPath(t)
	for flag, good := range map[string]bool{"-tls1": false, "-tls1_1": false, "-tls1_2": true, "-tls1_3": true} {
		cmd := exec.CommandContext(t.Context(), openssl, "s_client", "-connect", strings.TrimPrefix(h.url, "https://"), flag,
			"-cipher", "ALL:@SECLEVEL=0", "-verify_return_error", "-CAfile", h.certificate())
		out, err := cmd.CombinedOutput()
		if good != (err == nil) || good && !strings.Contains(string(out), "Verify return code: 0 (ok)") {
			t.Errorf("openssl s_client %s: %v\n%s", flag, err, out)
		}
	}
}
