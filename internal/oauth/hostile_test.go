package oauth_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// right is a request of each endpoint that takes a body, which succeeds.
func (s *studio) right(t *testing.T, path string, bot user) request {
	t.Helper()
	r := request{path: path, header: bot.basic()}
	switch path {
	case "/oauth2/token":
		r.body = form("grant_type", "client_credentials", "scope", "openid")
	case "/oauth2/introspect", "/oauth2/revoke":
		r.body = form("token", s.token(t, bot), "token_type_hint", "access_token")
	case "/oauth2/authorize":
		r.header, r.body = nil, beginning(nil)
	case "/oauth2/authn":
		r.header, r.contentType, r.body = nil, "application/json", stepBody(s.flow(t), basicID, bot)
	default:
		t.Fatalf("%s has no right request: nothing hostile is sent there", path)
	}
	return r
}

// spoil is something wrong about a request, for forms and for JSON.
type spoil struct {
	name string
	do   func(r *request)
	want int // 0: 400 or 401, as the endpoint sees it
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func encoded(r *request, values ...string) {
	r.header = maps.Clone(r.header)
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header["Content-Encoding"] = values
}

// spoils are what is refused at every endpoint that takes a body.
func spoils() []spoil {
	all := []spoil{
		{"nothing", func(*request) {}, 200},
		{"no body", func(r *request) { r.body = "" }, 400},
		{"no type", func(r *request) { r.contentType = "-" }, 400},
		{"text", func(r *request) { r.contentType = "text/plain" }, 400},
		{"multipart", func(r *request) { r.contentType = "multipart/form-data; boundary=x" }, 400},
		{"type of nonsense", func(r *request) { r.contentType = "a/b/c;;=" }, 400},
		{"in the URL too", func(r *request) { r.path += "?a=b" }, 400},
		{"too large", func(r *request) { r.body += strings.Repeat(" ", 64<<10) }, 413},
		{"gzip", func(r *request) { r.body = packed(r.body); encoded(r, "gzip") }, 400},
		{"said to be gzip", func(r *request) { encoded(r, "gzip") }, 400},
		{"gzip twice", func(r *request) { encoded(r, "identity", "gzip") }, 400},
		{"a bomb", func(r *request) {
			r.body = packed(strings.Repeat("a", 50<<20))
			encoded(r, "gzip")
		}, 400},
		{"not packed, and said so", func(r *request) { encoded(r, "identity") }, 200},
		{"bytes", func(r *request) { r.body = "\xff\xfe\x00" }, 400},
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "BREW"} {
		all = append(all, spoil{method, func(r *request) { r.method = method }, 405})
	}
	return all
}

// ofForms are what is wrong with each parameter of a form.
func ofForms(body string) (all []spoil) {
	values, _ := url.ParseQuery(body)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		set := func(raw string) func(*request) {
			rest := maps.Clone(values)
			delete(rest, name)
			return func(r *request) { r.body = rest.Encode() + "&" + name + "=" + raw }
		}
		was := url.QueryEscape(values.Get(name))
		all = append(all,
			spoil{name + " twice", set(was + "&" + name + "=" + was), 400},
			spoil{name + " with a NUL", set(was + "%00"), 400},
			spoil{name + " not UTF-8", set(was + "%ff"), 400},
			spoil{name + " with a bad escape", set(was + "%zz"), 400},
			spoil{name + " with half an escape", set(was + "%"), 400},
			spoil{name + " with a semicolon", set(was + ";a=b"), 400},
		)
	}
	return all
}

// ofSteps are what is wrong with the JSON of a login.
func ofSteps(body string) (all []spoil) {
	replace := func(old, text string) func(*request) {
		return func(r *request) { r.body = strings.Replace(body, old, text, 1) }
	}
	for _, member := range []string{"flowId", "selectedAuthenticator", "authenticatorId", "params", "username", "password"} {
		quoted := `"` + member + `":`
		all = append(all,
			spoil{member + " twice", replace(quoted, quoted+`null,`+quoted), 400},
			spoil{member + " twice, in other letters", replace(quoted, `"`+strings.ToUpper(member)+`":null,`+quoted), 400},
			spoil{member + " is a list", replace(quoted, quoted+`["x"],"x":`), 400},
			spoil{member + " is null", replace(quoted, quoted+`null,"x":`), 400},
		)
	}
	return append(all,
		spoil{"two objects", func(r *request) { r.body = body + body }, 400},
		spoil{"cut off", func(r *request) { r.body = body[:len(body)-1] }, 400},
		spoil{"a list", func(r *request) { r.body = "[" + body + "]" }, 400},
		spoil{"not UTF-8", replace(`"password":"`, `"password":"`+"\xff"), 400},
		spoil{"with a NUL", replace(`"password":"`, `"password":"\u0000`), 400},
		spoil{"deep", func(r *request) { r.body = `{"x":` + strings.Repeat("[", 60_000) }, 400},
		spoil{"more members", replace(`{`, `{"x":{"y":[1]},`), 200},
	)
}

// TestHostile sends to every endpoint that takes a body what no client of good
// will sends. A new endpoint without a right request to spoil fails.
func TestHostile(t *testing.T) {
	s := newStudio(t)
	bot := s.bot(t, authority.AgentChange{})
	for _, route := range s.Routes() {
		if route.Method != http.MethodPost {
			continue
		}
		of := ofForms
		if route.Pattern == "/oauth2/authn" {
			of = ofSteps
		}
		all := append(spoils(), of(s.right(t, route.Pattern, bot).body)...)
		if right := s.right(t, route.Pattern, bot); right.header != nil {
			all = append(all,
				spoil{"Basic and the body", func(r *request) { r.body += "&" + form("client_id", bot.id, "client_secret", bot.secret) }, 400},
				spoil{"Bearer and the body", func(r *request) {
					r.header = bearer(s.token(t, bot))
					r.body += "&" + form("client_id", bot.id, "client_secret", bot.secret)
				}, 0},
				spoil{"two headers", func(r *request) {
					r.header["Authorization"] = append(r.header["Authorization"], r.header["Authorization"]...)
				}, 400},
				spoil{"another client_id", func(r *request) { r.body += "&client_id=other" }, 400},
			)
		}
		for _, tt := range all {
			t.Run(route.Pattern+"/"+tt.name, func(t *testing.T) {
				r := s.right(t, route.Pattern, bot)
				tt.do(&r)
				a := s.do(t, r)
				if tt.want != 0 && a.status != tt.want || a.status >= 500 || tt.want == 0 && a.status != 400 && a.status != 401 {
					t.Errorf("%d %s, want %d", a.status, a.text, tt.want)
				}
				if a.status == 405 && a.header.Get("Allow") != "POST" {
					t.Errorf("Allow: %q", a.header.Get("Allow"))
				}
				if r.method != "HEAD" {
					a.lawful(t, httptest.NewRequest(http.MethodPost, route.Pattern, nil))
				}
			})
		}
	}
}

// TestForged shows tokens that were made with what is public, as what is asked
// about and as the proof of who asks.
func TestForged(t *testing.T) {
	o := newOffice(t)
	bot, watcher := o.bot(t, authority.AgentChange{}), o.client(t, "watcher", oauth.ScopeIntrospect)
	right := o.token(t, watcher, "scope", oauth.ScopeIntrospect)
	parsed, _, err := jwt.NewParser().ParseUnverified(right, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	keys := o.do(t, request{method: "GET", path: "/oauth2/jwks"}).text
	forge := func(method jwt.SigningMethod, key any, header map[string]any) string {
		j := jwt.NewWithClaims(method, parsed.Claims)
		j.Header["kid"], j.Header["typ"] = parsed.Header["kid"], parsed.Header["typ"]
		maps.Copy(j.Header, header)
		text, err := j.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	signature := right[strings.LastIndex(right, "."):]
	unsigned := forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)
	for name, text := range map[string]string{
		"alg none":                       unsigned,
		"alg none with a signature":      strings.TrimSuffix(unsigned, ".") + signature,
		"HS256 with the public key":      forge(jwt.SigningMethodHS256, []byte(keys), nil),
		"no signature":                   strings.TrimSuffix(right, signature) + ".",
		"crit":                           forge(jwt.SigningMethodHS256, []byte(keys), map[string]any{"crit": []string{"x"}, "x": 1}),
		"a kid that is a path":           forge(jwt.SigningMethodHS256, []byte(""), map[string]any{"kid": "/dev/null"}),
		"as long as a header may be":     right + strings.Repeat("A", 200<<10),
		"JSON":                           `{"payload":"e30","signatures":[{}]}`,
		"the secret that it was made by": watcher.secret,
	} {
		if a := o.do(t, request{path: "/oauth2/introspect", header: watcher.basic(), body: form("token", text[:min(len(text), 60<<10)])}); a.outcome(t) != inactive {
			t.Errorf("%s, asked about: %d %s", name, a.status, a.text)
		}
		a := o.do(t, request{path: "/oauth2/introspect", header: bearer(text), body: form("token", o.token(t, bot))})
		if len(text) < 100<<10 {
			a.wantError(t, 401, "invalid_token")
		} else if a.status != 401 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
		if a := o.do(t, request{path: "/oauth2/revoke", header: watcher.basic(), body: form("token", text[:min(len(text), 60<<10)])}); a.status != 200 {
			t.Errorf("%s, to be revoked: %d %s", name, a.status, a.text)
		}
	}
	if a := o.do(t, request{path: "/oauth2/introspect", header: bearer(right), body: form("token", right)}); a.outcome(t) != active {
		t.Errorf("the right one after that: %d %s", a.status, a.text)
	}
}

// TestFlood fails ten thousand times, in the name of an agent and of ids that
// nobody has, from as many addresses as there are failures, while the agent
// goes on getting its tokens. Nothing of it stays in memory.
func TestFlood(t *testing.T) {
	const failures, senders = 10_000, 256
	s := &studio{}
	s.office = newOfficeOf(t, authority.Config{}, oauth.Config{
		App:     &oauth.Application{ClientID: appID, RedirectURI: redirect},
		Address: func(r *http.Request) string { return r.Header.Get("X-Test-Address") },
	})
	bot := s.bot(t, authority.AgentChange{})
	send := func(header http.Header, address string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", strings.NewReader(grant))
		r.Header = header
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Test-Address", address)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	before := inUse()
	var sent, refused, throttled atomic.Int64
	var done sync.WaitGroup
	for range senders {
		done.Go(func() {
			for n := sent.Add(1); n <= failures; n = sent.Add(1) {
				id, address := bot.id, "192.0.2.1"
				switch n % 4 {
				case 1:
					address = fmt.Sprint("198.51.100.", n)
				case 2:
					id = fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
				}
				switch status := send(user{id, secret.Generate().Reveal()}.basic(), address); status {
				case http.StatusUnauthorized:
					refused.Add(1)
				case http.StatusTooManyRequests:
					throttled.Add(1)
				default:
					t.Errorf("failure %d = %d", n, status)
				}
				if n%100 == 0 {
					if status := send(bot.basic(), "192.0.2.1"); status != http.StatusOK {
						t.Errorf("the right secret after %d failures = %d", n, status)
					}
				}
			}
		})
	}
	done.Wait()
	// What was throttled is what came from the one address, but for the first
	// hundred and those that the time gave back.
	if got := throttled.Load(); got+refused.Load() != failures || got < failures/2 || got > failures*3/4 {
		t.Errorf("%d were refused and %d throttled", refused.Load(), got)
	}
	if more := int64(inUse()) - int64(before); more > 16<<20 {
		t.Errorf("%d KiB more are in use", more>>10)
	}
}

// inUse is how much memory is in use when nothing runs.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
