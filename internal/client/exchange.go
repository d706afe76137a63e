package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// exchange is one call with all its attempts. It is the transport and the
// retry policy of a retryablehttp.Client of its own: what was sent and what may
// have happened is known here and needs no place in a context.
type exchange struct {
	c     *Client
	call  call
	body  []byte
	media string
	url   string // with its query
	shown string // without
	masks []secret.Text

	began    time.Time
	attempts int
	failures int           // answers and errors that count against MaxRetries
	refusals int           // "not now"
	wait     time.Duration // before the next attempt
	waited   time.Duration // before all attempts together
	unknown  bool          // an attempt may have been carried out
	unclear  bool          // an attempt before the last one may have been
	last     error         // what the last attempt came to, when it is repeated
	moved    string        // where the server wants us to go instead
}

// answer is an answer that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *Client) exchange(r call) (*exchange, error) {
	x := &exchange{c: c, call: r}
	var err error
	if x.body, x.media, err = r.encode(); err != nil {
		return nil, err
	}
	if x.url, x.shown = c.target(r.path, r.query); r.at != "" {
		x.url, x.shown = r.at, withoutQuery(r.at)
	}
	x.masks = slices.Concat(secretsIn(r.body), r.secrets, c.masks)
	return x, nil
}

// run sends the call until there is an answer to keep.
func (x *exchange) run(ctx context.Context, credential secret.Text) (answer, error) {
	if !credential.IsZero() {
		x.masks = append(x.masks, credential)
	}
	var body any // retryablehttp tells no body from an empty one by its type
	if x.body != nil {
		body = x.body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, x.call.method, x.url, body)
	if err != nil {
		return answer{}, x.failure(err)
	}
	req.Header = x.headers(credential, x.media)
	sender := &retryablehttp.Client{
		HTTPClient: &http.Client{Transport: x, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		RetryMax:   math.MaxInt, // checkRetry counts
		CheckRetry: x.checkRetry, Backoff: x.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	resp, err := sender.Do(req)
	if err != nil {
		return answer{}, x.failure(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body) // from memory: see attempt
	return answer{resp.StatusCode, resp.Header, data}, err
}

// failure explains why there is no answer.
func (x *exchange) failure(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err // its text has the query in it
	}
	what := x.call.method + " " + x.shown + ": "
	if cancelled(err) && x.last != nil { // a deadline alone would not say what was wrong
		return x.say(what+err.Error()+"; before that: "+x.last.Error(), errors.Join(err, x.last))
	}
	return x.say(what+err.Error()+x.tries()+advice(err), err)
}

// doubt marks the error of a write that may have been carried out all the same.
func (x *exchange) doubt(err error) error {
	if err == nil || x.call.effect == reads || !x.unknown {
		return err
	}
	return fmt.Errorf("%w: %w", ErrAmbiguous, err)
}

func (x *exchange) tries() string {
	if x.attempts < 2 {
		return ""
	}
	took := time.Since(x.began)
	if took > time.Second {
		took = took.Round(time.Second / 10)
	}
	return fmt.Sprintf(" (tried %d times in %s)", x.attempts, took.Round(time.Millisecond))
}

func cancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
