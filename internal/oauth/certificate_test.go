package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
)

// pair makes a self-signed certificate for a client.
func pair(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// Over a real connection: TLS asks for a certificate and takes any, and the
// token endpoint judges it. What it gives counts with that certificate alone.
func TestMutualTLS(t *testing.T) {
	o := newOfficeOf(t, authority.Config{}, oauth.Config{Certificates: oauth.PeerCertificates})
	server := httptest.NewUnstartedServer(o.Handler)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	mine, text := pair(t)
	other, _ := pair(t)
	bot := o.bot(t, authority.AgentChange{})
	_, err := o.AddCertificate(t.Context(), admin, authority.NewCertificate{Rotation: authority.Rotation{AgentID: bot.id}, ID: "mine", CertificatePEM: text})
	if err != nil {
		t.Fatal(err)
	}
	send := func(path, body string, header http.Header, certificates ...tls.Certificate) answer {
		t.Helper()
		transport, ok := server.Client().Transport.(*http.Transport)
		if !ok {
			t.Fatal("another transport")
		}
		transport = transport.Clone()
		defer transport.CloseIdleConnections()
		transport.TLSClientConfig.Certificates = certificates
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header.Clone()
		if r.Header == nil {
			r.Header = http.Header{}
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = got.Body.Close() }()
		return answerOf(t, got)
	}
	ask := form("grant_type", "client_credentials", "client_id", bot.id)
	got := send("/oauth2/token", ask, nil, mine)
	token, _ := got.json["access_token"].(string)
	if got.status != 200 || token == "" {
		t.Fatalf("%d %s", got.status, got.text)
	}
	for name, a := range map[string]answer{
		"another certificate": send("/oauth2/token", ask, nil, other),
		"no certificate":      send("/oauth2/token", ask, nil),
		"no client_id":        send("/oauth2/token", form("grant_type", "client_credentials"), nil, mine),
		"another client_id":   send("/oauth2/token", form("grant_type", "client_credentials", "client_id", "x"), nil, mine),
		"a header from afar":  send("/oauth2/token", ask, http.Header{"Client-Cert": {":AAAA:"}}),
	} {
		if a.status != 401 || a.json["error"] != "invalid_client" || a.text != `{"error":"invalid_client","error_description":"client authentication failed"}`+"\n" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if a := send("/oauth2/token", form("grant_type", "client_credentials", "client_id", bot.id, "client_secret", bot.secret), nil, other); a.status != 200 {
		t.Errorf("a secret over a connection with any certificate: %d %s", a.status, a.text)
	}
	about := form("token", token)
	seen := send("/oauth2/introspect", form("token", token), bot.basic())
	if seen.status != 200 {
		t.Errorf("introspection: %d %s", seen.status, seen.text)
	}
	for name, tt := range map[string]struct {
		certificates []tls.Certificate
		status       int
	}{"with its certificate": {[]tls.Certificate{mine}, 200}, "with another": {[]tls.Certificate{other}, 401}, "with none": {nil, 401}} {
		if a := send("/oauth2/introspect", about, bearer(token), tt.certificates...); a.status != tt.status {
			t.Errorf("the token %s: %d %s", name, a.status, a.text)
		}
	}
	m := o.do(t, request{method: http.MethodGet, path: "/.well-known/oauth-authorization-server", contentType: "-"}).json
	methods, _ := m["token_endpoint_auth_methods_supported"].([]any)
	aliases, _ := m["mtls_endpoint_aliases"].(map[string]any)
	if !slices.Contains(methods, any("tls_client_auth")) || !slices.Contains(methods, any("self_signed_tls_client_auth")) ||
		m["tls_client_certificate_bound_access_tokens"] != true || aliases["token_endpoint"] != o.url+"/oauth2/token" {
		t.Errorf("the metadata is %v", m)
	}
}
