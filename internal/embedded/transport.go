package embedded

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// transport answers requests by the handler, in the caller's goroutine.
type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper. The handler gets the context and the
// body of the request as they are, so giving up a request reaches the store.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	in := incoming(r)
	defer func() { _ = in.Body.Close() }()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	out := &answer{header: http.Header{}}
	t.handler.ServeHTTP(out, in)
	// An answer may say that something was done: it is given even when the
	// context has ended meanwhile, unless it says that it was given up.
	if err := r.Context().Err(); err != nil && out.status >= http.StatusInternalServerError {
		return nil, err
	}
	return out.response(r), nil
}

// incoming is the request as a server sees it.
func incoming(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	in.RequestURI = in.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

// answer is an http.ResponseWriter that keeps what is written.
type answer struct {
	header http.Header
	body   bytes.Buffer
	status int // 0 until it is known
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter. Only the first call counts.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) response(r *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK) // where the handler wrote nothing
	if r.Method == http.MethodHead {
		a.body.Reset()
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header,
		Body:          io.NopCloser(&a.body),
		ContentLength: int64(a.body.Len()),
		Request:       r,
	}
}
