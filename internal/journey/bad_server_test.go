//go:build unix

package journey_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

const remote = "\nprovider \"agentcreds\" {}\n"

// wrongServers are servers that are not what they should be.
func wrongServers() []wrong {
	rotated := config(remote, `rotation_trigger = { by = "me" }`)
	list := []wrong{
		{name: "server-speaks-html", says: []string{"endpoint", "text/html"},
			make: instead(200, "<!DOCTYPE html><title>Sign in</title><p>Welcome")},
		{name: "server-answers-404-in-html", says: []string{"endpoint", "accept_new_store"},
			make: instead(404, "<!DOCTYPE html><title>Not Found</title><h1>Not Found</h1>")},
		{name: "server-redirects", says: []string{"endpoint"}, make: instead(302, "Moved")},
		{name: "gateway-without-server", says: []string{"502", "endpoint"}, within: time.Minute,
			make: instead(502, "<html><h1>Bad Gateway</h1></html>")},
		{name: "port-closed", says: []string{"endpoint", "127.0.0.1:"}, within: time.Minute,
			make: func(b *wreck) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				b.check(err)
				b.check(l.Close())
				b.w.env = b.s.env("http://" + l.Addr().String())
			}},
		{name: "token-wrong", says: []string{"access_token", "401"},
			make: func(b *wreck) {
				b.w.env = []string{"AGENTCREDS_ENDPOINT=" + b.px.url, "AGENTCREDS_ACCESS_TOKEN=not-the-token"}
			}},
		{name: "id-of-a-person", says: []string{"AGENT/", "person"}, make: people},
		{name: "id-of-a-person-destroyed", says: []string{"AGENT/", "person"}, make: people, args: []string{"-destroy"}},
		{name: "server-without-credentials", says: []string{"endpoint", "accept_new_store"}, config: rotated,
			make: func(b *wreck) {
				b.px.change(replace("/scim2/ServiceProviderConfig", "extension:credentials:1.0:ServiceProviderConfig", "extension:other:1.0:ServiceProviderConfig"))
			}},
		{name: "server-with-another-store", says: []string{"accept_new_store", "127.0.0.1:"},
			make: func(b *wreck) {
				other := serve(b, b.w.path("other.db"))
				_, err := other.call(http.MethodPost, "/scim2/Agents", map[string]any{agentSchema: map[string]string{"DisplayName": "First"}}, nil)
				b.check(err)
				b.w.env = other.env(other.url)
			}},
	}
	for i := range list {
		list[i].with, list[i].repair = withServer, toServer
	}
	return list
}

func withServer(b *wreck) {
	b.good = config(remote)
	b.s = serve(b, b.w.path(database))
	b.px = newProxy(b, b.s.url)
	toServer(b)
}

// toServer leads the provider to the right server, by an honest proxy.
func toServer(b *wreck) {
	b.px.change(nil)
	b.w.env = b.s.env(b.px.url)
}

// instead puts a server in the place of ours that has one page for all.
func instead(status int, page string) func(*wreck) {
	return func(b *wreck) {
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Location", "https://sign-in.example.com/?session=1")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, page)
		}))
		b.Cleanup(front.Close)
		b.w.env = b.s.env(front.URL)
	}
}

// people makes every agent a person, as an id on a WSO2 server may be.
func people(b *wreck) {
	b.px.change(replace("/scim2/Agents", `"userName":"AGENT/`, `"userName":"staff/`))
}

// replace changes words in the answers to the requests of a path.
func replace(path, old, with string) alteration {
	return func(r *http.Request, answer []byte) []byte {
		if !strings.HasPrefix(r.URL.Path, path) {
			return answer
		}
		return bytes.ReplaceAll(answer, []byte(old), []byte(with))
	}
}
