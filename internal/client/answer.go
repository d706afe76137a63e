package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
)

const (
	maxForeign = 200 // characters of a body that speaks no language of ours
	maxMessage = 600 // characters of a server's own words
	maxTrace   = 100
)

// errForeign: the answer is not what was asked for.
var errForeign = errors.New("it does not come from an agent API")

// judge makes a value or an error of an answer.
func (x *exchange) judge(a answer, into any) error {
	switch {
	case a.status == http.StatusAccepted:
		x.unknown = true
		return x.say(fmt.Sprintf("%s %s was answered 202: the server took the request but has not done it yet; perhaps somebody must approve it",
			x.call.method, x.shown), nil)
	case a.status/100 == 2:
		return x.decode(a, into)
	}
	err := x.refusal(a)
	// A delete whose first answer was lost finds nothing the second time:
	// it was ours.
	if x.call.method == http.MethodDelete && x.unclear && (err.Gone() || err.Code == api.CodeDead) {
		return nil
	}
	return x.explain(err)
}

// decode reads the body of a success. One that is not what we asked for does
// not come from an agent API, or the answer was lost on its way.
func (x *exchange) decode(a answer, into any) error {
	body := bytes.TrimSpace(a.body)
	_, any2xx := into.(*nothing)
	if any2xx && len(body) == 0 {
		return nil
	}
	problem := ""
	switch isJSON := len(body) > 0 && (body[0] == '{' || body[0] == '['); {
	case len(body) == 0 && x.changesAgent(into):
		return nil // see write
	case len(body) == 0:
		problem = "without a body"
	case !isJSON:
		problem = "with " + x.mediaType(a) + ", which is not JSON"
	case any2xx:
		return nil
	default:
		if x.c.server.load().Kind == KindWSO2 {
			body = asWritten(body)
		}
		if err := json.Unmarshal(body, into); err != nil {
			problem = "with JSON that cannot be read (" + x.plain(err.Error(), maxForeign) + ")"
		} else if lack := lacks(into); lack != "" {
			problem = "with JSON that has no " + lack
		}
	}
	if problem == "" {
		return nil
	}
	x.unknown = true
	return x.say(fmt.Sprintf("%s %s was answered %d %s; endpoint probably points at something that is not an agent API",
		x.call.method, x.shown, a.status, problem), errForeign)
}

// changesAgent reports whether the call changes an agent: some servers answer
// that with nothing but a status.
func (x *exchange) changesAgent(into any) bool {
	_, agent := into.(*api.Agent)
	return agent && (x.call.method == http.MethodPatch || x.call.method == http.MethodPut)
}

func (x *exchange) mediaType(a answer) string {
	if t := x.plain(a.header.Get("Content-Type"), maxTrace); t != "" {
		return t
	}
	return "a body of no type"
}

// lacks names what makes an answer useless when it is missing.
func lacks(v any) string {
	noID := func(a api.Agent) bool { return a.ID == "" }
	switch v := v.(type) {
	case *api.Agent:
		if noID(*v) {
			return "id"
		}
	case *api.List[api.Agent]:
		if !slices.Contains(v.Schemas, api.SchemaList) && len(v.Resources) == 0 && v.TotalResults+v.StartIndex == 0 {
			return "list of SCIM"
		}
		if slices.ContainsFunc(v.Resources, noID) {
			return "id of an agent"
		}
	case *api.Secret:
		if v.SecretID == "" {
			return "secretId"
		}
	case *api.ServerConfig:
		if len(v.Schemas) == 0 && len(v.AuthenticationSchemes) == 0 {
			return "configuration of SCIM"
		}
	case *tokenAnswer:
		if v.AccessToken.IsZero() {
			return "access_token"
		}
	}
	return ""
}

// errorBody is what servers answer: SCIM, our API and WSO2's, OAuth. Members
// that some send as numbers are taken as they come.
type errorBody struct {
	Schemas     []string `json:"schemas"`
	ScimType    string   `json:"scimType"`
	Detail      string   `json:"detail"`
	Code        any      `json:"code"`
	Message     string   `json:"message"`
	Description string   `json:"description"`
	TraceID     string   `json:"traceId"`
	OAuth       string   `json:"error"`
	OAuthText   string   `json:"error_description"`
}

// refusal reads the answer of a request that was not a success.
func (x *exchange) refusal(a answer) *api.Error {
	e := &api.Error{Status: a.status, RetryAfter: retryAfter(a.header), TraceID: x.trace(a.header)}
	if a.status/100 == 3 {
		e.Message = "redirects to " + x.plain(withoutQuery(x.moved), maxForeign) + ", which is not followed: set endpoint to where the API is"
		return e
	}
	var b errorBody
	if err := json.Unmarshal(a.body, &b); err != nil || !b.known() {
		e.Message = x.readable(string(a.body), maxForeign)
		return e
	}
	e.SCIM = slices.Contains(b.Schemas, api.SchemaError)
	e.Message = x.plain(b.text(), maxMessage)
	if code, ok := b.Code.(string); ok {
		e.Code = api.Code(x.plain(code, maxTrace))
	} else if b.OAuth != "" {
		e.Code = api.Code(x.plain(b.OAuth, maxTrace))
	}
	if !strings.Contains(b.ScimType, " ") {
		e.ScimType = x.plain(b.ScimType, maxTrace)
	}
	if b.TraceID != "" {
		e.TraceID = x.plain(b.TraceID, maxTrace)
	}
	return e
}

func (b errorBody) known() bool {
	return b.Detail != "" || b.Message != "" || b.Description != "" || b.OAuth != "" || slices.Contains(b.Schemas, api.SchemaError)
}

// text joins what there is. WSO2 sometimes writes its words where the SCIM type
// belongs.
func (b errorBody) text() string {
	parts := []string{b.Detail, b.Message, b.Description, b.OAuthText, b.OAuth}
	if strings.Contains(b.ScimType, " ") {
		parts = append(parts, b.ScimType)
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return strings.TrimSpace(s) == "" })
	return strings.Join(slices.Compact(parts), ": ")
}

// trace is the id under which the server's log has the request.
func (x *exchange) trace(h http.Header) string {
	for _, name := range []string{"X-Request-Id", "X-Correlation-Id", "Activityid", "Traceparent"} {
		if v := x.plain(h.Get(name), maxTrace); v != "" {
			return v
		}
	}
	return ""
}

func withoutQuery(location string) string {
	u, err := url.Parse(location)
	if err != nil || location == "" {
		return "another place"
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment = nil, "", false, ""
	return u.String()
}

// explain says why the call was given up.
func (x *exchange) explain(e *api.Error) error {
	passing := e.Status == http.StatusTooManyRequests || e.Status >= 500
	switch {
	case passing && e.RetryAfter > maxRetryAfter:
		return x.say(fmt.Sprintf("%v; it asks to wait %s, and no more than %s is waited", e, e.RetryAfter, maxRetryAfter), e)
	case passing && x.attempts > 1:
		return x.say(e.Error()+x.tries(), e)
	}
	return e
}

// reason is the text of an attempt that is repeated.
func (x *exchange) reason(resp *http.Response, err error) error {
	if err != nil {
		return x.failure(err)
	}
	return &api.Error{Status: resp.StatusCode, TraceID: x.trace(resp.Header)}
}
