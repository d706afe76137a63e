package cli

import (
	"net/http"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
)

// /metrics is open to who asks on this machine, and to nobody whose request
// came here through something else.
func TestDirect(t *testing.T) {
	for _, tt := range []struct {
		peer, host, header string
		want               bool
	}{
		{"127.0.0.1:5000", "127.0.0.1:8484", "", true},
		{"127.0.0.1:5000", "localhost:8484", "User-Agent", true},
		{"127.0.0.1:5000", "localhost", "", true},
		{"[::1]:5000", "[::1]:8484", "", true},
		{"[::1]:5000", "[::1]", "", true},
		{"[::ffff:127.0.0.1]:5000", "127.0.0.1:8484", "", true},
		{"192.0.2.1:5000", "127.0.0.1:8484", "", false},
		{"", "127.0.0.1:8484", "", false},
		{"127.0.0.1:5000", "agents.example.com", "", false},      // a proxy that passes the name on
		{"127.0.0.1:5000", "rebound.example:8484", "", false},    // a page whose name leads here
		{"127.0.0.1:5000", "", "", false},                        // HTTP/1.0
		{"127.0.0.1:5000", "127.0.0.1:8484", "Forwarded", false}, // each proxy says it in its way
		{"127.0.0.1:5000", "127.0.0.1:8484", "X-Forwarded-For", false},
		{"127.0.0.1:5000", "127.0.0.1:8484", "X-Forwarded-Proto", false},
		{"127.0.0.1:5000", "127.0.0.1:8484", "X-Real-IP", false},
		{"127.0.0.1:5000", "127.0.0.1:8484", "Via", false},
	} {
		r := &http.Request{RemoteAddr: tt.peer, Host: tt.host, Header: http.Header{}}
		if tt.header != "" {
			r.Header.Set(tt.header, "")
		}
		if got := direct(r); got != tt.want {
			t.Errorf("from %q to %q with %q: %v, want %v", tt.peer, tt.host, tt.header, got, tt.want)
		}
	}
}

// An agent that is out since its secret expired was in no figure: it had no
// live secret, and only those had an age.
func TestOverdue(t *testing.T) {
	g := newGate(t)
	now := g.rules.Now()
	for _, tt := range []struct {
		name    string
		expires time.Duration // from now on; 0 never
		end     func(id, secretID string) error
	}{
		{"young", 0, nil},
		{"out", time.Hour, nil},
		{"out, and blocked", time.Hour, func(id, _ string) error {
			_, err := g.rules.ChangeAgent(t.Context(), self, id, authority.AgentChange{Active: new(false)})
			return err
		}},
		{"out, and a key", time.Hour, func(id, _ string) error {
			_, err := g.rules.AddPublicKey(t.Context(), self, authority.NewPublicKey{Rotation: authority.Rotation{AgentID: id}, JWK: []byte(someJWK)})
			return err
		}},
		{"out, and a key that is out", time.Hour, func(id, _ string) error {
			_, err := g.rules.AddPublicKey(t.Context(), self, authority.NewPublicKey{
				Rotation: authority.Rotation{AgentID: id, Expires: now.Add(time.Hour).Unix()}, JWK: []byte(someJWK),
			})
			return err
		}},
		{"revoked", time.Hour, func(id, secretID string) error { return g.rules.RevokeSecret(t.Context(), self, id, secretID, nil) }},
	} {
		a, _, err := g.rules.CreateAgent(t.Context(), self, authority.NewAgent{AgentChange: authority.AgentChange{DisplayName: &tt.name}})
		if err != nil {
			t.Fatal(err)
		}
		if tt.expires > 0 {
			if _, err := g.rules.ExpireSecret(t.Context(), self, a.ID, a.Secrets[0].ID, now.Add(tt.expires).Unix()); err != nil {
				t.Fatal(err)
			}
		}
		if tt.end != nil {
			if err := tt.end(a.ID, a.Secrets[0].ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		later         time.Duration
		live, overdue float64
	}{
		{0, 5, 0},
		{2 * time.Hour, 1, 2},
		{4 * day, 1, 3},
	} {
		g.ahead.Store(int64(tt.later))
		found, err := (&ages{rules: g.rules, issuer: g.issuer, overdue: 3 * day}).look()
		if err != nil || found.live != tt.live || found.overdue != tt.overdue {
			t.Errorf("%s later: %v live, %v overdue, %v; want %v, %v", tt.later, found.live, found.overdue, err, tt.live, tt.overdue)
		}
	}
}

// someJWK is the key of RFC 7515 §A.3.
const someJWK = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
