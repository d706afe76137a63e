package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// errTooLarge ends the reading of an answer.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)

// RoundTrip is one attempt: below the retries, so that waiting for the budget
// and between attempts can be cancelled, and above the network.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	answered, err := x.c.limiter.wait(ctx)
	if err != nil {
		return nil, err
	}
	defer answered()
	if err := ctx.Err(); err != nil {
		return nil, err // a call that nobody waits for is not begun
	}
	start := time.Now()
	if x.attempts++; x.attempts == 1 {
		x.began = start
	}
	resp, err := x.attempt(req)
	x.log(ctx, resp, err, time.Since(start))
	return resp, err
}

// attempt sends a request and reads the whole answer. Once a shielded one is on
// its way only its own timeout ends it.
func (x *exchange) attempt(req *http.Request) (*http.Response, error) {
	parent, timeout := req.Context(), x.c.cfg.Timeout
	if x.call.shielded {
		parent, timeout = context.WithoutCancel(parent), min(timeout, maxShield)
	}
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	var line wire
	sent := time.Now()
	req, err := x.asserted(req.WithContext(line.trace(ctx)))
	if err != nil {
		return nil, err
	}
	transport := x.c.cfg.Transport
	if x.call.transport != nil {
		transport = x.call.transport
	}
	resp, err := transport.RoundTrip(req)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the connection ended before the answer: %w", err)
	}
	if err == nil {
		x.c.clock.set(resp.Header, sent)
		err = buffer(resp)
	}
	x.unclear = x.unknown
	if err != nil {
		x.unknown = x.unknown || line.used()
		if parent.Err() == nil && ctx.Err() != nil {
			err = fmt.Errorf("no answer within %s (request_timeout)", timeout)
		}
		return nil, err
	}
	x.c.unreached.Store(false)
	x.unknown = x.unknown && !settles(resp.StatusCode) || lost(resp)
	if resp.StatusCode/100 == 3 {
		// net/http would parse it, and quote it in an error.
		x.moved = resp.Header.Get("Location")
		resp.Header.Del("Location")
	}
	return resp, nil
}

// asserted is the request with an assertion of its own, if it takes one.
func (x *exchange) asserted(req *http.Request) (*http.Request, error) {
	if x.call.assert == nil {
		return req, nil
	}
	text, err := x.call.assert()
	if err != nil {
		return nil, err
	}
	form := maps.Clone(x.call.form)
	form.Set("client_assertion", text)
	body := form.Encode()
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return req, nil
}

// wire tells whether a request can have reached the server. A transport that
// reports nothing about its connections must be taken to have sent it.
type wire struct{ dialled, connected atomic.Bool }

func (w *wire) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.dialled.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.connected.Store(true) },
	})
}

func (w *wire) used() bool { return w.connected.Load() || !w.dialled.Load() }

// buffer replaces the body by what it holds.
func buffer(resp *http.Response) error {
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the connection ended in the middle of the answer: %w", err)
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case len(data) > maxAnswer:
		return errTooLarge
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

func (x *exchange) log(ctx context.Context, resp *http.Response, err error, took time.Duration) {
	fields := map[string]any{
		"method": x.call.method, "path": x.c.path + x.call.path,
		"duration_ms": took.Milliseconds(), "attempt": x.attempts,
	}
	if err != nil {
		fields["error"] = x.scrub(err.Error())
	} else {
		fields["status"] = resp.StatusCode
	}
	x.c.cfg.Logger.Debug(ctx, "management API", fields)
}
