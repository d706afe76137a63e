package cli

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// limitWindow is what a rate limit looks back on.
	limitWindow = time.Minute
	// limitAddresses bounds the memory: 8 bytes for each request in the
	// window of an address.
	limitAddresses = 1000
)

// limitedPaths are what the rate limit counts, below the path of the issuer: as
// Asgardeo's documentation has it.
var limitedPaths = []string{"/scim2/", "/api/server/", "/oauth2/"}

// rateLimit refuses an address that made too many requests in any minute, as
// Asgardeo's gateway does. What it refused does not count.
type rateLimit struct {
	most    int // in a minute
	prefix  string
	address func(*http.Request) string
	now     func() time.Time

	mu   sync.Mutex
	seen map[string]*recent
}

// recent are the last requests of an address: a ring, the oldest at next.
type recent struct {
	at   []time.Time
	next int
}

// limited puts a rate limit before a handler; without one it is the handler.
func limited(next http.Handler, l *rateLimit) http.Handler {
	if l.most <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.counts(r.URL.Path) {
			if wait := l.take(l.address(r)); wait > 0 {
				tooManyRequests(w, wait)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (l *rateLimit) counts(path string) bool {
	path = strings.TrimPrefix(path, l.prefix) + "/"
	for _, p := range limitedPaths {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// take counts a request. It gives how long to wait when it is one too many.
func (l *rateLimit) take(address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.seen[address]
	if known == nil {
		if len(l.seen) >= limitAddresses {
			l.seen = nil // whoever floods from many addresses gains a minute
		}
		if l.seen == nil {
			l.seen = map[string]*recent{}
		}
		known = &recent{at: make([]time.Time, l.most)}
		l.seen[address] = known
	}
	now := l.now()
	if oldest := known.at[known.next]; !oldest.IsZero() && now.Sub(oldest) < limitWindow {
		return limitWindow - now.Sub(oldest)
	}
	known.at[known.next] = now
	known.next = (known.next + 1) % l.most
	return 0
}

// tooManyRequests answers as a gateway does that knows neither SCIM nor OAuth.
// WSO2 documents the status alone.
func tooManyRequests(w http.ResponseWriter, wait time.Duration) {
	h := w.Header()
	h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write([]byte("<html><head><title>429 Too Many Requests</title></head>\r\n<body><center><h1>429 Too Many Requests</h1></center></body></html>\r\n"))
}
