package client

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/keys"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Proof is what somebody proves with that it is he who asks for a token:
// SecretProof, KeyProof or CertificateProof.
type Proof interface {
	check() error
	secrets(id string) []secret.Text // what no error may show
	// login is how a request to the token API is signed in.
	login(ctx context.Context, c *Client, id string) (login, error)
}

// login is how one request is signed in.
type login struct {
	credential secret.Text              // in the Authorization header; zero: none
	form       url.Values               // further fields
	assert     func() (string, error)   // makes an assertion, for each attempt another
	transport  http.RoundTripper        // that shows a certificate; nil: the client's own
	at         func(path string) string // where the server says that a path is; nil: below the base URL
}

// over makes a call of the token API one of somebody who signs in so.
func (l login) over(r call) call {
	maps.Copy(r.form, l.form)
	r.own, r.credential, r.assert, r.transport = true, l.credential, l.assert, l.transport
	if l.at != nil {
		r.at = l.at(r.path)
	}
	return r
}

// done lets go of the connections that showed a certificate for one request.
func (l login) done() {
	if t, ok := l.transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// SecretProof is client_secret_basic. name is what the secret is called where
// it is configured.
func SecretProof(name string, value secret.Text) Proof { return secretProof{name, value} }

type secretProof struct {
	name  string
	value secret.Text
}

func (p secretProof) check() error                    { return checkValue(p.name, p.value.Reveal(), nil) }
func (p secretProof) secrets(id string) []secret.Text { return []secret.Text{p.value, p.basic(id)} }
func (p secretProof) login(_ context.Context, c *Client, id string) (login, error) {
	l := login{credential: p.basic(id)}
	if told := c.metadata.load(); told != nil { // nobody asks for a secret's sake
		l.at = told.at
	}
	return l, nil
}

// basic encodes id and secret as forms do before it joins them (RFC 6749
// §2.3.1): a WSO2 secret may hold % and &.
func (p secretProof) basic(id string) secret.Text {
	return basic(url.QueryEscape(id), url.QueryEscape(p.value.Reveal()))
}

// Format: fmt does not ask an unexported field how it wants to be printed.
func (secretProof) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// keyProof is private_key_jwt (RFC 7523 §2.2).
type keyProof struct {
	private crypto.Signer
	alg     string
	kid     string
}

// assertionLife is how long an assertion is good: it is used at once, and once.
const assertionLife = time.Minute

// jwtBearer is the client_assertion_type of RFC 7523 §2.2.
const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// errSign is in the chain of an error of signing: it will be the same the next
// time.
var errSign = errors.New("sign an assertion")

// KeyProof signs in by a private key in PEM, not encrypted. alg is what it is
// registered for; "" means RS256 with RSA, else that of the key. The errors do
// not repeat the key.
func KeyProof(pem secret.Text, alg string) (Proof, error) {
	private, err := keys.Signer([]byte(pem.Reveal()))
	if err != nil {
		return nil, err
	}
	public, err := keys.New(private.Public())
	if err != nil {
		return nil, err
	}
	if alg, err = public.Alg(alg); err != nil {
		return nil, err
	}
	return keyProof{private, alg, public.Thumbprint()}, nil
}

func (keyProof) check() error                 { return nil }
func (keyProof) secrets(string) []secret.Text { return nil }

// Format: fmt does not ask an unexported field how it wants to be printed.
func (p keyProof) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "key %s", p.kid) }

func (p keyProof) login(ctx context.Context, c *Client, id string) (login, error) {
	m, err := c.Metadata(ctx)
	if err != nil {
		return login{}, err
	}
	audience, err := c.audience(m)
	if err != nil {
		return login{}, err
	}
	return login{
		at:   m.at,
		form: url.Values{"client_assertion_type": {jwtBearer}},
		assert: func() (string, error) {
			now, ok := c.clock.now() // the server's, which judges it
			if !ok {
				now = time.Now()
			}
			return p.assertion(id, audience, now)
		},
	}, nil
}

// assertion says who somebody is, signed with his key (RFC 7523 §3). It names the
// issuer alone, so that no other server can use it.
func (p keyProof) assertion(id, issuer string, now time.Time) (string, error) {
	opts := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", p.kid)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(p.alg), Key: p.private}, opts)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errSign, err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": id, "sub": id, "aud": issuer, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("%w: %w", errSign, err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errSign, err)
	}
	return signed.CompactSerialize()
}

// certificateProof is mutual TLS (RFC 8705 §2). Which of its two methods it is
// knows the server.
type certificateProof struct{ pair tls.Certificate }

// errWhich says which of the two files is meant.
type errWhich struct {
	key bool
	err error
}

func (e *errWhich) Error() string { return e.err.Error() }
func (e *errWhich) Unwrap() error { return e.err }

// OfKey reports whether an error of CertificateProof is about the key, and not
// the certificate.
func OfKey(err error) bool {
	which, ok := errors.AsType[*errWhich](err)
	return ok && which.key
}

// CertificateProof signs in by a certificate, with those above it behind it, and
// its private key, both in PEM. The errors do not repeat the key. Whether the
// certificate has expired is looked at by now, the clock of this machine.
func CertificateProof(chain string, key secret.Text, now time.Time) (Proof, error) {
	private, err := keys.Signer([]byte(key.Reveal()))
	if err != nil {
		return nil, &errWhich{true, err}
	}
	own, all, err := keys.Chain([]byte(chain))
	if err != nil {
		return nil, &errWhich{false, err}
	}
	public, err := keys.New(private.Public())
	switch {
	case err != nil:
		return nil, &errWhich{true, err}
	case public.Thumbprint() != own.Public.Thumbprint():
		return nil, &errWhich{true, errors.New("it is not the key of the certificate")}
	case now.After(own.NotAfter):
		return nil, &errWhich{false, fmt.Errorf("it expired at %s", own.NotAfter.UTC().Format(time.RFC3339))}
	}
	return certificateProof{tls.Certificate{Certificate: all, PrivateKey: private, Leaf: own.Certificate}}, nil
}

func (certificateProof) check() error                 { return nil }
func (certificateProof) secrets(string) []secret.Text { return nil }

// Format: fmt does not ask an unexported field how it wants to be printed.
func (p certificateProof) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "certificate %x", p.pair.Leaf.SerialNumber)
}

func (p certificateProof) login(ctx context.Context, c *Client, id string) (login, error) {
	m, err := c.Metadata(ctx)
	if err != nil {
		return login{}, err
	}
	for _, alias := range []string{m.MutualToken, m.MutualRevocation} {
		if alias != "" && !strings.HasPrefix(alias, "https://") {
			return login{}, fmt.Errorf("%s says that certificates are shown at %.200q, which is no https URL", c.root, alias)
		}
	}
	l := login{form: url.Values{"client_id": {id}}, at: m.mutual}
	if c.shows != p.pair.Leaf {
		l.transport, err = p.over(c.cfg.Transport)
	}
	return l, err
}

// over is a transport that shows the certificate to every server that asks for
// one, whatever CAs that server knows: it may trust the certificate itself.
func (p certificateProof) over(base http.RoundTripper) (http.RoundTripper, error) {
	pool, ok := base.(*http.Transport)
	if !ok {
		return nil, errors.New("client_certificate needs a server that is reached by TLS")
	}
	pool = pool.Clone()
	if pool.TLSClientConfig == nil {
		pool.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	pool.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &p.pair, nil }
	return pool, nil
}
