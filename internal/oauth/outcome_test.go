package oauth_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/oauth"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// Whoever watches for logins that fail must see those at every endpoint: once
// the token endpoint alone was counted, by the status of its answers, while a
// wrong secret at the authn endpoint is answered with 200.
func TestOutcomes(t *testing.T) {
	var got []oauth.Outcome
	s := &studio{}
	s.office = newOfficeOf(t, authority.Config{Now: s.now}, oauth.Config{
		App:   &oauth.Application{ClientID: appID, RedirectURI: redirect},
		Count: func(how oauth.Outcome) { got = append(got, how) },
	})
	right, throttled := s.bot(t, authority.AgentChange{}), user{"nobody", "chosen by people"}
	wrong := user{right.id, secret.Generate().Reveal()}
	for range 10 {
		s.do(t, request{path: "/oauth2/token", header: throttled.basic(), body: grant})
	}
	post := func(path string, u user, body string) func() {
		return func() { s.do(t, request{path: path, header: u.basic(), body: body}) }
	}
	about := form("token", "x")
	shown := http.Header{"Authorization": {"Bearer " + s.token(t, right)}}
	code, flow, old := s.code(t, right), s.flow(t), s.flow(t)
	authn := func(flow string, u user) func() { return func() { s.step(t, flow, basicID, u) } }
	for _, tt := range []struct {
		name string
		act  func()
		want []oauth.Outcome
	}{
		{"a token", post("/oauth2/token", right, grant), []oauth.Outcome{oauth.Issued}},
		{"no token", post("/oauth2/token", wrong, grant), []oauth.Outcome{oauth.Refused}},
		{"too often", post("/oauth2/token", throttled, grant), []oauth.Outcome{oauth.Throttled}},
		{"nothing that can be read", post("/oauth2/token", right, ""), []oauth.Outcome{oauth.BadRequest}},
		{"a question", post("/oauth2/introspect", right, about), []oauth.Outcome{oauth.Accepted}},
		{"no answer", post("/oauth2/introspect", wrong, about), []oauth.Outcome{oauth.Refused}},
		{"no end of a token", post("/oauth2/revoke", wrong, about), []oauth.Outcome{oauth.Refused}},
		{"by a token", func() { s.do(t, request{path: "/oauth2/introspect", header: shown, body: about}) }, nil},
		{"a login that begins", func() { s.flow(t) }, nil},
		{"no code", authn(flow, wrong), []oauth.Outcome{oauth.Refused}},
		{"no code, too often", authn(flow, throttled), []oauth.Outcome{oauth.Throttled}},
		{"no flow", authn("x", right), []oauth.Outcome{oauth.BadRequest}},
		{"no step", func() { s.do(t, request{path: "/oauth2/authn", body: "{}", contentType: "application/json"}) }, []oauth.Outcome{oauth.BadRequest}},
		{"a code", authn(flow, right), []oauth.Outcome{oauth.Accepted}},
		{"the token for it", func() { s.exchange(t, code) }, []oauth.Outcome{oauth.Issued}},
		{"a code again", func() { s.exchange(t, code) }, []oauth.Outcome{oauth.BadRequest}},
		{"a flow that took too long", func() { s.later(time.Hour); s.step(t, old, basicID, right) }, []oauth.Outcome{oauth.BadRequest}},
	} {
		got = nil
		tt.act()
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
