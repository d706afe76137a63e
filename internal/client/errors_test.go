package client_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
)

func body(code int, text string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status(code, header...)(w, r)
		_, _ = w.Write([]byte(text))
	}
}

// TestErrorBodies reads what servers, gateways and strangers answer.
func TestErrorBodies(t *testing.T) {
	const scim = `"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"]`
	for _, tt := range []struct {
		name   string
		script http.HandlerFunc
		want   api.Error
		gone   bool
	}{
		{"scim", body(404, `{`+scim+`,"detail":"User not found in the user store.","status":"404"}`),
			api.Error{Status: 404, SCIM: true, Message: "User not found in the user store."}, true},
		{"scim with a number and a type", body(409, `{`+scim+`,"scimType":"uniqueness","detail":"taken","status":409}`),
			api.Error{Status: 409, SCIM: true, ScimType: "uniqueness", Message: "taken"}, false},
		{"scim with another status", body(403, `{`+scim+`,"detail":"no","status":"404"}`), api.Error{Status: 403, SCIM: true, Message: "no"}, false},
		{"wso2's words in the type", body(400, `{`+scim+`,"scimType":"Agent username cannot contain domain name or be null.","detail":"Request is unparsable","status":"400"}`),
			api.Error{Status: 400, SCIM: true, Message: "Request is unparsable: Agent username cannot contain domain name or be null."}, false},
		{"ours", body(409, `{"code":"AGC-40901","message":"Limit reached","description":"2 live secrets","traceId":"t-1"}`, "X-Request-Id", "h-1"),
			api.Error{Status: 409, Code: api.CodeLimit, Message: "Limit reached: 2 live secrets", TraceID: "t-1"}, false},
		{"ours, gone", body(404, `{"code":"AGC-40402","message":"No secret","description":"No secret"}`),
			api.Error{Status: 404, Code: api.CodeNoSecret, Message: "No secret"}, true},
		{"a code that is a number", body(400, `{"code":900,"message":"bad"}`), api.Error{Status: 400, Message: "bad"}, false},
		{"oauth", body(400, `{"error":"invalid_scope","error_description":"unknown"}`), api.Error{Status: 400, Code: "invalid_scope", Message: "unknown: invalid_scope"}, false},
		{"empty", body(401, ``, "X-Correlation-Id", "c-1"), api.Error{Status: 401, TraceID: "c-1"}, false},
		{"a proxy's 404", body(404, `<html><head><title>x</title></head><body><h1>Not&nbsp;Found</h1><script>alert(1)</script><p>nginx</p></body>`, "activityid", "act"),
			api.Error{Status: 404, Message: "Not Found nginx", TraceID: "act"}, false},
		{"a framework's 404", body(404, `{"detail":"Not Found"}`), api.Error{Status: 404, Message: "Not Found"}, false},
		{"json of another kind", body(500, `{"oops":["a"]}`, "traceparent", "00-a-b-01"), api.Error{Status: 500, Message: `{"oops":["a"]}`, TraceID: "00-a-b-01"}, false},
		{"types that do not fit", body(400, `{"detail":{"a":1}}`), api.Error{Status: 400, Message: `{"detail":{"a":1}}`}, false},
		{"control characters", body(400, "a\x1b[31mred\x00\r\n\u202eb\xff"), api.Error{Status: 400, Message: "a[31mred b"}, false},
		{"control characters inside", body(400, `{`+scim+`,"detail":"a\u001b[2Jb\nc"}`), api.Error{Status: 400, SCIM: true, Message: "a[2Jb c"}, false},
		{"long", body(400, strings.Repeat("é", 5000)), api.Error{Status: 400, Message: strings.Repeat("é", 200) + "…"}, false},
		{"an unclosed tag", body(400, "bad <script>alert(1)"), api.Error{Status: 400, Message: "bad alert(1)"}, false},
		{"markup only", body(400, strings.Repeat("<p>", 100_000)), api.Error{Status: 400}, false},
		{"an evil trace id", body(400, `x`, "X-Request-Id", strings.Repeat("z", 500)), api.Error{Status: 400, Message: "x", TraceID: strings.Repeat("z", 100) + "…"}, false},
		{"wait", body(400, `x`, "Retry-After", "7"), api.Error{Status: 400, Message: "x", RetryAfter: 7 * time.Second}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := reference(tt.script).over(t, func(cfg *client.Config) { cfg.MaxRetries = -1 }).Agent(t.Context(), "a1")
			e, ok := errors.AsType[*api.Error](err)
			if !ok {
				t.Fatalf("error = %v, want an *api.Error", err)
			}
			if diff := cmp.Diff(tt.want, *e); diff != "" || e.Gone() != tt.gone {
				t.Errorf("Gone = %v; error (-want +got):\n%s", e.Gone(), diff)
			}
		})
	}
}

// TestNotAnAPI: a success that is none.
func TestNotAnAPI(t *testing.T) {
	html := body(200, "<html>Please sign in</html>", "Content-Type", "text/html; charset=utf-8")
	for _, tt := range []struct {
		name, call string
		script     http.HandlerFunc
		want       string
	}{
		{"html", "read", html, "was answered 200 with text/html; charset=utf-8, which is not JSON"},
		{"html for a write", "create", html, "which is not JSON"},
		{"html for a delete", "delete", html, "which is not JSON"},
		{"html for a secret", "put secret", html, "which is not JSON"},
		{"no type", "read", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = w.Write([]byte("hello"))
		}, "with a body of no type"},
		{"a JSON string", "read", body(200, `"hello"`), "which is not JSON"},
		{"an array", "read", body(200, `[]`), "JSON that cannot be read"},
		{"cut JSON", "read", body(200, `{"id":"a1"`), "JSON that cannot be read"},
		{"nothing", "read", status(200), "without a body"},
		{"no id", "read", body(200, `{"userName":"AGENT/a1"}`), "JSON that has no id"},
		{"no id of the new one", "create", body(201, `{}`), "JSON that has no id"},
		{"no secretId", "put secret", body(200, `{"status":"ACTIVE"}`), "JSON that has no secretId"},
		{"accepted", "create", body(202, `{}`), "took the request but has not done it yet"},
		{"accepted delete", "delete", status(202), "took the request but has not done it yet"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := reference(tt.script)
			c := f.over(t)
			err := calls(t)[tt.call](t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), c.BaseURL()+"/") {
				t.Fatalf("error = %v, want one with %q and the URL", err, tt.want)
			}
			if !strings.Contains(tt.name, "accepted") && !strings.Contains(err.Error(), "endpoint probably points at something that is not an agent API") {
				t.Errorf("error = %v does not say what to do", err)
			}
			if strings.Contains(err.Error(), "attributes=") {
				t.Errorf("error = %v has a query in it", err)
			}
			// Whether a write was done cannot be told from such an answer.
			if errors.Is(err, client.ErrAmbiguous) != (tt.call != "read") {
				t.Errorf("error = %v, ambiguous: %v", err, errors.Is(err, client.ErrAmbiguous))
			}
			if len(f.requests()) != 1 {
				t.Errorf("%d requests, want 1", len(f.requests()))
			}
		})
	}
}

func TestNotAList(t *testing.T) {
	for _, text := range []string{`{}`, `{"totalResults":0}`, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"Resources":[{"userName":"AGENT/x"}]}`} {
		for _, err := range reference(body(200, text)).over(t).FindAgents(t.Context(), nil) {
			if err == nil || !strings.Contains(err.Error(), "not an agent API") {
				t.Errorf("FindAgents of %s: %v", text, err)
			}
		}
	}
}

func TestRedirect(t *testing.T) {
	for _, tt := range []struct{ location, want string }{
		{"https://login.example/authorize?client_id=x&token=hunter2secret#f", "redirects to https://login.example/authorize, which is not followed: set endpoint"},
		{"https://me:hunter2secret@other.example/", "redirects to https://other.example/,"},
		{"", "redirects to another place"},
		{"http://%zz:hunter2secret", "redirects to another place"},
	} {
		f := reference(body(302, "<a>moved</a>", "Location", tt.location))
		for name, call := range calls(t) {
			err := call(t.Context(), f.over(t))
			e, ok := errors.AsType[*api.Error](err)
			if !ok || e.Status != 302 || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s to %s: %v, want %q", name, tt.location, err, tt.want)
			}
		}
		if got, want := len(f.requests()), len(calls(t)); got != want {
			t.Errorf("%s: %d requests, want %d: a redirect was followed", tt.location, got, want)
		}
	}
}

// TestTooLarge: no answer fills the memory, packed or not.
func TestTooLarge(t *testing.T) {
	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	for range 9 {
		_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	_ = z.Close()
	for name, script := range map[string]http.HandlerFunc{
		"plain":  body(200, strings.Repeat(" ", 9<<20)),
		"packed": body(200, bomb.String(), "Content-Encoding", "gzip"),
	} {
		f := reference(script)
		_, err := f.over(t).Agent(t.Context(), "a1")
		if err == nil || !strings.Contains(err.Error(), "larger than 8 MiB") || len(f.requests()) != 1 {
			t.Errorf("%s: %v after %d requests", name, err, len(f.requests()))
		}
	}
}

func TestErrorsSayNoMoreThanOnce(t *testing.T) {
	f := reference(body(503, `{"code":"AGC-50301","message":"busy"}`))
	_, err := f.over(t, func(cfg *client.Config) { cfg.MaxRetries = 2 }).Agent(t.Context(), "a1")
	want := "the server answered 503 (busy) (tried 3 times in"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error = %v, want %q…", err, want)
	}
	if errors.Is(err, client.ErrAmbiguous) {
		t.Error("a read is ambiguous")
	}
	if got := fmt.Sprint(errors.Is(err, &api.Error{Status: 503})); got != "true" {
		t.Error("the answer is not in the chain")
	}
}
