package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
)

// signRate is how many ES256 signatures this machine makes in a second, on all
// processors: what no token server can be above.
func signRate(b *testing.B) float64 {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	const each = 2000
	sum := sha256.Sum256([]byte("token"))
	began := time.Now()
	var done sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		done.Go(func() {
			for range each {
				if _, err := ecdsa.SignASN1(rand.Reader, key, sum[:]); err != nil {
					b.Error(err)
				}
			}
		})
	}
	done.Wait()
	return each * float64(runtime.GOMAXPROCS(0)) / time.Since(began).Seconds()
}

// BenchmarkToken gives tokens over the whole handler, each with a durable audit
// entry, to so many clients at once, and tells the share of the raw rate of
// signing on the same machine at the same time.
func BenchmarkToken(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			o := newOffice(b)
			headers := make([]http.Header, clients)
			for n := range headers {
				headers[n] = o.bot(b, authority.AgentChange{}).basic()
			}
			limit := signRate(b)
			rate := o.bench(b, "/oauth2/token", headers, func() string { return grant })
			b.ReportMetric(rate, "tokens/s")
			b.ReportMetric(100*rate/limit, "%-of-signing")
		})
	}
}

// BenchmarkIntrospect asks about one token.
func BenchmarkIntrospect(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			o := newOffice(b)
			token := o.token(b, o.bot(b, authority.AgentChange{}))
			headers := make([]http.Header, clients)
			for n := range headers {
				headers[n] = o.client(b, fmt.Sprint(n), oauth.ScopeIntrospect).basic()
			}
			b.ReportMetric(o.bench(b, "/oauth2/introspect", headers, func() string { return form("token", token) }), "tokens/s")
		})
	}
}

// bench makes b.N requests, one goroutine for each header, and returns how many
// a second.
func (o *office) bench(b *testing.B, path string, headers []http.Header, body func() string) float64 {
	b.Helper()
	b.ResetTimer()
	began := time.Now()
	var done sync.WaitGroup
	for n, header := range headers {
		done.Go(func() {
			for i := n; i < b.N; i += len(headers) {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, strings.NewReader(body()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header["Authorization"] = header["Authorization"]
				w := httptest.NewRecorder()
				o.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Errorf("%d %s", w.Code, w.Body)
					return
				}
				_, _ = io.Copy(io.Discard, w.Body)
			}
		})
	}
	done.Wait()
	return float64(b.N) / time.Since(began).Seconds()
}
