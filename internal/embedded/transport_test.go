package embedded

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func request(t *testing.T, ctx context.Context, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// got is a response, read.
type got struct {
	status  string
	code    int
	body    string
	length  int
	request *http.Request
}

func roundTrip(t *testing.T, r *http.Request, h http.HandlerFunc) (got, error) {
	t.Helper()
	answer, err := transport{h}.RoundTrip(r)
	if err != nil {
		return got{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got{answer.Status, answer.StatusCode, string(body), int(answer.ContentLength), answer.Request}, nil
}

// The handler sees what it would see behind a port.
func TestTransport_request(t *testing.T) {
	r := request(t, t.Context(), http.MethodPut, "https://x.invalid/a%2Fb/c%20d?q=1&q=2", strings.NewReader("hello"))
	r.Header.Set("If-Match", "7")
	_, err := roundTrip(t, r, func(w http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		if err != nil || string(body) != "hello" || in.ContentLength != 5 {
			t.Errorf("body %q of %d bytes, %v", body, in.ContentLength, err)
		}
		if in.Method != http.MethodPut || in.Host != "x.invalid" || in.Header.Get("If-Match") != "7" {
			t.Errorf("%s to %s with %v", in.Method, in.Host, in.Header)
		}
		if in.URL.Host != "" || in.URL.Scheme != "" || in.RequestURI != "/a%2Fb/c%20d?q=1&q=2" || in.URL.Path != "/a/b/c d" || in.URL.EscapedPath() != "/a%2Fb/c%20d" {
			t.Errorf("URL %+v, URI %s", in.URL, in.RequestURI)
		}
		in.Header.Set("If-Match", "8")
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.URL.Host == "" || r.Header.Get("If-Match") != "7" || r.RequestURI != "" {
		t.Error("the caller's request was changed")
	}
}

func TestTransport_answer(t *testing.T) {
	for _, tt := range []struct {
		name, method string
		handler      http.HandlerFunc
		status, body string
	}{
		{"nothing written", http.MethodGet, func(http.ResponseWriter, *http.Request) {}, "200 OK", ""},
		{"only a body", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }, "200 OK", "hi"},
		{"the first status counts", http.MethodGet, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusConflict)
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, "no")
		}, "409 Conflict", "no"},
		{"HEAD", http.MethodHead, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }, "200 OK", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request(t, t.Context(), tt.method, "https://x.invalid/", nil)
			got, err := roundTrip(t, r, tt.handler)
			if err != nil {
				t.Fatal(err)
			}
			if got.status != tt.status || got.body != tt.body || got.length != len(tt.body) || got.request != r {
				t.Errorf("%+v, want %s, %q", got, tt.status, tt.body)
			}
		})
	}
}

// The context of the request is the handler's. What was done before it ended is
// answered; what was given up is an error, as with a real transport.
func TestTransport_context(t *testing.T) {
	for _, tt := range []struct {
		name string
		code int
		want error
	}{
		{"done", http.StatusCreated, nil},
		{"refused", http.StatusConflict, nil},
		{"given up", http.StatusServiceUnavailable, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got, err := roundTrip(t, request(t, ctx, http.MethodPost, "https://x.invalid/", nil), func(w http.ResponseWriter, in *http.Request) {
				cancel()
				<-in.Context().Done()
				w.WriteHeader(tt.code)
			})
			if !errors.Is(err, tt.want) {
				t.Fatalf("RoundTrip = %v, want %v", err, tt.want)
			}
			if err == nil && got.code != tt.code {
				t.Errorf("status %d, want %d", got.code, tt.code)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	body := &closed{Reader: strings.NewReader("x")}
	_, err := roundTrip(t, request(t, ctx, http.MethodPost, "https://x.invalid/", body), func(http.ResponseWriter, *http.Request) {
		t.Error("the handler was asked")
	})
	if !errors.Is(err, context.Canceled) || !body.done {
		t.Errorf("RoundTrip = %v, body closed: %v", err, body.done)
	}
}

type closed struct {
	io.Reader
	done bool
}

func (c *closed) Close() error {
	c.done = true
	return nil
}
