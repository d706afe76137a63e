package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// effect says what a request does when it is sent twice.
type effect int

const (
	// once: twice is not as once. It is repeated only after a refusal.
	once effect = iota
	// replays: twice is as once.
	replays
	// reads: it changes nothing.
	reads
)

// call is one request, however often it is sent.
type call struct {
	method string
	path   string // below the base URL, escaped
	query  url.Values
	header map[string]string
	body   any        // nil: none
	form   url.Values // sent instead of a body
	effect effect
	// shielded: an attempt that is on its way is not cancelled, because its
	// answer cannot be had again.
	shielded bool
	// own: it is signed in by itself, with credential, if there is one, and
	// not as the client is.
	own        bool
	credential secret.Text
	// assert makes a client_assertion for the form, for each attempt another:
	// one is good once.
	assert func() (string, error)
	// transport sends it instead of the client's; at is where to, instead of
	// path. Their zero values change nothing.
	transport http.RoundTripper
	at        string
	// needs are scopes that it takes beside those of agents.
	needs []string
	// secrets are in it where secretsIn does not look.
	secrets []secret.Text
}

// nothing is what is asked for when only success counts.
type nothing struct{}

// do sends a call and reads what it answers.
func do[T any](ctx context.Context, c *Client, r call) (T, error) {
	var v T
	x, err := c.exchange(r)
	if err != nil {
		return v, err
	}
	a, err := x.send(ctx)
	if err == nil {
		err = x.judge(a, &v)
	}
	return v, x.doubt(err)
}

// send runs the attempts. A 401 is worth a new token, once.
func (x *exchange) send(ctx context.Context) (answer, error) {
	for renewed := false; ; renewed = true {
		credential, err := x.authorize(ctx)
		if err != nil {
			return answer{}, err
		}
		a, err := x.run(ctx, credential)
		if err == nil && a.status == http.StatusUnauthorized && !renewed && x.renew(credential) {
			continue
		}
		return a, err
	}
}

func (x *exchange) authorize(ctx context.Context) (secret.Text, error) {
	if x.call.own || x.c.auth == nil {
		return x.call.credential, nil
	}
	return x.c.auth.header(ctx, x.call.needs)
}

func (x *exchange) renew(credential secret.Text) bool {
	return !x.call.own && x.c.auth != nil && x.c.auth.refused(credential)
}

// encode gives the body and its media type; WSO2 answers 406 where that is
// missing.
func (r call) encode() ([]byte, string, error) {
	switch {
	case r.form != nil:
		return []byte(r.form.Encode()), "application/x-www-form-urlencoded", nil
	case r.body == nil:
		return nil, "", nil
	}
	media := "application/json"
	if strings.HasPrefix(r.path, "/scim2/") {
		media = api.MediaType
	}
	data, err := api.Encode(r.body)
	return data, media, err
}

func (x *exchange) headers(credential secret.Text, media string) http.Header {
	h := http.Header{"Accept": {api.MediaType + ", application/json"}}
	if media != "" {
		h.Set("Content-Type", media)
	}
	if ua := x.c.cfg.UserAgent; ua != "" {
		h.Set("User-Agent", ua)
	}
	if !credential.IsZero() {
		h.Set("Authorization", credential.Reveal())
	}
	for name, value := range x.call.header {
		h.Set(name, value)
	}
	return h
}

// checkID refuses what would name another thing in a path: nothing, a
// collection, or the folder above.
func checkID(what, id string) error {
	if id == "" || strings.HasPrefix(id, ".") || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("%q is not the id of %s", id, what)
	}
	if after, ok := strings.CutPrefix(id, api.UserNamePrefix); ok {
		return fmt.Errorf("%q is the user name of an agent: its id is %q", id, after)
	}
	return nil
}
