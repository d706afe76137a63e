package oauth_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

// left are the entries that something leaves in the audit, each as a line: who,
// what, the result and why, and the names of the facts.
func (o *office) left(t *testing.T, act func()) []string {
	t.Helper()
	head, err := o.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	act()
	found, err := o.AuditEvents(t.Context(), authority.AuditQuery{After: head.Seq})
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{}
	for _, e := range found {
		if e.Action == "key.create" { // with the first token of all
			continue
		}
		who := strings.TrimPrefix(e.Actor, "agent:")
		if e.AgentID != "" && e.AgentID != who {
			who += " to " + e.AgentID
		}
		if e.AgentID == "" && strings.HasPrefix(e.Actor, "agent:") {
			t.Errorf("entry %d of %s is about the agent %q", e.Seq, e.Actor, e.AgentID)
		}
		if e.Time.IsZero() || time.Since(e.Time) > time.Minute {
			t.Errorf("entry %d is of %v", e.Seq, e.Time)
		}
		if e.Outcome == "done" && e.Target == "" {
			t.Errorf("entry %d does not name the credential", e.Seq)
		}
		facts := strings.Join(slices.Sorted(maps.Keys(e.Detail)), " ")
		if at := e.Detail["address"]; e.Detail["method"] != "" && at != "127.0.0.1" {
			t.Errorf("entry %d comes from %q", e.Seq, at)
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s [%s]", who, e.Action, e.Outcome, e.Reason, facts)))
	}
	return lines
}

func (o *office) wantLeft(t *testing.T, what string, act func(), want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, o.left(t, act)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestTrailOfEachAuthentication: at each endpoint that somebody can log in at,
// each outcome leaves exactly the entry that it should (S10). Whoever nobody
// knows, and whoever failed too often, is counted and not written: nobody can
// fill a disk from outside.
func TestTrailOfEachAuthentication(t *testing.T) {
	const noSecret = "the secret is none of its live ones"
	for endpoint, at := range map[string]struct {
		action string
		facts  string // of a success
		send   func(t *testing.T, s *studio, u user) int
	}{
		"token": {"token.issue", "address aud jti method scope", func(t *testing.T, s *studio, u user) int {
			return s.do(t, request{path: "/oauth2/token", header: u.basic(), body: grant}).status
		}},
		"introspect": {"login.accept", "address method", func(t *testing.T, s *studio, u user) int {
			return s.do(t, request{path: "/oauth2/introspect", header: u.basic(), body: form("token", "x")}).status
		}},
		"revoke": {"login.accept", "address method", func(t *testing.T, s *studio, u user) int {
			return s.do(t, request{path: "/oauth2/revoke", header: u.basic(), body: form("token", "x")}).status
		}},
		"authn": {"code.issue", "address client_id family method", func(t *testing.T, s *studio, u user) int {
			a := s.step(t, s.flow(t), basicID, u)
			if a.status == 200 && a.json["flowStatus"] != "SUCCESS_COMPLETED" {
				return 401
			}
			return a.status
		}},
	} {
		t.Run(endpoint, func(t *testing.T) {
			s := newStudio(t)
			bot, blocked, limited, deleted := s.bot(t, authority.AgentChange{}), s.bot(t, authority.AgentChange{}), s.bot(t, authority.AgentChange{}), s.bot(t, authority.AgentChange{})
			old, short := s.bot(t, authority.AgentChange{}), s.bot(t, authority.AgentChange{})
			manager := s.client(t, "manager", "internal_token_introspect")
			_, err := s.ChangeAgent(t.Context(), admin, blocked.id, authority.AgentChange{Active: new(false)})
			must(t, err)
			_, err = s.ChangeAgent(t.Context(), admin, limited.id, authority.AgentChange{AuthMethods: &[]string{"private_key_jwt"}})
			must(t, err)
			must(t, s.DeleteAgent(t.Context(), admin, deleted.id, ""))
			secrets, err := s.Secrets(t.Context(), old.id)
			must(t, err)
			must(t, s.RevokeSecret(t.Context(), admin, old.id, secrets[0].ID, nil))
			secrets, err = s.Secrets(t.Context(), short.id)
			must(t, err)
			_, err = s.ExpireSecret(t.Context(), admin, short.id, secrets[0].ID, time.Now().Unix()+3600)
			must(t, err)

			refused := func(u user, why string) string {
				return u.id + " " + at.action + " refused: " + why + " [address method]"
			}
			client := authority.ClientPrincipal(manager.id)
			wrong := secret.Generate().Reveal()
			for _, tt := range []struct {
				name   string
				u      user
				status int
				want   []string
			}{
				{"right", bot, 200, []string{bot.id + " " + at.action + " done:  [" + at.facts + "]"}},
				{"wrong", user{bot.id, wrong}, 401, []string{refused(bot, noSecret)}},
				{"wrong, as people choose them", user{bot.id, "Tr0ub4dor&3"}, 401, []string{refused(bot, noSecret)}},
				{"another's", user{bot.id, limited.secret}, 401, []string{refused(bot, noSecret)}},
				{"revoked", old, 401, []string{refused(old, noSecret)}},
				{"blocked", blocked, 401, []string{refused(blocked, "the agent is blocked")}},
				{"blocked, and wrong", user{blocked.id, wrong}, 401, []string{refused(blocked, noSecret)}},
				{"way that it may not use", limited, 401, []string{refused(limited, "it may not use client_secret_basic")}},
				{"deleted", deleted, 401, nil},
				{"unknown", user{"5d1f1f5e-0000-4000-8000-000000000000", wrong}, 401, nil},
				{"unknown, and of many letters", user{strings.Repeat("x\n", 2000), wrong}, 401, nil},
				{"client", manager, 200, []string{client + " " + at.action + " done:  [" + at.facts + "]"}},
				{"client, wrong", user{manager.id, wrong}, 401, []string{client + " " + at.action + " refused: " + noSecret + " [address method]"}},
			} {
				if endpoint == "authn" {
					switch tt.name { // it has a way of its own, and is for agents alone
					case "client":
						tt.status, tt.want = 401, []string{client + " code.issue refused: only agents log in through an application [address method]"}
					case "way that it may not use":
						tt.want[0] = strings.ReplaceAll(tt.want[0], "client_secret_basic", "client_secret_post")
					}
				}
				s.wantLeft(t, tt.name, func() {
					if status := at.send(t, s, tt.u); status != tt.status {
						t.Errorf("%s is answered with %d, want %d", tt.name, status, tt.status)
					}
				}, tt.want...)
			}

			// Too many failures are counted.
			before, err := s.Failures(t.Context())
			must(t, err)
			flood := s.bot(t, authority.AgentChange{})
			lines := s.left(t, func() {
				for range 25 {
					at.send(t, s, user{flood.id, wrong})
				}
			})
			after, err := s.Failures(t.Context())
			must(t, err)
			if len(lines) < 10 || len(lines) > 12 || after.Throttled-before.Throttled != int64(25-len(lines)) {
				t.Errorf("25 failures leave %d entries, and %d are counted", len(lines), after.Throttled-before.Throttled)
			}
			if after.Unknown != 3 {
				t.Errorf("%d logins of nobody are counted, want 3", after.Unknown)
			}
			s.later(2 * time.Hour)
			s.wantLeft(t, "expired", func() { at.send(t, s, short) }, refused(short, noSecret))
		})
	}
}

// Who shows a token to ask about one, or to end one, has logged in before; a
// token that does not count is nobody's.
func TestTrailOfBearers(t *testing.T) {
	o := newOffice(t)
	bot, other := o.bot(t, authority.AgentChange{}), o.bot(t, authority.AgentChange{})
	manager := o.client(t, "manager", "internal_token_introspect")
	mine, second, own := o.token(t, bot), o.token(t, bot), o.token(t, manager, "scope", "internal_token_introspect")
	ask := func(path, token string, who map[string][]string) func() {
		return func() { o.do(t, request{path: path, header: who, body: form("token", token)}) }
	}
	const revoked, login = " token.revoke done:  [jti]", " login.accept done:  [address method]"
	client := authority.ClientPrincipal(manager.id)
	o.wantLeft(t, "introspection", ask("/oauth2/introspect", mine, bearer(own)))
	o.wantLeft(t, "introspection by nobody", ask("/oauth2/introspect", mine, nil))
	o.wantLeft(t, "introspection by rubbish", ask("/oauth2/introspect", mine, bearer("x.y.z")))
	o.wantLeft(t, "revocation by rubbish", ask("/oauth2/revoke", mine, bearer("x.y.z")))
	o.wantLeft(t, "somebody else's", ask("/oauth2/revoke", mine, bearer(own)),
		client+" to "+bot.id+" token.revoke refused: The token is somebody else's. []")
	o.wantLeft(t, "somebody else's, by a secret", ask("/oauth2/revoke", mine, other.basic()),
		other.id+login, other.id+" to "+bot.id+" token.revoke refused: The token is somebody else's. []")
	o.wantLeft(t, "its own", ask("/oauth2/revoke", mine, bearer(mine)), bot.id+revoked)
	o.wantLeft(t, "again", ask("/oauth2/revoke", mine, bearer(mine)))
	o.wantLeft(t, "its own, by its secret", ask("/oauth2/revoke", second, bot.basic()), bot.id+login, bot.id+revoked)
	o.wantLeft(t, "again, by its secret", ask("/oauth2/revoke", second, bot.basic()), bot.id+login)
	o.wantLeft(t, "the client's", ask("/oauth2/revoke", own, bearer(own)), client+revoked)
	for _, path := range []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"} {
		o.wantLeft(t, "nonsense at "+path, func() {
			o.do(t, request{path: path, header: bot.basic(), body: "a=1&a=2"})
			o.do(t, request{path: path, header: bot.basic(), body: form("client_id", bot.id, "client_secret", bot.secret, "token", "x", "grant_type", "client_credentials")})
			o.do(t, request{path: path, method: "GET", header: bot.basic()})
		})
	}
	o.wantLeft(t, "an audience of another", func() {
		o.do(t, request{path: "/oauth2/token", header: bot.basic(), body: grant + "&resource=https://other.example"})
	}, bot.id+" token.issue refused: \"https://other.example\" is not an audience that it may ask for [address method]")
}

// A code leaves the login and the token; shown again it ends its tokens, once;
// one that is nobody's, or is over, leaves nothing.
func TestTrailOfCodes(t *testing.T) {
	s := newStudio(t)
	bot := s.bot(t, authority.AgentChange{})
	redeem := func(code string, but ...string) func() { return func() { s.exchange(t, code, but...) } }
	var code string
	s.wantLeft(t, "login", func() { code = s.code(t, bot) }, bot.id+" code.issue done:  [address client_id family method]")
	s.wantLeft(t, "another verifier", redeem(code, "code_verifier", strings.Repeat("w", 43)),
		bot.id+" token.issue refused: the code_verifier is not the one of the code [address method]")
	s.wantLeft(t, "the code", redeem(code), bot.id+" token.issue done:  [address aud client_id family jti method scope]")
	s.wantLeft(t, "again", redeem(code), bot.id+" token.revoke done:  [client_id family why]")
	s.wantLeft(t, "once more", redeem(code))
	s.wantLeft(t, "rubbish", redeem("rubbish"))
	late := s.code(t, bot)
	s.later(2 * time.Minute)
	s.wantLeft(t, "too late", redeem(late))
	s.wantLeft(t, "a flow that is none", func() { s.step(t, "rubbish", basicID, bot) })
	flow := s.flow(t)
	s.later(time.Hour)
	s.wantLeft(t, "a flow that is over", func() { s.step(t, flow, basicID, bot) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
