package fault_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/fault"
)

const text = `{"id":"0123456789","what":"an answer"}`

// broken is a real server behind rules, and how often its handler was asked.
func broken(t *testing.T, secured bool, rules ...string) (url string, c *http.Client, handled *atomic.Int64) {
	t.Helper()
	handled = new(atomic.Int64)
	ts := httptest.NewUnstartedServer(fault.New(fault.Config{Rules: mustParse(t, rules...)},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			handled.Add(1)
			w.Header().Set("X-Ours", "yes")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, text)
		})))
	start := ts.Start
	if secured {
		start = ts.StartTLS
	}
	start()
	t.Cleanup(ts.Close)
	c = ts.Client()
	c.Timeout = 10 * time.Second
	return ts.URL, c, handled
}

// outcome is what a client sees of one POST, which nothing repeats by itself.
type outcome struct {
	status  int // 0: no answer
	retry   string
	body    string
	err     error // of the request, or of the body
	handled int64
}

func post(t *testing.T, secured bool, rules ...string) (o outcome) {
	t.Helper()
	url, c, handled := broken(t, secured, rules...)
	resp, err := c.Post(url+"/agents", "application/json", strings.NewReader("{}"))
	if err != nil {
		return outcome{err: err, handled: handled.Load()}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return outcome{resp.StatusCode, resp.Header.Get("Retry-After"), string(data), err, handled.Load()}
}

func TestFaults(t *testing.T) {
	for _, secured := range []bool{false, true} {
		for rule, ok := range map[string]func(outcome) bool{
			"429":                    func(o outcome) bool { return o.status == 429 && o.retry == "1" && o.handled == 0 },
			"429 retry-after 7s":     func(o outcome) bool { return o.status == 429 && o.retry == "7" && o.handled == 0 },
			"503":                    func(o outcome) bool { return o.status == 503 && o.retry == "" && o.handled == 0 },
			"503 retry-after 2s":     func(o outcome) bool { return o.status == 503 && o.retry == "2" && o.handled == 0 },
			"502":                    func(o outcome) bool { return o.status == 502 && strings.HasPrefix(o.body, "<html>") && o.handled == 0 },
			"502-after-commit":       func(o outcome) bool { return o.status == 502 && strings.HasPrefix(o.body, "<html>") && o.handled == 1 },
			"500-after-commit":       func(o outcome) bool { return o.status == 500 && o.handled == 1 && !strings.Contains(o.body, "id") },
			"reset":                  func(o outcome) bool { return errors.Is(o.err, syscall.ECONNRESET) && o.handled == 0 },
			"reset-after-commit":     func(o outcome) bool { return errors.Is(o.err, syscall.ECONNRESET) && o.handled == 1 },
			"lost-after-commit":      func(o outcome) bool { return errors.Is(o.err, io.EOF) && o.status == 0 && o.handled == 1 },
			"cut 0":                  func(o outcome) bool { return errors.Is(o.err, io.EOF) && o.status == 0 && o.handled == 1 },
			"cut 20":                 func(o outcome) bool { return o.err != nil && o.status == 0 && o.handled == 1 },
			"cut headers":            func(o outcome) bool { return partial(o, "") },
			"cut half":               func(o outcome) bool { return partial(o, text[:len(text)/2]) },
			"cut last":               func(o outcome) bool { return partial(o, text[:len(text)-1]) },
			"cut 99999":              whole,
			"slow 20ms":              whole,
			"delay 1ms-3ms":          whole,
			"delay 1ms":              whole,
			"GET: reset":             whole,
			"/elsewhere: reset":      whole,
			"503, nth 2":             whole,
			"/agents: cut half, 99%": func(o outcome) bool { return partial(o, text[:len(text)/2]) },
		} {
			if o := post(t, secured, rule); !ok(o) {
				t.Errorf("%s (TLS: %v): %+v", rule, secured, o)
			}
		}
	}
}

func whole(o outcome) bool {
	return o.status == 201 && o.body == text && o.err == nil && o.handled == 1
}

// partial: the client has the headers, and knows that the body is not whole.
func partial(o outcome, body string) bool {
	return o.status == 201 && o.body == body && errors.Is(o.err, io.ErrUnexpectedEOF) && o.handled == 1
}

// A delay keeps the request, and a slow answer its body, for as long as the rule
// says; delays add up and go with other faults.
func TestTimes(t *testing.T) {
	for _, rules := range [][]string{{"delay 60ms"}, {"slow 60ms"}, {"delay 30ms", "delay 30ms"}, {"delay 60ms", "503"}} {
		began := time.Now()
		o := post(t, false, rules...)
		if took := time.Since(began); took < 60*time.Millisecond || o.err != nil {
			t.Errorf("%v took %v: %+v", rules, took, o)
		}
	}
}

// Who gives up while a request is delayed gets nothing done; who gives up while
// the answer is slow does.
func TestGivenUp(t *testing.T) {
	for rule, want := range map[string]int64{"delay 10m": 0, "slow 10m": 1} {
		url, c, handled := broken(t, false, rule)
		c.Timeout = 50 * time.Millisecond
		resp, err := c.Post(url, "", bytes.NewReader(nil))
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		if err == nil || handled.Load() != want {
			t.Errorf("%s: handled %d times, want %d (%v)", rule, handled.Load(), want, err)
		}
	}
}

// HTTP/2 has no connection of one request to break: its stream ends.
func TestHTTP2(t *testing.T) {
	handled := 0
	ts := httptest.NewUnstartedServer(fault.New(fault.Config{Rules: mustParse(t, "lost-after-commit")},
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { handled++ })))
	ts.EnableHTTP2 = true
	ts.StartTLS()
	defer ts.Close()
	resp, err := ts.Client().Post(ts.URL, "", nil)
	if err == nil {
		_ = resp.Body.Close()
		t.Errorf("it was answered: %v", resp)
	}
	if handled != 1 {
		t.Errorf("it was handled %d times", handled)
	}
}
