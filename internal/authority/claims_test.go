package authority

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzClaims holds the claims of a token to what encoding/json makes of them.
func FuzzClaims(f *testing.F) {
	f.Add("https://auth.example", "agent", "read write", int64(1755000000), "one two", "x5t", true)
	f.Add("", "", "", int64(-1), "", "", false)
	f.Add(`a"b`, "\xff", "<&>", int64(0), "one", "\u2028", true)
	f.Fuzz(func(t *testing.T, one, two, scope string, n int64, audience, bound string, confirmed bool) {
		c := Claims{
			Issuer: one, Subject: two, ClientID: scope, Audience: strings.Fields(audience), Scope: scope, ID: bound,
			IssuedAt: n, Expires: n + 600, AuthorizedUser: two, Epoch: n / 2, Credential: one, Family: bound,
		}
		if confirmed {
			c.Confirmation = &Confirmation{bound}
		}
		want, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.appendTo(nil); string(got) != string(want) {
			t.Errorf("the claims are\n%s, want\n%s", got, want)
		}
	})
}
