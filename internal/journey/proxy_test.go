//go:build unix

package journey_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// stage is a moment in the life of a request.
type stage string

const (
	before    stage = "before"    // the server has not seen it
	committed stage = "committed" // the server has done it; nobody knows
	half      stage = "half"      // half of the bytes of the answer are out
	after     stage = "after"     // the whole answer is out
)

var stages = []stage{before, committed, half, after}

// request is one that went through a proxy.
type request struct {
	method, path string
	status       int    // 0: it was not forwarded
	secret       string // that it carried, in the request or in the answer
}

// writes reports whether it was to change something.
func (r request) writes() bool { return r.method != http.MethodGet && r.method != http.MethodHead }

func (r request) String() string { return fmt.Sprintf("%s %s → %d", r.method, r.path, r.status) }

// strike is what happens at one moment of one request. It reports whether the
// other end of the line is gone.
type strike struct {
	n     int // 1 is the first request
	stage stage
	do    func() (gone bool)
}

// alteration makes another answer of one to a request.
type alteration func(r *http.Request, answer []byte) []byte

// proxy stands between the provider and the server, counts, and lets
// something happen at a chosen moment.
type proxy struct {
	url    string
	target string

	mu       sync.Mutex
	strike   *strike
	struck   *request
	requests []*request
	alter    alteration // of answers; nil for none
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	p := &proxy{target: target}
	front := httptest.NewServer(p) // listens on 127.0.0.1
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	p.url = front.URL
	return p
}

// direct forwards one request on one connection and changes nothing.
var direct = &http.Transport{DisableKeepAlives: true, DisableCompression: true}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	seen, st := p.count(r, body)
	if st.at(before) && st.do() {
		panic(http.ErrAbortHandler)
	}
	out := r.Clone(r.Context())
	out.RequestURI, out.Body, out.ContentLength = "", io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if out.URL, err = out.URL.Parse(p.target + r.URL.RequestURI()); err != nil {
		panic(http.ErrAbortHandler)
	}
	resp, err := direct.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if alter := p.altering(); alter != nil {
		answer = alter(r, answer)
	}
	p.note(seen, resp.StatusCode, answer)
	if st.at(committed) && st.do() {
		panic(http.ErrAbortHandler)
	}
	if st.at(half) {
		halve(w, resp, answer, st)
		return
	}
	maps.Copy(w.Header(), resp.Header)
	if resp.StatusCode != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
	if st.at(after) {
		_ = http.NewResponseController(w).Flush()
		st.do()
	}
}

func (s *strike) at(stage stage) bool { return s != nil && s.stage == stage }

// halve writes the first half of the answer, bytes of the header included,
// and, if the other end still listens then, the rest.
func halve(w http.ResponseWriter, resp *http.Response, answer []byte, st *strike) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	resp.Close, resp.TransferEncoding = true, nil
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
	var raw bytes.Buffer
	if err := resp.Write(&raw); err != nil {
		return
	}
	text := raw.Bytes()
	_, _ = conn.Write(text[:len(text)/2])
	if !st.do() {
		_, _ = conn.Write(text[len(text)/2:])
	}
}

// count enters a request in the list, and finds what is to happen to it.
func (p *proxy) count(r *http.Request, body []byte) (*request, *strike) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := &request{method: r.Method, path: r.URL.Path, secret: carried(body)}
	p.requests = append(p.requests, seen)
	if st := p.strike; st != nil && st.n == len(p.requests) {
		p.strike, p.struck = nil, seen
		return seen, st
	}
	return seen, nil
}

func (p *proxy) note(seen *request, status int, answer []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen.status = status
	if secret := carried(answer); secret != "" {
		seen.secret = secret
	}
}

// carried is the secret in a body; "" for none.
func carried(body []byte) string {
	var b struct {
		SecretValue string `json:"secretValue"`
		Password    string `json:"password"`
	}
	if json.Unmarshal(body, &b) != nil {
		return ""
	}
	return b.SecretValue + b.Password
}

// log is what came since the last restart.
func (p *proxy) log() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]request, len(p.requests))
	for i, r := range p.requests {
		out[i] = *r
	}
	return out
}

// restart forgets what came and arms a strike, or none.
func (p *proxy) restart(st *strike) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests, p.struck, p.strike = nil, nil, st
}

// change lets answers be altered from now on; nil: no more.
func (p *proxy) change(alter alteration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alter = alter
}

func (p *proxy) altering() alteration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alter
}

// hit is the request that the strike came upon; nil when it did not come to it.
func (p *proxy) hit() *request {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.struck == nil {
		return nil
	}
	r := *p.struck
	return &r
}

// pause lets a signal get where it goes before the answer does.
const pause = 100 * time.Millisecond
