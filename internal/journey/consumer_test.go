//go:build unix

package journey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// trusting is a client that knows the server by its own certificate, and shows
// one of its own where there is one.
func (s *server) trusting(certificate string, own ...tls.Certificate) *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(certificate))
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: own}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: config, MaxIdleConnsPerHost: 16}}
}

// pair is a key that an agent made: the private half stays with it.
type pair struct {
	private *ecdsa.PrivateKey
	public  string // PEM
	kid     string // RFC 7638
}

func newPair() pair {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // there is no randomness
	}
	der, _ := x509.MarshalPKIXPublicKey(key.Public())
	point, _ := key.PublicKey.Bytes() // 4, x and y
	members := fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, b64(point[1:33]), b64(point[33:]))
	print := sha256.Sum256([]byte(members))
	return pair{key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), b64(print[:])}
}

// request is a certificate request of the key.
func (p pair) request(t testing.TB) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, p.private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// assertion says who the agent is (RFC 7523 §3), good once and for a minute.
func (p pair) assertion(t testing.TB, agentID, issuer string) string {
	t.Helper()
	now := time.Now().Unix()
	claims, _ := json.Marshal(map[string]any{"iss": agentID, "sub": agentID, "aud": issuer, "jti": rand.Text(), "iat": now, "exp": now + 60})
	signed := b64([]byte(`{"alg":"ES256","typ":"JWT","kid":"`+p.kid+`"}`)) + "." + b64(claims)
	hash := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.private, hash[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + b64(signature)
}

// credential is one way in: each call of login is another login.
type credential struct {
	name  string
	web   *http.Client
	login func() url.Values
}

func (s *server) bySecret(web *http.Client, agentID, value string) credential {
	return credential{"secret", web, func() url.Values {
		return url.Values{"client_id": {agentID}, "client_secret": {value}}
	}}
}

func (s *server) byKey(web *http.Client, agentID string, p pair) credential {
	return credential{"key " + p.kid, web, func() url.Values {
		return url.Values{
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion":      {p.assertion(s.t, agentID, s.url)},
		}
	}}
}

// byCertificate connects with a certificate of the key; the server's own is
// needed to trust it.
func (s *server) byCertificate(ca, agentID string, p pair, certificate string) credential {
	s.t.Helper()
	block, _ := pem.Decode([]byte(certificate))
	if block == nil {
		s.t.Fatalf("the certificate is %q", certificate)
	}
	web := s.trusting(ca, tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: p.private})
	return credential{"certificate", web, func() url.Values { return url.Values{"client_id": {agentID}} }}
}

// enter logs in, and reports what the server answers.
func (s *server) enter(c credential) (status int, body string) {
	form := c.login()
	form.Set("grant_type", "client_credentials")
	resp, err := c.web.PostForm(s.url+"/oauth2/token", form)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	return resp.StatusCode, string(text)
}

// refuses wants a credential to open nothing any more.
func (s *server) refuses(c credential) {
	s.t.Helper()
	if status, body := s.enter(c); status != http.StatusUnauthorized || !strings.Contains(body, "invalid_client") {
		s.t.Errorf("%s gets %d %s, want a 401 invalid_client", c.name, status, body)
	}
}

// consumer logs in without a pause, by several workers, with the newest
// credential that it was given.
type consumer struct {
	t       testing.TB
	s       *server
	present atomic.Pointer[given]
	logins  atomic.Int64
	stop    chan struct{}
	done    sync.WaitGroup
}

// given is a credential, and how often each worker used it.
type given struct {
	credential
	used [consumers]atomic.Int64
}

const consumers = 4

func consume(t testing.TB, s *server, first credential) *consumer {
	c := &consumer{t: t, s: s, stop: make(chan struct{})}
	c.present.Store(&given{credential: first})
	for n := range consumers {
		c.done.Go(func() {
			for {
				select {
				case <-c.stop:
					return
				case <-time.After(2 * time.Millisecond): // leave the machine to the server
				}
				by := c.present.Load()
				if status, body := s.enter(by.credential); status != http.StatusOK {
					t.Errorf("a login by %s fails: %d %s", by.name, status, body)
					return
				}
				c.logins.Add(1)
				by.used[n].Add(1)
			}
		})
	}
	t.Cleanup(c.end)
	return c
}

// follow gives the consumer another credential, and waits until each worker has
// used it twice: nobody uses the one before any more.
func (c *consumer) follow(next credential) {
	c.t.Helper()
	to := &given{credential: next}
	c.present.Store(to)
	for n := range to.used {
		for end := time.Now().Add(time.Minute); to.used[n].Load() < 2; time.Sleep(time.Millisecond) {
			if c.t.Failed() || time.Now().After(end) {
				c.t.Fatalf("the consumer does not come through with %s", next.name)
			}
		}
	}
}

// end lets the workers finish.
func (c *consumer) end() {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.done.Wait()
}
