package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store"
)

var (
	// headerName is what can be the name of a header (RFC 9110 §5.1).
	headerName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9-]{1,60}$`) })
	// trustDomain is what SPIFFE allows (SPIFFE-ID §2.1).
	trustDomain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9._-]{1,255}$`) })
)

func checkMutualTLS(s settings, cfg *serveConfig) error {
	cfg.certHeader, cfg.trustDomain = s.ClientCertHeader, s.TrustDomain
	if !headerName().MatchString(cfg.certHeader) {
		return badValue("client-cert-header", s.ClientCertHeader, errors.New("it must be the name of a header, as in Client-Cert"))
	}
	if s.TrustDomain != "" && !trustDomain().MatchString(s.TrustDomain) {
		return badValue("trust-domain", s.TrustDomain, errors.New("it must be a name of lower-case letters, digits, dots and dashes, as in agents.example.com"))
	}
	if s.TLSClientCA == "" {
		return nil
	}
	text, err := os.ReadFile(s.TLSClientCA)
	if err != nil {
		return badValue("tls-client-ca", s.TLSClientCA, err)
	}
	if cfg.clientCA, err = readCAs(text); err != nil {
		return badValue("tls-client-ca", s.TLSClientCA, err)
	}
	return nil
}

// readCAs reads certificates of CAs in PEM, with words between them as bundles
// have. One that is of no use is refused and not passed over: what it should have
// signed would be refused later, login by login.
func readCAs(text []byte) (*x509.CertPool, error) {
	pool, blocks := x509.NewCertPool(), bytes.Count(text, []byte("-----BEGIN "))
	for n := 1; ; n++ {
		b, rest := pem.Decode(text)
		switch {
		case b == nil && n == 1:
			return nil, errors.New("there is no certificate in PEM in the file that can be read")
		case b == nil && n <= blocks: // those are passed over, wherever they stand
			return nil, fmt.Errorf("of %d blocks in the file only %d can be read", blocks, n-1)
		case b == nil:
			return pool, nil
		case b.Type != "CERTIFICATE":
			return nil, fmt.Errorf("block %d of the file is %.40q: give certificates of CAs alone", n, b.Type)
		}
		c, err := keys.FromCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the file: %w", n, err)
		}
		if !c.IsCA && c.Version == 3 { // older ones do not say
			return nil, fmt.Errorf("certificate %d of the file, %.200q, is not a CA's", n, c.Subject)
		}
		pool.AddCert(c.Certificate)
		text = rest
	}
}

// newRules makes the rules of a server. A CA is made by itself only where none
// but this machine can reach it: elsewhere it is a decision (ca init).
func newRules(ctx context.Context, cfg serveConfig, s store.Store, own string) (*authority.Authority, error) {
	seal := cfg.seal
	local, _ := loopback(cfg.listen)
	place := cfg.issuer
	if place == "" {
		place = own
	}
	domain := cfg.trustDomain
	if domain == "" {
		domain = "localhost"
		if u, err := url.Parse(place); err == nil && !isLoopback(u.Hostname()) && trustDomain().MatchString(strings.ToLower(u.Hostname())) {
			domain = strings.ToLower(u.Hostname())
		}
	}
	c := authority.Config{Store: s, MaxSecrets: cfg.maxSecrets, Rules: cfg.profile.rules}
	if cfg.profile.keys {
		c.CA = authority.CAConfig{
			Seal:  func() (secret.SealKey, error) { return seal.open(context.WithoutCancel(ctx)) },
			Own:   local && !cfg.behindProxy,
			Roots: cfg.clientCA, TrustDomain: domain, CRL: place + api.PathCRL,
		}
	}
	rules, err := authority.New(c)
	seal.rules = rules
	return rules, err
}

// certificates finds those that a client has connected with: to us, or to a
// trusted proxy, which says so in a header. From anybody else that header counts
// for nothing. nil: there is no mutual TLS, because nobody speaks TLS, or
// because the profile has none.
func (c serveConfig) certificates() func(*http.Request) [][]byte {
	if !c.profile.keys || c.plain() && len(c.proxies) == 0 {
		return nil
	}
	return func(r *http.Request) [][]byte {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !c.proxies.trusts(peer.Addr().Unmap().WithZone("")) {
			return oauth.PeerCertificates(r)
		}
		leaf := r.Header.Values(c.certHeader)
		if len(leaf) == 0 {
			return nil // the proxy's own certificate is not the client's
		}
		chain := [][]byte{binary(strings.Join(leaf, ","))}
		for _, member := range listed(r.Header.Values(c.certHeader + "-Chain")) {
			chain = append(chain, binary(member))
		}
		return chain
	}
}

// bound finds the x5t#S256 of the certificate that a request has come with; ""
// without one.
func (c serveConfig) bound() func(*http.Request) string {
	shown := c.certificates()
	if shown == nil {
		return func(*http.Request) string { return "" }
	}
	return func(r *http.Request) string { return oauth.Thumbprint(shown(r)) }
}

// binary reads a byte sequence (RFC 9651 §3.3.5). What is none is a certificate
// that cannot be read: it is refused as one.
func binary(text string) []byte {
	text = strings.TrimSpace(text)
	if len(text) < 2 || text[0] != ':' || text[len(text)-1] != ':' {
		return []byte{}
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text[1 : len(text)-1])
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder passes over
		return []byte{}
	}
	return data
}
