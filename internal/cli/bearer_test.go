package cli

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/authority"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/store/sqlite"
)

func TestBearer(t *testing.T) {
	token := newToken()
	text := token.Reveal()
	for _, tt := range []struct {
		name   string
		token  secret.Text
		header []string
		want   bool
	}{
		{"right", token, []string{"Bearer " + text}, true},
		{"in small letters", token, []string{"bearer " + text}, true},
		{"with spaces", token, []string{"Bearer   " + text + " "}, true},
		{"none", token, nil, false},
		{"empty", token, []string{""}, false},
		{"only the scheme", token, []string{"Bearer"}, false},
		{"an empty token", token, []string{"Bearer "}, false},
		{"only the token", token, []string{text}, false},
		{"another scheme", token, []string{"Basic " + text}, false},
		{"shorter", token, []string{"Bearer " + text[:len(text)-1]}, false},
		{"longer", token, []string{"Bearer " + text + "x"}, false},
		{"in capitals", token, []string{"Bearer " + strings.ToUpper(text)}, false},
		{"twice", token, []string{"Bearer " + text, "Bearer " + text}, false},
		{"two in one", token, []string{"Bearer " + text + ", Bearer " + text}, false},
		{"turned off", secret.Text{}, []string{"Bearer " + text}, false},
		{"turned off, empty", secret.Text{}, []string{"Bearer "}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := adminOnly(t, tt.token).principal(&http.Request{Header: http.Header{"Authorization": tt.header}})
			if (err == nil) != tt.want {
				t.Fatalf("got %v", err)
			}
			if p.May("anything") != tt.want || (tt.want && (p.Name != "admin" || p.Scopes[0] != authority.AllScopes)) {
				t.Errorf("the principal is %+v", p)
			}
			if err != nil && strings.Contains(err.Error(), text) {
				t.Error("the error repeats the token")
			}
		})
	}
}

// adminOnly is a store that knows the admin token, and nobody else.
func adminOnly(t *testing.T, token secret.Text) access {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "agents.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	rules, err := authority.New(authority.Config{Store: s})
	if err == nil {
		err = rules.SetAdminToken(t.Context(), authority.Principal{Name: "test"}, token)
	}
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := authority.NewIssuer(authority.IssuerConfig{
		Authority: rules, URL: testIssuer, Seal: func() (secret.SealKey, error) { return secret.SealKey{}, errors.New("nobody needs it") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return access{rules: rules, issuer: issuer}
}

// Tokens are of 256 bits, and no two are the same.
func TestNewToken(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		text := newToken().Reveal()
		if !strings.HasPrefix(text, tokenPrefix) || len(text) != len(tokenPrefix)+43 || !token68().MatchString(text) || seen[text] {
			t.Fatalf("the token is of %d characters, or was there before", len(text))
		}
		seen[text] = true
	}
}

// Of several who make the token at once one wins, and all have that one.
func TestMakeToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	var tokens [16]secret.Text
	var done sync.WaitGroup
	for i := range tokens {
		done.Go(func() {
			var err error
			if tokens[i], err = makeToken(path); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	for _, token := range tokens {
		if token.IsZero() || !token.Equal(tokens[0]) {
			t.Error("not all have the same token")
		}
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) != 1 {
		t.Errorf("there is %v, %v", left, err)
	}
}
