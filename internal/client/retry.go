package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// checkRetry decides whether the call is sent again. It never replaces an
// answer that came by an error of ctx.
func (x *exchange) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	again := ctx.Err() == nil && x.c.cfg.MaxRetries >= 0 && retryable(x.call.effect, resp, err) && x.plan(resp)
	if again {
		x.last = x.reason(resp, err)
	}
	return again, nil
}

// plan counts a failed attempt, resp being nil without an answer, and chooses
// the wait before the next. It reports whether there is to be one.
func (x *exchange) plan(resp *http.Response) bool {
	asked := time.Duration(0)
	if resp != nil {
		asked = retryAfter(resp.Header)
	}
	if resp != nil && refused(resp) {
		x.refusals++
	} else if x.failures++; x.failures > x.c.cfg.MaxRetries {
		if resp == nil && !x.unknown {
			x.c.unreached.Store(true)
		}
		return false
	} else if resp == nil && !x.unknown && x.call.effect == reads && x.c.unreached.Load() {
		return false
	}
	own := x.c.cfg.RetryWait
	x.wait = jitter(own << min(x.refusals+x.failures-1, 16))
	if asked > x.wait {
		x.wait = asked + own - jitter(own)
	}
	x.waited += x.wait
	if resp != nil && resp.StatusCode == http.StatusTooManyRequests && asked <= maxRetryAfter {
		x.c.limiter.refused(x.wait)
	}
	return asked <= maxRetryAfter && x.waited <= maxWaited
}

func (x *exchange) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return x.wait }

// retryable is the table of what is sent again: a read, or a write that twice
// is as once, after whatever may pass; any other only when the server says that
// it did not begin.
func retryable(e effect, resp *http.Response, err error) bool {
	switch {
	case err != nil:
		return e != once && !permanent(err)
	case refused(resp):
		return true
	default:
		return e != once && lost(resp)
	}
}

// refused reports whether the server says: not now.
func refused(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests ||
		resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != ""
}

// lost reports whether a request may have been carried out although the answer
// is a failure. 501 and 507 say that it was not, and will not be the next time.
func lost(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusNotImplemented, http.StatusInsufficientStorage:
		return false
	}
	return resp.StatusCode >= 500 && !refused(resp)
}

// settles reports whether a status tells what became of the attempts before it
// too. Who is turned away at the door does not learn what happened inside.
func settles(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status < 500
}

// permanent reports whether an error will be the same the next time.
func permanent(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	return cert || errors.Is(err, errTooLarge) || errors.Is(err, errSign) || errors.Is(err, http.ErrSchemeMismatch) || cancelled(err)
}

// retryAfter reads what the server asks for: seconds, or a date, which is
// compared with the server's own. Nonsense asks for nothing.
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return 1<<63 - 1 // more than fits is more than we wait
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(0, at.Sub(now))
}

// jitter takes up to half of a wait away, so that those who were refused
// together do not come back together.
func jitter(d time.Duration) time.Duration {
	if d > maxBackoff || d <= 0 {
		d = maxBackoff
	}
	off, err := rand.Int(rand.Reader, big.NewInt(int64(d/2)+1))
	if err != nil {
		return d
	}
	return d - time.Duration(off.Int64())
}
