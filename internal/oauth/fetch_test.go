package oauth_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
)

// place is an https server of somebody's key set, and what trusts it.
func place(t *testing.T, handler http.HandlerFunc) (where string, cfg oauth.FetchConfig) {
	t.Helper()
	s := httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.URL, oauth.FetchConfig{Roots: roots, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func TestFetch(t *testing.T) {
	var asked []*http.Request
	where, cfg := place(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r)
		w.Header().Set("Content-Type", "application/jwk-set+json")
		switch r.URL.Path {
		case "/html", "/json", "/plain", "/none":
			w.Header()["Content-Type"] = map[string][]string{
				"/html": {"text/html"}, "/json": {"application/json; charset=utf-8"}, "/plain": {"text/plain"}, "/none": nil,
			}[r.URL.Path]
			fmt.Fprint(w, `{"keys":[]}`)
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		case "/drip":
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(100 * time.Millisecond)
			}
		case "/redirect":
			http.Redirect(w, r, "/jwks", http.StatusFound)
		case "/large":
			fmt.Fprint(w, strings.Repeat("a", 64<<10+1))
		case "/largest":
			fmt.Fprint(w, strings.Repeat("a", 64<<10))
		case "/error":
			w.WriteHeader(http.StatusTeapot)
		case "/slow":
			<-r.Context().Done()
		case "/headers":
			w.Header().Set("X", strings.Repeat("a", 32<<10))
		default:
			fmt.Fprint(w, `{"keys":[]}`)
		}
	})
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // which would fail
	fetch := oauth.NewFetch(cfg)
	if text, err := fetch(t.Context(), where+"/jwks"); err != nil || string(text) != `{"keys":[]}` {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := fetch(t.Context(), where+"/largest"); err != nil || len(text) != 64<<10 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if text, err := fetch(t.Context(), where+"/json"); err != nil || string(text) != `{"keys":[]}` {
		t.Errorf("as application/json: %q, %v", text, err)
	}
	if r := asked[0]; r.Header.Get("Cookie")+r.Header.Get("Authorization")+r.Header.Get("Referer") != "" || r.Method != http.MethodGet || r.ContentLength != 0 {
		t.Errorf("it was asked with %v", r.Header)
	}
	for path, says := range map[string]string{
		"/redirect": "302", "/large": "larger than 65536", "/error": "418", "/headers": "headers", "/slow": "deadline", "/endless": "larger than 65536", "/drip": "deadline",
		"/html": `Content-Type is "text/html"`, "/plain": `Content-Type is "text/plain"`, "/none": `Content-Type is ""`,
	} {
		before := len(asked)
		if _, err := fetch(t.Context(), where+path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", path, err, says)
		}
		if len(asked) != before+1 {
			t.Errorf("%s: %d requests", path, len(asked)-before)
		}
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(where, "https://"), ":")
	for name, tt := range map[string]struct {
		fetch func(context.Context, string) ([]byte, error)
		where string
		says  string
	}{
		"plain http":   {fetch, "http://127.0.0.1:" + port, "https"},
		"not allowed":  {oauth.NewFetch(oauth.FetchConfig{Roots: cfg.Roots}), where, "127.0.0.1:" + port + ": the address 127.0.0.1 is not public"},
		"by a name":    {oauth.NewFetch(oauth.FetchConfig{Roots: cfg.Roots}), "https://localhost:" + port, "is not public"},
		"mapped":       {oauth.NewFetch(oauth.FetchConfig{Roots: cfg.Roots}), "https://[::ffff:127.0.0.1]:" + port, "is not public"},
		"nobody's CA":  {oauth.NewFetch(oauth.FetchConfig{Allow: cfg.Allow}), where, "certificate"},
		"another name": {fetch, "https://127.0.0.2:" + port, ""},
	} {
		before := len(asked)
		if _, err := tt.fetch(t.Context(), tt.where); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %s", name, err, tt.says)
		}
		if len(asked) != before {
			t.Errorf("%s: it was asked", name)
		}
	}
}

// What is not public is not dialled, however it is written.
func TestFetch_addresses(t *testing.T) {
	for _, ip := range []string{
		"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3",
		"224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.0.192", "198.18.0.1", "192.0.2.1",
		"::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1",
		"64:ff9b:1::1", "2002:a00:1::", "2001::1", "::10.0.0.1", "fec0::1", "2001:db8::1", "::ffff:0:10.0.0.1",
		"::ffff:127.0.0.1", "::ffff:100.64.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1:ffff::1", "2002:7f00:1::", "2002:808:808::1",
		"172.31.255.255", "100.127.255.255", "169.254.0.1", "239.255.255.255", "192.0.0.1", "192.88.99.1", "198.19.255.255", "203.0.113.1", "198.51.100.1",
		"::2", "fe80::1%lo", "fdff::1", "ff00::1", "100::1", "100:0:0:1::1", "3fff::1", "5f00::1", "2001:20::1",
	} {
		u := url.URL{Scheme: "https", Host: netip.AddrPortFrom(netip.MustParseAddr(ip), 443).String()}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := oauth.NewFetch(oauth.FetchConfig{})(ctx, u.String())
		cancel()
		if err == nil || !strings.Contains(err.Error(), "is not public") {
			t.Errorf("%s: %v", ip, err)
		}
	}
}
