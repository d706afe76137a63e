package oauth_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const grant = "grant_type=client_credentials"

func TestToken(t *testing.T) {
	o := newOffice(t)
	bot := o.bot(t, authority.AgentChange{Scopes: &[]string{"read", "write"}, Audiences: &[]string{api}})
	post := form("client_id", bot.id, "client_secret", bot.secret)
	for name, r := range map[string]request{
		"basic":                    {header: bot.basic(), body: grant},
		"basic in lower case":      {header: http.Header{"Authorization": {strings.Replace(bot.basic().Get("Authorization"), "Basic", "basic", 1)}}, body: grant},
		"post":                     {body: grant + "&" + post},
		"basic and its client_id":  {header: bot.basic(), body: grant + "&client_id=" + bot.id},
		"charset":                  {header: bot.basic(), body: grant, contentType: "application/x-www-form-urlencoded; charset=UTF-8"},
		"unknown parameters":       {header: bot.basic(), body: grant + "&color=blue"},
		"empty parameters":         {header: bot.basic(), body: grant + "&client_secret=&scope=&resource="},
		"two resources":            {header: bot.basic(), body: grant + "&resource=" + url.QueryEscape(api) + "&resource=" + url.QueryEscape(o.url)},
		"a resource, an audience":  {header: bot.basic(), body: grant + "&resource=" + url.QueryEscape(api) + "&audience=" + url.QueryEscape(o.url)},
		"the same scope, two ways": {header: bot.basic(), body: grant + "&scope=++"},
	} {
		t.Run(name, func(t *testing.T) {
			r.path = "/oauth2/token"
			a := o.do(t, r)
			if a.status != 200 || a.json["token_type"] != "Bearer" || a.json["expires_in"] != 600.0 || len(a.json) != 3 {
				t.Fatalf("%d %s", a.status, a.text)
			}
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", a.header)
			}
			if _, err := o.Inspect(t.Context(), secret.New(fmt.Sprint(a.json["access_token"]))); err != nil {
				t.Error(err)
			}
		})
	}
}

// The answer says what was granted of what was asked for, also if it is nothing;
// who asked for nothing is told nothing.
func TestToken_scope(t *testing.T) {
	o := newOffice(t)
	bot := o.bot(t, authority.AgentChange{Scopes: &[]string{"read", "write"}})
	for asked, want := range map[string]any{"": nil, "write": "write", "read+admin": "read", "openid": "", "admin+internal_agent_mgt_view": ""} {
		a := o.do(t, request{path: "/oauth2/token", header: bot.basic(), body: grant + "&scope=" + asked})
		if got, there := a.json["scope"]; a.status != 200 || got != want || there != (asked != "") {
			t.Errorf("scope=%s: %d %s", asked, a.status, a.text)
		}
	}
	odd := o.bot(t, authority.AgentChange{Scopes: &[]string{"<a&b>"}})
	if a := o.do(t, request{path: "/oauth2/token", header: odd.basic(), body: grant + "&scope=%3Ca%26b%3E"}); !strings.Contains(a.text, `"scope":"<a&b>"`) {
		t.Errorf("a scope with signs of HTML is not written as it is: %s", a.text)
	}
}

// The errors of RFC 6749 §5.2, and what no client should send.
func TestToken_errors(t *testing.T) {
	o := newOffice(t)
	bot := o.bot(t, authority.AgentChange{})
	post := form("client_id", bot.id, "client_secret", bot.secret)
	right := bot.basic()
	raw := func(text string) http.Header {
		return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(text))}}
	}
	const bad, client = "invalid_request", "invalid_client"
	for _, tt := range []struct {
		name   string
		r      request
		status int
		code   string
	}{
		{"no grant", request{header: right}, 400, bad},
		{"another grant", request{header: right, body: "grant_type=password"}, 400, "unsupported_grant_type"},
		{"grant twice", request{header: right, body: grant + "&" + grant}, 400, bad},
		{"scope twice", request{header: right, body: grant + "&scope=a&scope=b"}, 400, bad},
		{"client_id twice", request{body: grant + "&client_id=a&" + post}, 400, bad},
		{"nobody", request{body: grant}, 401, client},
		{"id alone", request{body: grant + "&client_id=" + bot.id}, 401, client},
		{"secret alone", request{body: grant + "&client_secret=" + bot.secret}, 401, client},
		{"empty secret", request{body: grant + "&client_secret=&client_id=" + bot.id}, 401, client},
		{"wrong secret", request{body: grant + "&client_secret=x&client_id=" + bot.id}, 401, client},
		{"Basic and body", request{header: right, body: grant + "&" + post}, 400, bad},
		{"another client_id", request{header: right, body: grant + "&client_id=other"}, 400, bad},
		{"two headers", request{header: http.Header{"Authorization": {right.Get("Authorization"), right.Get("Authorization")}}, body: grant}, 400, bad},
		{"Bearer", request{header: bearer("x"), body: grant}, 401, client},
		{"Digest", request{header: http.Header{"Authorization": {"Digest x"}}, body: grant}, 401, client},
		{"no scheme", request{header: http.Header{"Authorization": {"x"}}, body: grant}, 401, client},
		{"not base64", request{header: http.Header{"Authorization": {"Basic %"}}, body: grant}, 401, client},
		{"no colon", request{header: raw(bot.id), body: grant}, 401, client},
		{"empty pair", request{header: raw(":"), body: grant}, 401, client},
		{"empty Basic secret", request{header: raw(bot.id + ":"), body: grant}, 401, client},
		{"bad escape", request{header: raw(bot.id + ":%zz"), body: grant}, 401, client},
		{"NUL in Basic", request{header: raw(bot.id + ":a%00"), body: grant}, 401, client},
		{"NUL in the body", request{header: right, body: grant + "&scope=a%00b"}, 400, bad},
		{"not UTF-8", request{header: right, body: grant + "&scope=%ff"}, 400, bad},
		{"not a form", request{header: right, body: grant + "&%zz"}, 400, bad},
		{"semicolon", request{header: right, body: grant + ";a=b"}, 400, bad},
		{"query", request{path: "?" + grant, header: right}, 400, bad},
		{"query beside", request{path: "?a=b", header: right, body: grant}, 400, bad},
		{"JSON", request{header: right, body: `{"grant_type":"client_credentials"}`, contentType: "application/json"}, 400, bad},
		{"no type", request{header: right, body: grant, contentType: "-"}, 400, bad},
		{"latin 1", request{header: right, body: grant, contentType: "application/x-www-form-urlencoded; charset=latin1"}, 400, bad},
		{"multipart", request{header: right, body: grant, contentType: "multipart/form-data; boundary=x"}, 400, bad},
		{"another audience", request{header: right, body: grant + "&audience=x"}, 400, "invalid_target"},
		{"another resource", request{header: right, body: grant + "&resource=https://x.example"}, 400, "invalid_target"},
		{"management", request{header: right, body: grant + "&resource=" + url.QueryEscape(o.url+"/manage")}, 400, "invalid_target"},
		{"GET", request{method: "GET", header: right}, 405, bad},
		{"HEAD", request{method: "HEAD", header: right}, 405, ""},
		{"OPTIONS", request{method: "OPTIONS"}, 405, bad},
		{"PUT", request{method: "PUT", header: right, body: grant}, 405, bad},
		{"unknown method", request{method: "BREW", header: right, body: grant}, 405, bad},
		{"unknown path", request{path: "/x", header: right, body: grant}, 404, bad},
		{"slash", request{path: "/", header: right, body: grant}, 404, bad},
		{"too large", request{header: right, body: grant + "&a=" + strings.Repeat("x", 64<<10)}, 413, bad},
		{"many parameters", request{header: right, body: grant + strings.Repeat("&a=", 10_000)}, 400, bad},
		{"long id", request{header: user{strings.Repeat("i", 20_000), bot.secret}.basic(), body: grant}, 401, client},
		{"long secret", request{header: user{bot.id, strings.Repeat("s", 20_000)}.basic(), body: grant}, 401, client},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.r.path = "/oauth2/token" + tt.r.path
			a := o.do(t, tt.r)
			if tt.r.method == "HEAD" {
				if a.status != tt.status || a.text != "" {
					t.Errorf("%d %q", a.status, a.text)
				}
			} else {
				a.wantError(t, tt.status, tt.code)
			}
			if tt.status == 405 && a.header.Get("Allow") != "POST" {
				t.Errorf("Allow: %q", a.header.Get("Allow"))
			}
			challenge := a.header.Get("WWW-Authenticate")
			if (challenge != "") != (tt.status == 401 && len(tt.r.header["Authorization"]) > 0) || challenge != "" && !strings.HasPrefix(challenge, `Basic realm="`) {
				t.Errorf("WWW-Authenticate: %q", challenge)
			}
		})
	}
}

// Whoever fails to log in gets the same answer, byte for byte; who fails too
// often is told when to try again, and a right secret passes all the same.
func TestToken_failures(t *testing.T) {
	o := newOffice(t)
	bot, blocked := o.bot(t, authority.AgentChange{}), o.bot(t, authority.AgentChange{})
	keyed := o.bot(t, authority.AgentChange{AuthMethods: &[]string{"private_key_jwt"}})
	if _, err := o.ChangeAgent(t.Context(), admin, blocked.id, authority.AgentChange{Active: new(false)}); err != nil {
		t.Fatal(err)
	}
	wrong := user{bot.id, secret.Generate().Reveal()}
	ask := func(u user) answer { return o.do(t, request{path: "/oauth2/token", header: u.basic(), body: grant}) }
	want := ask(wrong)
	want.header.Del("Date")
	for name, u := range map[string]user{
		"unknown": {"11111111-1111-4111-8111-111111111111", bot.secret}, "blocked": blocked, "method": keyed, "empty": {bot.id, ""}, "short": {bot.id, "x"},
	} {
		a := ask(u)
		a.header.Del("Date")
		if a.status != want.status || a.text != want.text || len(a.header) != len(want.header) {
			t.Errorf("%s: %d %s %v\nwant  %d %s %v", name, a.status, a.text, a.header, want.status, want.text, want.header)
		}
	}
	for range 20 {
		want = ask(wrong)
	}
	want.wantError(t, 429, "invalid_client")
	if after := want.header.Get("Retry-After"); after == "" || after > "6" {
		t.Errorf("Retry-After: %q", after)
	}
	o.token(t, bot)
}

// A foreign client library gets tokens in both ways, whatever the secret is
// made of.
func TestToken_xoauth2(t *testing.T) {
	o := newOffice(t)
	for _, value := range []string{"", "Aa1:+%&= ?#/\"'\\ü€🔑-._~", "Aa1%20%zz+plus+plus"} {
		change := authority.AgentChange{Scopes: &[]string{"read"}, Audiences: &[]string{api}}
		if value != "" {
			change.Password = secret.New(value)
		}
		bot := o.bot(t, change)
		for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
			cfg := clientcredentials.Config{
				ClientID: bot.id, ClientSecret: bot.secret, TokenURL: o.url + "/oauth2/token", Scopes: []string{"read", "write"}, AuthStyle: style,
				EndpointParams: url.Values{"resource": {api}},
			}
			token, err := cfg.Token(t.Context())
			if err != nil {
				t.Errorf("secret %q, style %d: %v", bot.secret, style, err)
				continue
			}
			c, err := o.Inspect(t.Context(), secret.New(token.AccessToken))
			if err != nil || c.Subject != bot.id || c.Scope != "read" || c.Audience[0] != api || token.Type() != "Bearer" || time.Until(token.Expiry) < 9*time.Minute {
				t.Errorf("style %d: %+v, %v", style, c, err)
			}
		}
	}
}
