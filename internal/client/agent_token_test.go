package client_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/agentcreds/terraform-provider-agentcreds/internal/api"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/client"
	"github.com/agentcreds/terraform-provider-agentcreds/internal/secret"
)

func login() client.AgentLogin {
	return client.AgentLogin{AgentID: "a1", Secret: secret.New(value), Scopes: []string{"read", "write"}, Audiences: []string{"https://api.example"}}
}

const agentToken = `{"access_token":"eyJhbGciOiJub25lIn0.e30.x","token_type":"Bearer","expires_in":600,"scope":"read"}`

// An agent signs in with its own secret, whatever the client signs in with, and
// takes its token back in the same way.
func TestAgentToken(t *testing.T) {
	f := reference(sequence(body(200, agentToken), status(200)))
	c := f.over(t, func(cfg *client.Config) { cfg.Auth = client.BearerToken(secret.New("the-managers-own")) })
	token, err := c.AgentToken(t.Context(), login())
	if err != nil {
		t.Fatal(err)
	}
	left := time.Until(token.Expires)
	if token.Type != "Bearer" || token.Scope != "read" || left < 590*time.Second || left > 610*time.Second {
		t.Errorf("AgentToken = %+v, which ends in %v", token, left)
	}
	if err := c.RevokeAgentToken(t.Context(), login(), token.Value); err != nil {
		t.Fatal(err)
	}
	seen := f.requests()
	own := "Basic " + base64.StdEncoding.EncodeToString([]byte("a1:"+url.QueryEscape(value)))
	for i, want := range []string{"POST " + api.PathToken, "POST " + api.PathRevokeToken} {
		if got := seen[i].method + " " + seen[i].path; got != want || seen[i].query != "" || seen[i].header.Get("Authorization") != own {
			t.Errorf("request %d is %s?%s", i, got, seen[i].query)
		}
	}
	if want := "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example&scope=read+write"; seen[0].body != want {
		t.Errorf("the token was asked for with %s, want %s", seen[0].body, want)
	}
	if !strings.HasPrefix(seen[1].body, "token=eyJ") {
		t.Errorf("the token was revoked with %s", seen[1].body)
	}
}

// A token request is repeated, a revocation only when the server says that it
// did not begin; a 401 is final, because there is no other credential.
func TestAgentToken_repeated(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second http.HandlerFunc
		token, revoke int // requests
	}{
		{"lost", cut, body(200, agentToken), 2, 1},
		{"not now", status(503, "Retry-After", "0"), body(200, agentToken), 2, 2},
		{"refused", body(401, `{"error":"invalid_client"}`), body(200, agentToken), 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := reference(sequence(tt.first, tt.second))
			_, err := f.over(t).AgentToken(t.Context(), login())
			if got := len(f.requests()); got != tt.token || (err == nil) != (tt.token == 2) {
				t.Errorf("AgentToken made %d requests and returned %v, want %d", got, err, tt.token)
			}
			f = reference(sequence(tt.first, tt.second))
			err = f.over(t).RevokeAgentToken(t.Context(), login(), secret.New("t"))
			if got := len(f.requests()); got != tt.revoke || (err == nil) != (tt.revoke == 2) {
				t.Errorf("RevokeAgentToken made %d requests and returned %v, want %d", got, err, tt.revoke)
			}
			if tt.name == "lost" && !errors.Is(err, client.ErrAmbiguous) {
				t.Errorf("RevokeAgentToken = %v, want ErrAmbiguous", err)
			}
		})
	}
}

// Neither the secret nor the token comes back in an error; and what cannot be
// an id or a secret is not sent.
func TestAgentToken_errors(t *testing.T) {
	const opaque = "5b1c0a7e-opaque-token"
	f := reference(body(400, `{"error":"invalid_request","error_description":"who sends `+value+` and `+opaque+`?"}`))
	c := f.over(t)
	_, err := c.AgentToken(t.Context(), login())
	revoked := c.RevokeAgentToken(t.Context(), login(), secret.New(opaque))
	for _, err := range []error{err, revoked} {
		if err == nil || strings.Contains(fmt.Sprintf("%+v", err), value) {
			t.Errorf("the error is %v", err)
		}
	}
	if strings.Contains(revoked.Error(), opaque) {
		t.Errorf("the error is %v", revoked)
	}
	before := len(f.requests())
	for _, l := range []client.AgentLogin{{Secret: secret.New(value)}, {AgentID: "a1"}, {AgentID: "a1", Secret: secret.New("x\n")}} {
		if _, err := c.AgentToken(t.Context(), l); err == nil {
			t.Errorf("AgentToken(%q) succeeded", l.AgentID)
		}
	}
	if len(f.requests()) != before {
		t.Error("a login that cannot be right was sent")
	}
}
