package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// FetchConfig says from where key sets may be fetched.
type FetchConfig struct {
	// Allow are addresses that are not public and may be asked all the same.
	Allow []netip.Prefix
	Roots *x509.CertPool // nil means those of the system
}

// Bounds of a fetch.
const (
	fetchTime = 3 * time.Second
	fetchSize = 64 << 10
)

// NewFetch makes what fetches the key set at a jwks_uri, for an agent that says
// where it is: over https, from a public address, without a proxy, a redirect, a
// cookie or a connection that is used again. The address is looked at when it
// is dialled, so that a name cannot lead elsewhere after it was checked.
func NewFetch(cfg FetchConfig) func(context.Context, string) ([]byte, error) {
	dialer := &net.Dialer{Timeout: fetchTime, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return mayDial(address, cfg.Allow)
	}}
	c := &http.Client{
		Timeout: fetchTime,
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots},
			TLSHandshakeTimeout: fetchTime, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, place string) ([]byte, error) { return fetch(ctx, c, place) }
}

func fetch(ctx context.Context, c *http.Client, place string) ([]byte, error) {
	u, err := url.Parse(place)
	if err != nil || u.Scheme != "https" {
		return nil, errors.New("it is not an https URL")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %d, not 200", answer.StatusCode)
	}
	if kind := answer.Header.Get("Content-Type"); !isJSON(kind) {
		return nil, fmt.Errorf("its Content-Type is %.100q, not application/jwk-set+json or application/json", kind)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, fetchSize+1))
	if err != nil {
		return nil, err
	}
	if len(body) > fetchSize {
		return nil, fmt.Errorf("it is larger than %d bytes", fetchSize)
	}
	return body, nil
}

// isJSON reports whether a Content-Type is of a key set (RFC 7517 §8.5.2), or of
// JSON in general: a page that somebody else could write there is none.
func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

// special are the ranges that netip does not tell by a method and that are not
// the public internet, or lead to what is not: IANA's special-purpose
// registries, and what carries an IPv4 address inside.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4",
	"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	"5f00::/16", "fec0::/10",
)

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// mayDial refuses an address that is not public, unless it is allowed.
func mayDial(address string, allow []netip.Prefix) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %s cannot be read", address)
	}
	ip := at.Addr().WithZone("")
	inner := ip.Unmap() // what a mapped one stands for
	for _, p := range allow {
		if p.Contains(inner) {
			return nil
		}
	}
	bad := !inner.IsGlobalUnicast() || inner.IsPrivate()
	for _, p := range special {
		bad = bad || p.Contains(inner)
	}
	if bad {
		return fmt.Errorf("the address %s is not public", ip)
	}
	return nil
}
